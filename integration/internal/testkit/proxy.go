package testkit

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Proxy passes calls on to the daemon, and returns where it listens, as a gRPC target. before is called with the full name
// of the method before each of them, on a goroutine of the call's own: so a test can do something between two calls of a
// program.
func (d *Daemon) Proxy(t testing.TB, before func(method string)) (address string) {
	t.Helper()
	conn, err := grpc.NewClient(d.Address, slices.Concat(d.options, []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}))})...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "proxy")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, from grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(from)
		before(method)
		return pass(method, from, conn)
	}))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := errors.Join(<-served, conn.Close()); err != nil {
			t.Error(err)
		}
	})
	return "unix://" + path
}

// pass makes a call with the requests of another one, and passes its answers back.
func pass(method string, from grpc.ServerStream, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithCancel(from.Context())
	defer cancel()
	sent, _ := metadata.FromIncomingContext(ctx)
	to, err := conn.NewStream(metadata.NewOutgoingContext(ctx, sent), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	go func() { // until the call has ended
		for {
			var message []byte
			if err := from.RecvMsg(&message); errors.Is(err, io.EOF) {
				_ = to.CloseSend() // it returns nil
				return
			} else if err != nil || to.SendMsg(&message) != nil {
				return // RecvMsg below has the reason
			}
		}
	}()
	for {
		var message []byte
		if err := to.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := from.SendMsg(&message); err != nil {
			return err
		}
	}
}

// raw is a codec of messages that stay as they are.
type raw struct{}

func (raw) Name() string                    { return "proto" }
func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = append([]byte(nil), b...); return nil }
