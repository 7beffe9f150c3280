package meter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

func wat(t testing.TB, name string) []byte {
	t.Helper()
	binary, err := os.ReadFile(filepath.Join("testdata", "wat", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestControlFlowStaysTheSame(t *testing.T) {
	binary := wat(t, "edges")
	for seed := range uint64(30) {
		compareRuns(t, binary, seed)
	}
}

// call is a call of an export.
type call struct {
	name string
	args []uint64
}

// play makes calls one after the other in one instance and tells what came out.
func play(t testing.TB, h *testHost, p testModule, calls []call) (results []string) {
	t.Helper()
	m, err := h.instantiate(t, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		got, err := h.call(t, m.ExportedFunction(c.name), c.args...)
		results = append(results, fmt.Sprintf("%s%d: %d %s", c.name, c.args, got, trap(err)))
	}
	return append(results, fmt.Sprintf("memory: %x", memoryHash(m)))
}

func TestBulkOperationsStayTheSame(t *testing.T) {
	const size = 40 << 16
	var calls []call
	add := func(name string, args ...uint64) { calls = append(calls, call{name, args}) }
	lengths := []uint64{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 200_000, size - 1, size, size + 1, 1<<32 - 1}
	for _, n := range lengths {
		for _, to := range []uint64{0, 5, size - 1, size, size + 1, 1<<32 - 1} {
			add("fill", to, n&0xff, n)
		}
		add("fill", (size-n)&0xffffffff, 9, n)
		for _, d := range []struct{ to, from uint64 }{
			{0, 0}, {0, 1000}, {1000, 0}, {0, 100_000}, {100_000, 0}, {100, 100}, {1, 0}, {0, 1}, {32 << 10, 0},
			{0, size - 1000}, {size - 1000, 0}, {size, 0}, {0, size}, {1<<32 - 1, 0}, {0, 1<<32 - 1}, {300_000, 150_000},
		} {
			add("copy", d.to, d.from, n)
		}
		for _, from := range []uint64{0, 1, 26, 27, 1<<32 - 1} {
			add("init", 10, from, n)
			add("init", size-10, from, n)
		}
	}
	for _, n := range []uint64{0, 3, 26, 27, 1 << 20} {
		add("init", 10, 0, n)
	}
	for _, x := range []uint64{0, 40, size - 100, size - 99, 1<<32 - 1} {
		add("small", x, 500)
		add("small", 500, x)
		add("in-loop", 0, x)
		add("table-fill", x, 3)
		add("table-fill", 3, x)
		add("table-copy", x, 3, 9)
		add("table-copy", 3, x, 90)
		add("table-init", x, 1, 2)
		add("table-init", 1, x, 2)
		add("table-grow", x)
	}
	add("y-drop")
	add("init", 0, 0, 0)
	add("init", 0, 0, 1)
	add("init", 0, 0, 1<<20)
	add("z-drop")
	add("table-init", 0, 0, 0)
	add("table-init", 0, 0, 1)

	binary := wat(t, "bulk")
	want := play(t, newTestHost(t, 0), plain(binary), calls)
	for _, quantum := range []int64{5_000, 100_000} {
		h := newTestHost(t, quantum)
		got := play(t, h, rewrite(t, binary), calls)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("quantum %d:\n got %s\nwant %s", quantum, got[i], want[i])
			}
		}
		// A table operation that traps may have been charged for a whole table.
		if h.overshot > maxOvershoot+1<<18 {
			t.Errorf("quantum %d: %d units burnt beyond it", quantum, h.overshot)
		}
	}
}

// TestEndlessCodeYields runs endless code until it has yielded often enough. It never burns much more than a quantum in
// between.
func TestEndlessCodeYields(t *testing.T) {
	binary := rewrite(t, wat(t, "hostile"))
	h := newTestHost(t, 0)
	m, err := h.instantiate(t, binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range exportedFunctions(m) {
		for _, quantum := range []int64{0, 1, 10_000} {
			t.Run(fmt.Sprint(name, "/", quantum), func(t *testing.T) {
				h := newTestHost(t, quantum)
				h.fuelLeft = 1000
				m, err := h.instantiate(t, binary)
				if err != nil {
					t.Fatal(err)
				}
				f := m.ExportedFunction(name)
				_, err = h.call(t, f, make([]uint64, len(f.Definition().ParamTypes()))...)
				if !errors.Is(err, errOutOfFuel) {
					t.Fatalf("call = %v, want it stopped", err)
				}
				if h.overshot > maxOvershoot {
					t.Errorf("%d units burnt beyond the quantum", h.overshot)
				}
				if burnt := h.burnt(); burnt < (quantum+1)*int64(h.yields-2) {
					t.Errorf("%d units burnt in %d yields", burnt, h.yields)
				}
				if h.mostStack > 64<<10 {
					t.Errorf("%d bytes of stack used", h.mostStack)
				}
			})
		}
	}
}

// TestDeepRecursionStops runs endless recursion. It must stop at the host's limit on the stack, and use no more stack than
// it counted.
func TestDeepRecursionStops(t *testing.T) {
	binary := rewrite(t, wat(t, "deep"))
	m, err := newTestHost(t, 0).instantiate(t, binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range exportedFunctions(m) {
		t.Run(name, func(t *testing.T) {
			// So little fuel that the stack is looked at in each call.
			h := newTestHost(t, 0)
			m, err := h.instantiate(t, binary)
			if err != nil {
				t.Fatal(err)
			}
			f := m.ExportedFunction(name)
			_, err = h.call(t, f, uint64Args(f, 1_000_000)...)
			if !errors.Is(err, errStackOverflow) {
				t.Fatalf("call = %v, want a stack overflow", err)
			}
			if h.overStack > meter.RedZone {
				t.Errorf("%d bytes of stack used beyond those counted", h.overStack)
			}
			if h.mostStack < h.stack/20 {
				t.Errorf("overflow at %d of %d bytes: the bound of a frame is far off", h.mostStack, h.stack)
			}
		})
	}
}

func uint64Args(f api.Function, first uint64) []uint64 {
	n := len(f.Definition().ParamTypes())
	if slices.Contains(f.Definition().ParamTypes(), typeV128) {
		n++
	}
	args := make([]uint64, n)
	if n > 0 {
		args[0] = first
	}
	return args
}

// TestStackIsGivenBack makes many calls: the stack that a call counted is free after it.
func TestStackIsGivenBack(t *testing.T) {
	h := newTestHost(t, 1000)
	m, err := h.instantiate(t, rewrite(t, wat(t, "deep")))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		got, err := h.call(t, m.ExportedFunction("up"), 1000)
		if err != nil || got[0] != 1000 {
			t.Fatalf("call = %d, %v", got, err)
		}
		if left := int64(counter(m, meter.StackGlobal).Get()); left != h.granted {
			t.Fatalf("%d of %d bytes left after the call", left, h.granted)
		}
	}
	for _, name := range []string{"tail6", "tail9", "results", "mutual", "br-if-value"} {
		h := newTestHost(t, 1000)
		m, err := h.instantiate(t, rewrite(t, wat(t, "edges")))
		if err != nil {
			t.Fatal(err)
		}
		for n := range uint64(300) {
			if _, err := h.call(t, m.ExportedFunction(name), n); err != nil && !strings.Contains(err.Error(), "divide") {
				t.Fatal(err)
			}
		}
		if left := int64(counter(m, meter.StackGlobal).Get()); left != h.granted {
			t.Errorf("%s: %d of %d bytes left after the calls", name, left, h.granted)
		}
	}
}

// TestFuelIsExact compares the fuel burnt with the sum of the costs.
func TestFuelIsExact(t *testing.T) {
	binary := rewrite(t, wat(t, "fuel"))
	// Each function's name has its costs for the arguments 0 and 5.
	h := newTestHost(t, 1<<40)
	m, err := h.instantiate(t, binary)
	if err != nil {
		t.Fatal(err)
	}
	h.refill(counter(m, meter.FuelGlobal))
	for _, name := range exportedFunctions(m) {
		var costs [2]int64
		if _, err := fmt.Sscanf(name[strings.LastIndex(name, " ")+1:], "%d,%d", &costs[0], &costs[1]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, arg := range []uint64{0, 5} {
			before := h.burnt()
			if _, err := h.call(t, m.ExportedFunction(name), arg); err != nil {
				t.Fatal(err)
			}
			if got := h.burnt() - before; got != costs[i] {
				t.Errorf("%s: with %d burns %d units", name, arg, got)
			}
		}
	}
}
