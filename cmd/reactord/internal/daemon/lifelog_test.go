package daemon

import (
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/examples"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
)

// A workload's life is in the log, with the trace of the call that submitted it.
func TestLifeLog(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	core, logs := observer.New(zapcore.InfoLevel)
	d, err := Start(t.Context(), config.Config{
		Listen:  []config.Address{{Network: "unix", Addr: socket(t)}},
		Reactor: reactor.Config{DataDir: t.TempDir(), Workers: 1, GracePeriod: -1},
	}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(d.Addresses()[0].String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	workloads := reactorv1.NewWorkloadServiceClient(conn)
	pushed := push(t, reactorv1.NewModuleServiceClient(conn), examples.Sleeper)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", trace)
	requests := []*reactorv1.SubmitWorkloadRequest{
		{Id: "one", Spec: &reactorv1.WorkloadSpec{Module: pushed}},
		{Id: "two", Spec: &reactorv1.WorkloadSpec{Module: pushed}},
	}
	if _, err := workloads.SubmitWorkload(ctx, requests[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := workloads.SubmitWorkloads(ctx, &reactorv1.SubmitWorkloadsRequest{Requests: requests[1:]}); err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if _, err := workloads.WaitWorkload(t.Context(), &reactorv1.WaitWorkloadRequest{Id: r.GetId()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Errorf("stopping: %v", err)
	}
	for _, r := range requests {
		var lines []string
		for _, line := range logs.FilterField(zap.String("workload", r.GetId())).All() {
			lines = append(lines, line.Message)
			if got := line.ContextMap()["traceparent"]; got != trace {
				t.Errorf("%q has the trace %v", line.Message, got)
			}
		}
		slices.Sort(lines) // it may start before it has been told that it was submitted
		want := []string{"workload ended", "workload started", "workload submitted"}
		if !slices.Equal(lines, want) {
			t.Errorf("of %s is logged %q, want %q", r.GetId(), lines, want)
		}
	}
}
