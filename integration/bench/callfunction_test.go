package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkCallFunction measures calls of a function that adds two integers, made over gRPC without a workload, each in an
// instance of its own, against calls to a bare grpc-go server in a process of its own. Both are on ports of loopback, and
// take turns.
//
//	x-echo              calls a second over echoes a second
//	x-echo-cpu          processor time of the bare server for an echo over that of the daemon for a call
func BenchmarkCallFunction(b *testing.B) {
	binary, err := os.ReadFile("../testdata/components/calc.wasm")
	if err != nil {
		b.Fatal(err)
	}
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			d := testkit.Start(b, b.TempDir(), "--node-memory=64GiB") // calls share an eighth, and the guest starts with 17 MiB
			request := &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
				Module: d.Push(b, binary),
				Call:   &reactorv1.FunctionCall{Export: "add", Args: []*reactorv1.Value{wholeNumber(3), wholeNumber(4)}},
			}}
			call := func(ctx context.Context) error {
				response, err := d.Workloads.CallFunction(ctx, request)
				if got := response.GetStatus().GetResult().GetInt(); err == nil && got != 7 {
					return fmt.Errorf("3 + 4 = %d: %v", got, response)
				}
				return err
			}
			echo := startEcho(b, "tcp")
			bare := func(ctx context.Context) error {
				_, err := echo.client.Check(ctx, &healthv1.HealthCheckRequest{})
				return err
			}
			measureServer(b, d.PID, clients, call) // warm up
			var ratios, ofCPU, rates, took, bareTook []float64
			for b.Loop() {
				echoes, echoCPU := measureServer(b, echo.pid, clients, bare)
				calls, callCPU := measureServer(b, d.PID, clients, call)
				ratios, ofCPU = append(ratios, calls/echoes), append(ofCPU, echoCPU/callCPU)
				rates, took, bareTook = append(rates, calls), append(took, callCPU), append(bareTook, echoCPU)
			}
			b.ReportMetric(median(rates), "calls/s")
			b.ReportMetric(median(ratios), "x-echo")
			b.ReportMetric(median(ofCPU), "x-echo-cpu")
			b.ReportMetric(median(took), "cpu-us/call")
			b.ReportMetric(median(bareTook), "cpu-us/echo")
			b.ReportMetric(0, "ns/op") // of seconds of calls
		})
	}
}

func wholeNumber(n int64) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Int{Int: n}}
}

// measureServer drives a server, and returns the calls per second and its processor time for each in us.
func measureServer(b *testing.B, pid, clients int, call func(context.Context) error) (rate, cpu float64) {
	b.Helper()
	before := processCPU(b, pid)
	rate = drive(b, time.Second, clients, call)
	return rate, microseconds(processCPU(b, pid)-before) / rate
}
