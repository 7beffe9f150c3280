package bench

import (
	"context"
	"net"
	"os/exec"
	"sync/atomic"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkTraces measures a daemon that keeps a hundredth of the traces, and one that makes none, in turn: submissions by 16 clients,
// and the waits of guests that sleep for a millisecond again and again. spans are those that were sent.
func BenchmarkTraces(b *testing.B) {
	const pairs = 10
	for b.Loop() {
		var rates, submits, waits []float64 // on/off, of each pair
		c := &spanCounter{}
		address := c.serve(b)
		for pair := range pairs {
			var rate, submit, wait [2]float64
			for turn := range 2 {
				on := (pair + turn) % 2 // which one begins changes from pair to pair
				rate[on], submit[on], wait[on] = traced(b, on == 1, address)
			}
			rates, submits, waits = append(rates, rate[1]/rate[0]), append(submits, submit[1]/submit[0]), append(waits, wait[1]/wait[0])
		}
		b.ReportMetric(median(rates), "submits-on/off")
		b.ReportMetric(median(submits), "submit-cpu-on/off")
		b.ReportMetric(median(waits), "wait-cpu-on/off")
		b.ReportMetric(float64(c.spans.Load()), "spans")
	}
}

// traced returns submissions a second, and the microseconds of the daemon's processor time for each, and for each wait.
func traced(b *testing.B, on bool, collector string) (rate, submit, wait float64) {
	b.Helper()
	d := testkit.StartWith(b, b.TempDir(), func(cmd *exec.Cmd) {
		if on {
			cmd.Env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + collector, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01"}
		}
	})
	defer d.Stop()
	module := d.Push(b, examples.Sleeper)
	warmUp(b, d, sleepingProgram(module, 1))

	const guests = 100
	before := processCPU(b, d.PID)
	for _, id := range d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1000", "1"}}, guests) {
		d.WaitFor(b, id)
	}
	wait = float64((processCPU(b, d.PID) - before).Microseconds()) / (guests * 1000)

	request := &reactorv1.SubmitWorkloadRequest{Spec: sleepingProgram(module, 1)}
	before = processCPU(b, d.PID)
	rate = drive(b, submitTime, 16, func(ctx context.Context) error {
		_, err := d.Workloads.SubmitWorkload(ctx, request)
		return err
	})
	submit = float64((processCPU(b, d.PID) - before).Microseconds()) / (rate * submitTime.Seconds())
	return rate, submit, wait
}

// spanCounter is a collector of OpenTelemetry that counts spans.
type spanCounter struct {
	collector.UnimplementedTraceServiceServer
	spans atomic.Int64
}

// serve serves the collector, and returns where.
func (c *spanCounter) serve(b *testing.B) (address string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(l) }()
	b.Cleanup(server.Stop)
	return l.Addr().String()
}

// Export implements the collector's service.
func (c *spanCounter) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans.Add(int64(len(scope.GetSpans())))
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}
