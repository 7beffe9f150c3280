package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/examples"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Stop ends every stream, those that would never end by themselves too, and leaves nothing behind.
func TestStop(t *testing.T) {
	d, err := Start(t.Context(), config.Config{
		Listen: []config.Address{{Network: "tcp", Addr: "127.0.0.1:0"}, {Network: "unix", Addr: socket(t)}},

		InsecureNoAuth: true,
		Reactor:        reactor.Config{DataDir: t.TempDir(), Workers: 1},
	}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var streams []func() error
	for _, a := range d.Addresses() {
		target := a.String()
		conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		stats, err := reactorv1.NewNodeServiceClient(conn).WatchStats(ctx, &reactorv1.WatchStatsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		changes, err := reactorv1.NewWorkloadServiceClient(conn).WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		health, err := healthv1.NewHealthClient(conn).Watch(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, first := range []func() error{next(stats), next(changes), next(health)} {
			if err := first(); err != nil {
				t.Fatalf("at %s: %v", target, err)
			}
		}
		streams = append(streams, next(stats), next(changes), next(health))
	}
	if err := d.Stop(ctx); err != nil {
		t.Errorf("stopping: %v", err)
	}
	for i, next := range streams {
		var err error
		for err == nil {
			err = next()
		}
		if last := i%3 == 2; !last && !errors.Is(err, io.EOF) { // a watch of the health is broken off
			t.Errorf("stream %d ended with %v, want EOF", i, err)
		}
	}
	if ctx.Err() != nil {
		t.Error("it took ten minutes")
	}
}

// The page is served until the end, its calls need the token although the API is at a socket alone, and a stream of it holds up nothing.
func TestStopWithPage(t *testing.T) {
	dir := t.TempDir()
	d, err := Start(t.Context(), config.Config{
		Listen: []config.Address{{Network: "unix", Addr: socket(t)}}, UI: config.Address{Network: "tcp", Addr: "127.0.0.1:0"},
		Reactor: reactor.Config{DataDir: dir, Workers: 1},
	}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(local.Token(dir))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	watch := func(token string) *http.Response {
		t.Helper()
		at := "http://" + d.ui.listener.Addr().String() + reactorv1.WorkloadService_WatchWorkloads_FullMethodName
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader("\x00\x00\x00\x00\x02{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{
			"Content-Type": {"application/connect+json"}, "Connect-Protocol-Version": {"1"}, "Authorization": {"Bearer " + token},
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	first := make([]byte, 1)
	stays := watch(strings.TrimSpace(string(token)))
	defer stays.Body.Close()
	if _, err := io.ReadFull(stays.Body, first); err != nil || first[0] != 0 {
		t.Errorf("with the token the stream begins with %d, %v", first[0], err)
	}
	refused := watch("another")
	defer refused.Body.Close()
	if text, err := io.ReadAll(refused.Body); err != nil || !strings.Contains(string(text), `"unauthenticated"`) {
		t.Errorf("with another token: %v, %q", err, text)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// A client that does not read cannot hold up the end.
func TestStopWithDeafClient(t *testing.T) {
	d, err := Start(t.Context(), config.Config{
		Listen:  []config.Address{{Network: "unix", Addr: socket(t)}},
		Reactor: reactor.Config{DataDir: t.TempDir(), Workers: 1, GracePeriod: -1},
	}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(d.Addresses()[0].String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(64<<10)) // and no larger ones later
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	workloads := reactorv1.NewWorkloadServiceClient(conn)
	changes, err := workloads.WatchWorkloads(t.Context(), &reactorv1.WatchWorkloadsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := next(changes)(); err != nil {
		t.Fatal(err)
	}
	pushed := push(t, reactorv1.NewModuleServiceClient(conn), examples.Sleeper)
	for range 20 { // of which the watch would tell 64 KiB each, at least once
		if _, err := workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
			Module: pushed, Stdin: make([]byte, 64<<10),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func push(t *testing.T, modules reactorv1.ModuleServiceClient, binary []byte) (digest string) {
	t.Helper()
	stream, err := modules.PushModule(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest = fmt.Sprintf("sha256:%x", sha256.Sum256(binary))
	for _, req := range []*reactorv1.PushModuleRequest{
		{Part: &reactorv1.PushModuleRequest_Header{Header: &reactorv1.PushModuleHeader{Digest: digest, SizeBytes: uint64(len(binary))}}},
		{Part: &reactorv1.PushModuleRequest_Chunk{Chunk: binary}},
	} {
		if err := stream.Send(req); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return digest
}

// next receives from a stream.
func next[T any](stream interface{ Recv() (*T, error) }) func() error {
	return func() error {
		_, err := stream.Recv()
		return err
	}
}

// A daemon that cannot open its store listens no more.
func TestStartFails(t *testing.T) {
	path := socket(t)
	_, err := Start(t.Context(), config.Config{
		Listen:  []config.Address{{Network: "unix", Addr: path}},
		Reactor: reactor.Config{DataDir: "relative"},
	}, zap.NewNop())
	if err == nil {
		t.Fatal("it started")
	}
	if listeners, err := listen(t.Context(), []config.Address{{Network: "unix", Addr: path}}, nil); err != nil {
		t.Errorf("the address is still taken: %v", err)
	} else {
		closeAll(listeners)
	}
}
