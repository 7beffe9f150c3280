package bench

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/reactord/reactord/executor/engine/meter"
)

// meteringPrograms are CPU-bound guests with an export run(rounds i32) -> i32.
// See testdata/metering for the sources and how they are built.
var meteringPrograms = []struct {
	name   string
	rounds uint64 // some 20 ms
}{
	{"sieve", 5},
	{"sha256", 40},
	{"quicksort", 2},
	{"fib", 4},
	{"rust", 2},
	{"go", 4},
}

// BenchmarkMetering compares guests that were rewritten by the metering pass
// with the same guests on plain wazero. Plain and metered runs take turns, so
// that what else the machine does hits both, and it is the CPU time that
// counts. The figures are medians.
//
//	x-plain   metered time over plain time
//	ns/Mfuel  time a million units of fuel take, which says what fuel is worth
func BenchmarkMetering(b *testing.B) {
	var ratios, worths []float64
	for _, p := range meteringPrograms {
		b.Run(p.name, func(b *testing.B) {
			binary := meteringBinary(b, p.name)
			ratio, worth := compareMetered(b, binary, p.rounds)
			b.ReportMetric(ratio, "x-plain")
			b.ReportMetric(worth, "ns/Mfuel")
			ratios, worths = append(ratios, ratio), append(worths, worth)
		})
	}
	if len(ratios) == 0 {
		return
	}
	b.Run("all", func(b *testing.B) {
		b.ReportMetric(geomean(ratios), "geomean-x-plain")
		b.ReportMetric(slices.Max(ratios), "max-x-plain")
		b.ReportMetric(slices.Max(worths)/slices.Min(worths), "fuel-spread")
	})
}

// BenchmarkFuelInPieces compares guests that get their fuel in quarters, as the core instances of a group do, with guests that
// get it at once, as BenchmarkMetering compares metered with plain ones.
func BenchmarkFuelInPieces(b *testing.B) {
	var ratios []float64
	for _, p := range meteringPrograms {
		b.Run(p.name, func(b *testing.B) {
			binary := meteringBinary(b, p.name)
			whole, pieces := newMeteredGuest(b, binary, benchQuantum), newMeteredGuest(b, binary, benchQuantum/4)
			ratio, _ := compareGuests(b, whole, pieces, p.rounds)
			b.ReportMetric(ratio, "x-whole")
			ratios = append(ratios, ratio)
		})
	}
	if len(ratios) == 0 {
		return
	}
	b.Run("all", func(b *testing.B) {
		b.ReportMetric(geomean(ratios), "geomean-x-whole")
		b.ReportMetric(slices.Max(ratios), "max-x-whole")
	})
}

// compareMetered compares a metered guest with the plain one.
func compareMetered(b *testing.B, binary []byte, rounds uint64) (ratio, nsPerMfuel float64) {
	return compareGuests(b, newBenchGuest(b, binary, &meter.Info{}, 0), newMeteredGuest(b, binary, benchQuantum), rounds)
}

func newMeteredGuest(b *testing.B, binary []byte, quantum int64) *benchGuest {
	b.Helper()
	rewritten, info, err := meter.Rewrite(binary, meter.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return newBenchGuest(b, rewritten, info, quantum)
}

// compareGuests runs each of two guests b.N times. The second is metered.
func compareGuests(b *testing.B, plain, metered *benchGuest, rounds uint64) (ratio, nsPerMfuel float64) {
	want := plain.run(b, rounds) // warm up, too
	if got := metered.run(b, rounds); got != want {
		b.Fatalf("metered run = %d, want %d", got, want)
	}
	var ratios, worths []float64
	b.ResetTimer()
	for b.Loop() {
		before := plain.elapsed
		plain.run(b, rounds)
		plainTime := plain.elapsed - before

		before = metered.elapsed
		burnt := metered.burnt()
		metered.run(b, rounds)
		meteredTime := metered.elapsed - before
		burnt = metered.burnt() - burnt

		ratios = append(ratios, float64(meteredTime)/float64(plainTime))
		worths = append(worths, float64(meteredTime)/float64(burnt)*1e6)
	}
	b.ReportMetric(0, "ns/op") // of both, so of no use
	return median(ratios), median(worths)
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

func geomean(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(xs)))
}

