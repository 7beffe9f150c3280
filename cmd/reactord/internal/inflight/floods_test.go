package inflight

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/internal/piped"
)

// A client that sends frames of which nothing comes is read slowly, and then no more.
func TestFloods(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flood func(r *raw) error
	}{
		{"acknowledged PING", func(r *raw) error { return r.WritePing(true, [8]byte{}) }},
		{"SETTINGS", func(r *raw) error { return r.WriteSettings() }},
		{"WINDOW_UPDATE", func(r *raw) error { return r.WriteWindowUpdate(0, 1) }},
		{"PRIORITY", func(r *raw) error { return r.WritePriority(9, http2.PriorityParam{Weight: 3}) }},
		{"what nobody knows", func(r *raw) error { return r.WriteRawFrame(0xee, 0, 0, nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := NewGate(Limits{}, anybody, zap.NewNop())
				server := grpc.NewServer(append(gate.Options(), grpc.Creds(Credentials(insecure.NewCredentials())))...)
				healthv1.RegisterHealthServer(Registrar{Server: server, Gate: gate, Default: 1000}, health.NewServer())
				l := piped.Listen()
				go func() { _ = server.Serve(gate.Listener(l)) }()
				defer server.Stop()
				conn, err := l.Dial()
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				r := &raw{Framer: http2.NewFramer(conn, conn), conn: conn, next: 1}
				r.AllowIllegalWrites = true
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
					t.Fatal(err)
				}
				start, n := time.Now(), 0
				for err := r.WriteSettings(); err == nil && n < 100_000; n++ {
					err = tt.flood(r)
				}
				if took := time.Since(start); n > 40_000 || took > time.Minute {
					t.Errorf("%d frames were taken in %v", n, took)
				}
			})
		})
	}
}
