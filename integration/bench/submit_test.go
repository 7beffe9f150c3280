package bench

import (
	"context"
	"errors"
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

// echoVariable makes the test binary an echo server on the listener that it inherits.
const echoVariable = "REACTORD_BENCH_ECHO"

// submitTime is how long each side is driven in one run.
const submitTime = 4 * time.Second

// BenchmarkSubmit measures submissions that are on disk when they are answered, each a call of its
// own, against calls to a bare grpc-go server in a process of its own, in turn. The workloads run
// meanwhile: each sleeps a millisecond and ends.
func BenchmarkSubmit(b *testing.B) {
	echo := startEcho(b, "unix")
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			for b.Loop() {
				d := testkit.Start(b, b.TempDir())
				module := d.Push(b, examples.Sleeper)
				warmUp(b, d, sleepingProgram(module, 1))
				request := &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "1"}}}
				bare := drive(b, submitTime, clients, func(ctx context.Context) error {
					_, err := echo.client.Check(ctx, &healthv1.HealthCheckRequest{})
					return err
				})
				before := processCPU(b, d.PID)
				submits := drive(b, submitTime, clients, func(ctx context.Context) error {
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

// drive calls from as many clients for a time and returns the calls per second.
func drive(b *testing.B, howLong time.Duration, clients int, call func(context.Context) error) float64 {
	b.Helper()
	var (
		calls atomic.Int64
		wg    sync.WaitGroup
		end   = time.Now().Add(howLong)
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
	return float64(calls.Load()) / howLong.Seconds()
}

// echoServer is a bare grpc-go server in a process of its own.
type echoServer struct {
	client    healthv1.HealthClient
	workloads reactorv1.WorkloadServiceClient // of which there is Call
	pid       int
}

// startEcho starts a bare grpc-go server that listens on a unix socket or on a port of loopback.
func startEcho(b *testing.B, network string) *echoServer {
	b.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "echo-") //nolint:usetesting // b.TempDir is too long a path for a socket
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				b.Error(err)
			}
		})
		address = filepath.Join(dir, "s")
	}
	target, pid := serveEchoApart(b, network, address)
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() }) // the server is gone
	client := healthv1.NewHealthClient(conn)
	if _, err := client.Check(b.Context(), &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		b.Fatal(err)
	}
	return &echoServer{client, reactorv1.NewWorkloadServiceClient(conn), pid}
}

// serveEchoApart runs serveEcho in a process of its own, and returns what gRPC calls its address, and the process.
func serveEchoApart(b *testing.B, network, address string) (target string, pid int) {
	b.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), echoVariable+"=1")
	cmd.ExtraFiles = []*os.File{listener}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(cmd.Process.Kill(), l.Close()); err != nil {
			b.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
	if network == "unix" {
		return "unix://" + address, cmd.Process.Pid
	}
	return l.Addr().String(), cmd.Process.Pid
}

// serveEcho is the server: the health service, which answers a small message with a small message.
func serveEcho() int {
	const inherited = 3 // the first of cmd.ExtraFiles
	listener, err := net.FileListener(os.NewFile(inherited, "listener"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := grpc.NewServer()
	healthv1.RegisterHealthServer(server, health.NewServer())
	reactorv1.RegisterWorkloadServiceServer(server, bareStreams{})
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
