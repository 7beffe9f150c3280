package inflight

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/reactord/reactord/reactor/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// aLongTime is what nothing takes but what never ends, however busy the machine is.
const aLongTime = 5 * time.Minute

const (
	check = "/grpc.health.v1.Health/Check"
	watch = "/grpc.health.v1.Health/Watch"
)

// serve serves the health service behind a gate.
func serve(t *testing.T, limits Limits, mostBytes int, log *zap.Logger) (*Gate, string) {
	t.Helper()
	gate := NewGate(limits, anybody, log)
	server := grpc.NewServer(append(gate.Options(), grpc.WaitForHandlers(true), grpc.Creds(Credentials(insecure.NewCredentials())))...)
	healthv1.RegisterHealthServer(Registrar{
		Server: server, Gate: gate, Default: mostBytes,
		Status: func(_ context.Context, err error) error {
			if e, ok := errors.AsType[*errs.Error](err); ok {
				return status.Error(codes.ResourceExhausted, e.Class.String())
			}
			return err
		},
	}, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(gate.Listener(l)) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		gate.bytes.mu.Lock()
		defer gate.bytes.mu.Unlock()
		if gate.bytes.used != 0 || gate.conns.Count() != 0 {
			t.Errorf("%d bytes and %d connections are left", gate.bytes.used, gate.conns.Count())
		}
	})
	return gate, l.Addr().String()
}

func dial(t *testing.T, addr string) healthv1.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthv1.NewHealthClient(conn)
}

// raw is a client that says what it likes.
type raw struct {
	*http2.Framer
	conn net.Conn
	next uint32
}

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(aLongTime)); err != nil {
		t.Fatal(err)
	}
	r := &raw{Framer: http2.NewFramer(conn, conn), conn: conn, next: 1}
	r.AllowIllegalWrites = true
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return r
}

// call opens a stream.
func (r *raw) call(t *testing.T, method string) uint32 {
	t.Helper()
	var block headerBlock
	enc := hpack.NewEncoder(&block)
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: method}, {Name: ":authority", Value: "x"},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	} {
		if err := enc.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	id := r.next
	r.next += 2
	if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	return id
}

type headerBlock []byte

func (b *headerBlock) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// ended reads until the server ends the connection.
func (r *raw) ended() error {
	for {
		if _, err := r.ReadFrame(); err != nil {
			return err
		}
	}
}

func TestLargeMessageIsRefused(t *testing.T) {
	_, addr := serve(t, Limits{}, 1000, zap.NewNop())
	client := dial(t, addr)
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: string(make([]byte, 1001))})
	if status.Code(err) != codes.ResourceExhausted || status.Convert(err).Message() != "LIMIT_EXCEEDED" {
		t.Errorf("got %v, want that it is too large", err)
	}
	stream, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{Service: string(make([]byte, 1001))})
	if err == nil {
		_, err = stream.Recv()
	}
	if err == nil {
		t.Error("a stream took a message that is too large")
	}
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// A message waits for room before more of it is received than a window, then is refused; small ones
// go on.
func TestMessageWaitsForRoom(t *testing.T) {
	gate, addr := serve(t, Limits{Bytes: 4 << 20, Patience: 50 * time.Millisecond}, 16<<20, zap.NewNop())
	other := gate.bytes.NewShare(0)
	held, _ := other.TryTake(3 << 20)
	client := dial(t, addr)
	large := &healthv1.HealthCheckRequest{Service: string(make([]byte, 500_000))}
	_, err := client.Check(t.Context(), large)
	if status.Code(err) != codes.ResourceExhausted || status.Convert(err).Message() != "TOO_MUCH_IN_FLIGHT" {
		t.Errorf("got %v, want that too much is in flight", err)
	}
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("a small call: %v", err)
	}
	held.Release()
	if _, err := client.Check(t.Context(), large); status.Code(err) != codes.NotFound { // what the service says of that name
		t.Errorf("with room: %v", err)
	}
	_, err = client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: string(make([]byte, 1<<20))})
	if status.Convert(err).Message() != "LIMIT_EXCEEDED" {
		t.Errorf("what never fits: %v", err)
	}
}

// A client that goes away leaves nothing taken for what it sent and nobody read.
func TestUnreadBytesAreGivenBack(t *testing.T) {
	const size = 600_000
	gate, addr := serve(t, Limits{Bytes: 4 << 20, Patience: aLongTime}, 16<<20, zap.NewNop())
	other := gate.bytes.NewShare(0)
	held, _ := other.TryTake(2 << 20) // so that handlers wait for room, and leave unread what comes
	defer held.Release()
	awaitUsed := func(when string, enough func(used int64) bool) {
		t.Helper()
		for start := time.Now(); ; runtime.Gosched() {
			gate.bytes.mu.Lock()
			used := gate.bytes.used
			gate.bytes.mu.Unlock()
			if enough(used) {
				return
			}
			if time.Since(start) > aLongTime {
				t.Fatalf("%d bytes are taken %s", used, when)
			}
		}
	}
	r := dialRaw(t, addr)
	for range 8 { // each as much as gRPC takes of a message
		id := r.call(t, check)
		part := append(binary.BigEndian.AppendUint32([]byte{0}, size), make([]byte, 15_000)...)
		for range 4 {
			if err := r.WriteData(id, false, part); err != nil {
				t.Fatal(err)
			}
		}
	}
	awaitUsed("for what is unread", func(used int64) bool { return used > held.n })
	_ = r.conn.Close()
	awaitUsed("when the client has gone", func(used int64) bool { return used == held.n })
}