// benchQuantum is about 200 us worth of fuel.
const benchQuantum = 1_500_000

// benchGuest is an instance with a minimal meter.
type benchGuest struct {
	f        api.Function
	fuel     api.MutableGlobal // nil if it isn't metered
	refilled int64             // fuel given so far
	elapsed  time.Duration
}

// newBenchGuest makes a guest and does what info says is left to its host.
func newBenchGuest(b *testing.B, binary []byte, info *meter.Info, quantum int64) *benchGuest {
	b.Helper()
	ctx := context.Background()
	config := wazero.NewRuntimeConfigCompiler().WithCoreFeatures(
		api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	b.Cleanup(func() { r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)

	g := &benchGuest{}
	if err := defineMeter(ctx, r, quantum, func(left int64) { g.refilled += quantum - left }); err != nil {
		b.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, binary, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		b.Fatal(err)
	}
	if err := initialize(ctx, m, info, "_initialize"); err != nil {
		b.Fatal(err)
	}
	g.f = m.ExportedFunction("run")
	if fuel := m.ExportedGlobal(meter.FuelGlobal); fuel != nil {
		g.fuel = fuel.(api.MutableGlobal)
	}
	return g
}

// defineMeter defines what rewritten modules import: each time that a guest has no fuel it gets a quantum. onYield is told
// what was left.
func defineMeter(ctx context.Context, r wazero.Runtime, quantum int64, onYield func(left int64)) error {
	yield := func(_ context.Context, m api.Module, _ []uint64) {
		fuel := m.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
		onYield(int64(fuel.Get()))
		fuel.Set(uint64(quantum))
	}
	growStack := func(_ context.Context, m api.Module, _ []uint64) {
		stack := m.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
		stack.Set(stack.Get() + 1<<20)
	}
	clearMemory := func(ctx context.Context, m api.Module, params []uint64) {
		bytes, ok := m.Memory().Read(uint32(params[0]), uint32(params[1]))
		if !ok {
			panic(errors.New("cleared out of bounds"))
		}
		clear(bytes)
		fuel := m.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
		if fuel.Set(fuel.Get() - uint64(len(bytes)/meter.ClearedPerUnit)); int64(fuel.Get()) < 0 {
			yield(ctx, m, nil)
		}
	}
	_, err := r.NewHostModuleBuilder(meter.HostModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(yield), nil, nil).Export(meter.YieldFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(growStack), nil, nil).Export(meter.GrowStackFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(clearMemory), []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, nil).
		Export(meter.ClearFunction).
		Instantiate(ctx)
	return err
}

// initialize does what info says is left to a module's host, and calls an export if there is one of that name.
func initialize(ctx context.Context, m api.Module, info *meter.Info, export string) error {
	for _, data := range info.Data {
		if !m.Memory().Write(data.Offset.Value, data.Bytes) {
			return errors.New("data out of bounds")
		}
	}
	for _, name := range []string{meter.StartFunction, export} {
		if f := m.ExportedFunction(name); f != nil {
			if _, err := f.Call(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *benchGuest) run(b *testing.B, rounds uint64) uint32 {
	b.Helper()
	start := cpuTime(b)
	results, err := g.f.Call(context.Background(), rounds)
	g.elapsed += cpuTime(b) - start
	if err != nil {
		b.Fatal(err)
	}
	return uint32(results[0])
}

// cpuTime returns the CPU time that the process took so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// burnt returns the fuel burnt so far.
func (g *benchGuest) burnt() int64 { return g.refilled - int64(g.fuel.Get()) }

// meteringBinary returns a guest from testdata, or builds the one in Go.
func meteringBinary(b *testing.B, name string) []byte {
	b.Helper()
	file := filepath.Join("testdata", "metering", name+".wasm")
	if name == "go" {
		file = filepath.Join(b.TempDir(), "go.wasm")
		build := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, "./testdata/metering/go")
		build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("building the Go guest: %v\n%s", err, out)
		}
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	return binary
}
