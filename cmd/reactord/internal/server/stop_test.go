package server

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"
)

// hangingHealth is a service whose handler waits for what does not come, whatever becomes of its call.
type hangingHealth struct {
	healthv1.UnimplementedHealthServer
	began, end chan struct{}
}

func (h *hangingHealth) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	close(h.began)
	<-h.end
	return &healthv1.HealthCheckResponse{}, nil
}

// A handler that does not end is left, and told.
func TestStopLeavesWhatHangs(t *testing.T) {
	service := &hangingHealth{began: make(chan struct{}), end: make(chan struct{})}
	s := &Server{health: NewHealth()}
	e := &edge{log: zap.NewNop(), calls: &s.calls, begin: untraced}
	s.grpc = grpc.NewServer(grpc.ChainUnaryInterceptor(e.unary), grpc.WaitForHandlers(true))
	healthv1.RegisterHealthServer(s.grpc, service)
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (c net.Conn, err error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{}) }()
	<-service.began

	over, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(over) }()
	select {
	case err := <-stopped:
		if hung, ok := errors.AsType[*HungError](err); !ok || hung.Count != 1 || !strings.Contains(hung.Error(), "Health/Check") {
			t.Errorf("it says %v", err)
		}
	case <-time.After(10 * time.Minute):
		t.Error("it waits for the handler")
	}
	close(service.end)
	if err := <-served; err != nil {
		t.Error(err)
	}
}
