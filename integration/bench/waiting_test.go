package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// farFuture is longer than any benchmark runs, in milliseconds.
const farFuture = 100_000_000

// BenchmarkWaiting measures what a guest costs that waits: guests of one page are submitted through
// the API until all sleep. B/guest is the daemon's resident memory over its idle state, less the
// pages that guests touched (touched-B/guest); rss-B/guest has both.
func BenchmarkWaiting(b *testing.B) {
	for _, guests := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("guests=%d", guests), func(b *testing.B) { benchmarkWaiting(b, examples.Sleeper, sleepingProgram, guests) })
	}
	b.Run("guest=component", benchmarkWaitingComponent)
	b.Run("guest=async", benchmarkWaitingAsync)
	b.Run("guest=go", benchmarkWaitingGo)
	b.Run("guest=snapshot", benchmarkWaitingSnapshot)
}

// sleep makes the spec of a guest of a module that sleeps for so many milliseconds.
type sleep func(module string, ms uint64) *reactorv1.WorkloadSpec

// sleepingProgram is a sleep of a program.
func sleepingProgram(module string, ms uint64) *reactorv1.WorkloadSpec {
	return &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", strconv.FormatUint(ms, 10)}}
}

// sleepingFunction is a sleep of a component that exports one.
func sleepingFunction(module string, ms uint64) *reactorv1.WorkloadSpec {
	call := &reactorv1.FunctionCall{Export: "example:sleeper/sleeping#sleep", Args: []*reactorv1.Value{uintValue(1), uintValue(ms)}}
	return &reactorv1.WorkloadSpec{Module: module, Call: call}
}

func uintValue(n uint64) *reactorv1.Value {
	return &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: n}}
}

func benchmarkWaiting(b *testing.B, binary []byte, spec sleep, guests int) {
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		module := d.Push(b, binary)
		warmUp(b, d, spec(module, 1))
		idle := readMemory(b, d.PID)
		began := time.Now()
		fill(b, d, spec(module, farFuture), guests)
		b.ReportMetric(float64(guests)/time.Since(began).Seconds(), "starts/s")
		reportPerGuest(b, settle(b, d), idle, guests)
		empty(b, d)
		d.Stop()
	}
}

// benchmarkWaitingComponent is a command of WASI 0.2 as small as it gets.
func benchmarkWaitingComponent(b *testing.B) {
	benchmarkWaiting(b, sleeperComponent(b), sleepingProgram, 10_000)
}

// benchmarkWaitingAsync is a component of WASI 0.3 whose call waits by its callback.
func benchmarkWaitingAsync(b *testing.B) {
	benchmarkWaiting(b, examples.SleeperComponent, sleepingFunction, 10_000)
}

func sleeperComponent(b *testing.B) []byte {
	b.Helper()
	binary, err := os.ReadFile("../testdata/components/sleeper.wasm")
	if err != nil {
		b.Fatal(err)
	}
	return binary
}

// BenchmarkWaitingChurn measures the same after four rounds of making and dropping 10,000 guests,
// over the idle state after those rounds. What that is above the idle state before them is
// idle-growth-MiB: the store's caches fill, and 40,000 finished workloads are kept.
func BenchmarkWaitingChurn(b *testing.B) {
	const guests, rounds = 10_000, 4
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		module := d.Push(b, examples.Sleeper)
		warmUp(b, d, sleepingProgram(module, 1))
		fresh := readMemory(b, d.PID)
		for range rounds {
			fill(b, d, sleepingProgram(module, farFuture), guests)
			empty(b, d)
		}
		idle := settle(b, d)
		b.ReportMetric((float64(idle.resident)-float64(fresh.resident))/(1<<20), "idle-growth-MiB")
		fill(b, d, sleepingProgram(module, farFuture), guests)
		reportPerGuest(b, settle(b, d), idle, guests)
		empty(b, d)
		d.Stop()
	}
}

// warmUp runs a few guests, so that the module is compiled and the store has its caches.
func warmUp(b *testing.B, d *testkit.Daemon, spec *reactorv1.WorkloadSpec) {
	b.Helper()
	for _, id := range d.SubmitMany(b, spec, 100) {
		if s := d.WaitFor(b, id); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			b.Fatalf("warming up: %v", s)
		}
	}
}

// fill submits sleepers until all of them wait.
func fill(b *testing.B, d *testkit.Daemon, spec *reactorv1.WorkloadSpec, guests int) {
	b.Helper()
	spec.Labels = map[string]string{"bench": "waiting"}
	for left := guests; left > 0; left -= min(left, 5000) {
		d.SubmitMany(b, spec, min(left, 5000))
	}
	await(b, d, func(s *reactorv1.Stats) bool { return s.GetWaiting() == uint64(guests) })
}

// settle waits until the daemon has given back what starting the guests took, and no longer shrinks.
func settle(b *testing.B, d *testkit.Daemon) memory {
	b.Helper()
	const quiet = 15 * time.Second
	least, since := readMemory(b, d.PID), time.Now()
	for time.Since(since) < quiet {
		time.Sleep(time.Second)
		if now := readMemory(b, d.PID); now.resident < least.resident-least.resident/100 {
			least, since = now, time.Now()
		}
	}
	return readMemory(b, d.PID)
}

// empty cancels what fill has made.
func empty(b *testing.B, d *testkit.Daemon) {
	b.Helper()
	request := &reactorv1.CancelWorkloadsRequest{LabelSelector: "bench=waiting"}
	if _, err := d.Workloads.CancelWorkloads(b.Context(), request); err != nil {
		b.Fatal(err)
	}
	await(b, d, func(s *reactorv1.Stats) bool { return s.GetWaiting()+s.GetRunning()+s.GetPending() == 0 })
}

// await follows the daemon's statistics until they are as wanted.
func await(b *testing.B, d *testkit.Daemon, wanted func(*reactorv1.Stats) bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	stream, err := d.Node.WatchStats(ctx, &reactorv1.WatchStatsRequest{})
	if err != nil {
		b.Fatal(err)
	}
	var last *reactorv1.Stats
	for {
		response, err := stream.Recv()
		if err != nil {
			b.Fatalf("%v; last: %v", err, last)
		}
		if last = response.GetStats(); wanted(last) {
			return
		}
	}
}

func reportPerGuest(b *testing.B, now, idle memory, guests int) {
	b.Helper()
	per := func(bytes uint64) float64 { return float64(bytes) / float64(guests) }
	touched := now.guests - min(idle.guests, now.guests)
	all := now.resident - min(idle.resident, now.resident)
	b.ReportMetric(per(all), "rss-B/guest")
	b.ReportMetric(per(touched), "touched-B/guest")
	b.ReportMetric(per(all-min(touched, all)), "B/guest")
	b.ReportMetric(per(now.pageTables-min(idle.pageTables, now.pageTables)), "pagetable-B/guest")
	b.ReportMetric(float64(now.resident)/(1<<30), "rss-GiB")
}
