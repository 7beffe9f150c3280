package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/reactord/reactord/component/compose"
	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkSummarizeOps measures what it takes to count what 100,000 guests wait for (p50-ms, p99-ms), and how late 100
// guests that sleep 10 ms at a time are woken: before (alone-), and while the summary is asked for again and again with
// pauses of 10 ms. It measures the 1,000 oldest operations, too (oldest-p50-ms).
func BenchmarkSummarizeOps(b *testing.B) {
	const guests, pingers, calls = 100_000, 100, 100
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		module := d.Push(b, examples.Sleeper)
		fill(b, d, sleepingProgram(module, farFuture), guests)
		settle(b, d) // giving memory back is a collection, which has nothing to do with the summary
		d.SubmitMany(b, &reactorv1.WorkloadSpec{
			Module: module, Args: []string{"1000000", "10"}, Labels: map[string]string{"bench": "waiting"},
		}, pingers)
		time.Sleep(5 * time.Second)
		reportLateness(b, d, "alone-")

		took := timed(calls, func() {
			summary, err := d.Workloads.SummarizeOps(b.Context(), &reactorv1.SummarizeOpsRequest{})
			if err != nil || summary.GetWaiting() < guests || summary.GetGroups()[0].GetCount() < guests {
				b.Fatalf("%v, %v", summary, err)
			}
		})
		b.ReportMetric(milliseconds(took[calls/2]), "p50-ms")
		b.ReportMetric(milliseconds(took[calls*99/100]), "p99-ms")
		reportLateness(b, d, "")
		oldest := timed(calls/10, func() {
			request := &reactorv1.ListOpsRequest{Order: reactorv1.OpOrder_OP_ORDER_OLDEST_FIRST, PageSize: 1000}
			if list, err := d.Workloads.ListOps(b.Context(), request); err != nil || len(list.GetOps()) != 1000 {
				b.Fatalf("%d operations, %v", len(list.GetOps()), err)
			}
		})
		b.ReportMetric(milliseconds(oldest[len(oldest)/2]), "oldest-p50-ms")
		empty(b, d)
		d.Stop()
	}
}

// BenchmarkSummarizeCalls measures the same for 100,000 calls that wait in one instance: what it takes to count their operations
// (p50-ms, max-ms), and to say what the calls do (activity-p50-ms).
func BenchmarkSummarizeCalls(b *testing.B) {
	const waiting, calls = 100_000, 20
	crowd, err := compose.Join(compose.Part{Binary: examples.CrowdComponent}, []compose.Plug{{Part: compose.Part{Binary: examples.SleeperComponent}}}, compose.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		args := []*reactorv1.Value{uintValue(waiting), uintValue(1), uintValue(farFuture)}
		id := d.Submit(b, &reactorv1.WorkloadSpec{
			Module: d.Push(b, crowd), Call: &reactorv1.FunctionCall{Export: "crowd", Args: args}, Limits: &reactorv1.Limits{MemoryBytes: 512 << 20},
		})
		for {
			page, err := d.Workloads.ListOps(b.Context(), &reactorv1.ListOpsRequest{WorkloadId: id, PageSize: 1})
			if err != nil {
				b.Fatal(err)
			}
			if groups := page.GetActivity().GetCalls(); len(groups) > 0 && groups[0].GetCount() == waiting && !page.GetActivity().GetBusy() {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		settle(b, d)
		took := timed(calls, func() {
			summary, err := d.Workloads.SummarizeOps(b.Context(), &reactorv1.SummarizeOpsRequest{})
			if err != nil || summary.GetGroups()[0].GetCount() != waiting {
				b.Fatalf("%v, %v", summary, err)
			}
		})
		b.ReportMetric(milliseconds(took[calls/2]), "p50-ms")
		b.ReportMetric(milliseconds(took[calls-1]), "max-ms")
		took = timed(calls, func() {
			response, err := d.Workloads.GetWorkload(b.Context(), &reactorv1.GetWorkloadRequest{Id: id})
			if err != nil || response.GetWorkload().GetStatus().GetActivity().GetCalls()[0].GetCount() != waiting {
				b.Fatalf("%v, %v", response, err)
			}
		})
		b.ReportMetric(milliseconds(took[calls/2]), "activity-p50-ms")
		d.Stop()
	}
}

// timed returns how long calls took, in order, with pauses between them.
func timed(calls int, call func()) []time.Duration {
	took := make([]time.Duration, calls)
	for i := range took {
		start := time.Now()
		call()
		took[i] = time.Since(start)
		time.Sleep(10 * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

// reportLateness reports how late guests have been woken lately. prefix tells apart what a benchmark measures twice.
func reportLateness(b *testing.B, d *testkit.Daemon, prefix string) {
	b.Helper()
	s := d.Stats(b)
	b.ReportMetric(milliseconds(s.GetWakeLatenessP50().AsDuration()), prefix+"late-p50-ms")
	b.ReportMetric(milliseconds(s.GetWakeLatenessP99().AsDuration()), prefix+"late-p99-ms")
	b.ReportMetric(milliseconds(s.GetWakeLatenessMax().AsDuration()), prefix+"late-max-ms")
}
