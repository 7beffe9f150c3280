package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// echoVariable makes the test binary an echo server on the unix socket it names.
const echoVariable = "REACTORD_BENCH_ECHO"

// submitTime is how long each side is driven in one run.
const submitTime = 4 * time.Second

// BenchmarkSubmit measures submissions that are on disk when they are answered, each a call of its
// own, against calls to a bare grpc-go server in a process of its own, in turn. The workloads run
// meanwhile: each sleeps a millisecond and ends.
func BenchmarkSubmit(b *testing.B) {
	echo := startEcho(b)
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			for b.Loop() {
				d := testkit.Start(b, b.TempDir())
				module := d.Push(b, examples.Sleeper)
				warmUp(b, d, module)
				request := &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "1"}}}
				bare := drive(b, clients, func(ctx context.Context) error {
					_, err := echo.Check(ctx, &healthv1.HealthCheckRequest{})
					return err
				})
				before := processCPU(b, d.PID)
				submits := drive(b, clients, func(ctx context.Context) error {
					_, err := d.Workloads.SubmitWorkload(ctx, request)
					return err
				})
				b.ReportMetric(submits, "submits/s")
				used := processCPU(b, d.PID) - before
				b.ReportMetric(float64(used.Microseconds())/(submits*submitTime.Seconds()), "daemon-cpu-us/submit")
				b.ReportMetric(bare, "echoes/s")
				b.ReportMetric(submits/bare, "x-echo")
				d.Stop()
			}
		})
	}
}

// drive calls from as many clients for submitTime and returns the calls per second.
func drive(b *testing.B, clients int, call func(context.Context) error) float64 {
	b.Helper()
	var (
		calls atomic.Int64
		wg    sync.WaitGroup
		end   = time.Now().Add(submitTime)
	)
	for range clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := call(b.Context()); err != nil {
					b.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(calls.Load()) / submitTime.Seconds()
}

// startEcho starts a bare grpc-go server in a process of its own.
func startEcho(b *testing.B) healthv1.HealthClient {
	b.Helper()
	dir, err := os.MkdirTemp("", "echo-") //nolint:usetesting // b.TempDir is too long a path for a socket
	if err != nil {
		b.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), echoVariable+"="+socket)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			b.Error(err)
		}
		_ = cmd.Wait() // it was killed
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() }) // the server is gone
	client := healthv1.NewHealthClient(conn)
	if _, err := client.Check(b.Context(), &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		b.Fatal(err)
	}
	return client
}

// serveEcho is the server: the health service, which answers a small message with a small message.
func serveEcho(socket string) int {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := grpc.NewServer()
	healthv1.RegisterHealthServer(server, health.NewServer())
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