// What a client may do by the letter of HTTP/2, and no client of gRPC does, costs its connection.
func TestBrokenOff(t *testing.T) {
	message := func(n int) []byte {
		return append([]byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, min(n, 1000))...)
	}
	for _, tt := range []struct {
		name string
		do   func(r *raw) error
	}{
		{"a second message in a call of one", func(r *raw) error {
			id := r.call(t, check)
			return errors.Join(r.WriteData(id, false, message(0)), r.WriteData(id, false, message(10)))
		}},
		{"frames of a byte", func(r *raw) error {
			id := r.call(t, check)
			err := r.WriteData(id, false, message(50_000))
			for range 1000 {
				err = errors.Join(err, r.WriteDataPadded(id, false, []byte{1}, make([]byte, 200)))
			}
			return err
		}},
		{"frames of nothing", func(r *raw) (err error) {
			id := r.call(t, watch)
			for range 1000 {
				err = errors.Join(err, r.WriteData(id, false, nil))
			}
			return err
		}},
		{"a large message that stays incomplete", func(r *raw) error {
			return r.WriteData(r.call(t, check), false, message(400_000))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, addr := serve(t, Limits{ReadTimeout: 100 * time.Millisecond, BytesPerSecond: 4 << 20}, 16<<20, zap.NewNop())
			r := dialRaw(t, addr)
			_ = tt.do(r) // the end may come before all is written
			if err := r.ended(); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is left open")
			}
		})
	}
}

// Calls beyond what all connections may have are refused; each connection has some of its own.
func TestCallsAreBounded(t *testing.T) {
	_, addr := serve(t, Limits{Calls: 4, CallsOfConnection: 2}, 1000, zap.NewNop())
	hog, other := dial(t, addr), dial(t, addr)
	opened := 0
	for range 20 {
		stream, err := hog.Watch(t.Context(), &healthv1.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		switch {
		case err == nil:
			opened++
		case status.Code(err) != codes.ResourceExhausted:
			t.Fatalf("got %v, want a refusal", err)
		}
	}
	if opened != 4 { // its own, and half of the others
		t.Errorf("one connection has %d calls", opened)
	}
	if _, err := other.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("another connection: %v", err)
	}
	if _, err := other.Watch(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("another connection: %v", err)
	}
}

// A call that ended leaves its place to the next, however it ended.
func TestPlacesAreGivenBack(t *testing.T) {
	gate, addr := serve(t, Limits{Calls: 1, CallsOfConnection: 1}, 1000, zap.NewNop())
	client := dial(t, addr)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.Watch(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil && status.Code(err) != codes.ResourceExhausted { // the one before may be ending
			t.Fatal(err)
		}
		cancel()
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := client.Check(late, &healthv1.HealthCheckRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a late call: %v", err)
	}
	for start := time.Now(); ; {
		_, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err == nil {
			break
		}
		if time.Since(start) > aLongTime {
			t.Fatalf("a call after all have ended: %v", err)
		}
	}
	if err := grpcInvoke(t.Context(), addr, "/no.such.Service/Method"); status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that does not exist: %v", err)
	}
	for start := time.Now(); ; {
		gate.calls.mu.Lock()
		used := gate.calls.used
		gate.calls.mu.Unlock()
		if used == 0 {
			break
		}
		if time.Since(start) > aLongTime {
			t.Fatalf("%d places are taken", used)
		}
	}
}

func grpcInvoke(ctx context.Context, addr, method string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Invoke(ctx, method, &healthv1.HealthCheckRequest{}, &healthv1.HealthCheckResponse{})
}

// Beyond the bound a new connection takes the place of the one that was idle for longest, and one
// with a call is left alone. The log has a line when that begins, and one when it is over.
func TestConnectionsAreBounded(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	_, addr := serve(t, Limits{Connections: 8}, 1000, zap.New(core))
	busy := dial(t, addr)
	stream, err := busy.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	var idle []*raw
	for range 30 {
		idle = append(idle, dialRaw(t, addr))
	}
	if _, err := dial(t, addr).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("a new client beside many idle ones: %v", err)
	}
	if _, err := busy.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("a client with a call: %v", err)
	}
	if err := idle[0].ended(); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection that was idle for longest is still there")
	}
	for _, r := range idle {
		_ = r.conn.Close()
	}
	for start := time.Now(); logs.Len() < 2 && time.Since(start) < aLongTime; {
		_, _ = busy.Check(t.Context(), &healthv1.HealthCheckRequest{})
	}
	lines := logs.All()
	if len(lines) != 2 || lines[0].Level != zapcore.WarnLevel || lines[1].Level != zapcore.InfoLevel {
		t.Errorf("the log has %v, want a warning and its end", lines)
	}
}

// anybody lets all calls in.
func anybody(ctx context.Context, _ *tap.Info) (context.Context, error) { return ctx, nil }

// However many connections read pages, a record is read at once.
func TestRecordsDoNotWaitForPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(Limits{}, nil, zap.NewNop())
		call := func() context.Context {
			client, _ := net.Pipe()
			return context.WithValue(t.Context(), callKey{}, &call{conn: newConn(client, g)})
		}
		for range maxReads() {
			if _, err := Reading(call(), true); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		done, err := Reading(call(), false)
		if err != nil || time.Since(start) != 0 {
			t.Fatalf("a record: %v after %v", err, time.Since(start))
		}
		done()
		if _, err := Reading(call(), true); errs.ClassOf(err) != errs.TooMuchInFlight {
			t.Errorf("one page more: %v, want it refused when its patience is over", err)
		}
	})
}
