package engine

import (
	"runtime"
	"testing"
)

// TestSmallCallStack fails when wazero has other fields for call stacks than stackFields expects.
func TestSmallCallStack(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	i := start(t, m, &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
	function := i.core.guest.ExportedFunction("recurse")
	if !e.stacks.shrink(function) {
		t.Fatal("a new function handle was left as it is")
	}
	if e.stacks.shrink(function) {
		t.Error("a small stack was replaced once more")
	}
	for _, depth := range []uint64{1, 10, 100, 2000} {
		got, err := function.Call(i.host, depth)
		if err != nil || got[0] != depth {
			t.Fatalf("recursion %d deep: %v, %v", depth, got, err)
		}
		runtime.GC() // the stacks it outgrew are garbage, and this one is not
	}
}

// BenchmarkCallStack reports what a function handle costs that was not called yet.
func BenchmarkCallStack(b *testing.B) {
	e := newEngine(b, Config{})
	m := load(b, e, "guest")
	i := start(b, m, &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
	for _, shrink := range []bool{false, true} {
		b.Run(map[bool]string{false: "wazero", true: "small"}[shrink], func(b *testing.B) {
			const handles = 1000
			kept := make([]any, handles)
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				for n := range kept {
					function := i.core.guest.ExportedFunction("recurse")
					if shrink {
						e.stacks.shrink(function)
					}
					kept[n] = function
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				clear(kept)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/handles, "B/handle")
		})
	}
}
