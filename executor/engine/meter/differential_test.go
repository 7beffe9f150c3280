package meter_test

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// outcome is everything that can be observed of a module's run.
type outcome []string

// observe instantiates a module and calls each of its exports with arguments
// made from a seed.
func observe(t testing.TB, h *testHost, p testModule, seed uint64) outcome {
	t.Helper()
	log := instantiateLog(t, h)
	var o outcome
	m, err := h.instantiate(t, p)
	o = append(o, fmt.Sprintf("instantiate: %s", trap(err)))
	if err != nil {
		return o
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, name := range exportedFunctions(m) {
		f := m.ExportedFunction(name)
		args := arguments(f.Definition().ParamTypes(), rng)
		results, err := h.call(t, f, args...)
		o = append(o, fmt.Sprintf("%s%v = %v %s log %x memory %x", name, args,
			comparableResults(f.Definition().ResultTypes(), results), trap(err), log.Get(), memoryHash(m)))
	}
	return o
}

// instantiateLog makes the module that modules of "wasm-opt -ttf" import.
func instantiateLog(t testing.TB, h *testHost) api.Global {
	t.Helper()
	binary, err := os.ReadFile(filepath.Join("testdata", "random", "log.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.runtime.InstantiateWithConfig(t.Context(), binary, noStart().WithName("fuzzing-support"))
	if err != nil {
		t.Fatal(err)
	}
	return m.ExportedGlobal("log")
}

func exportedFunctions(m api.Module) []string {
	var names []string
	for name := range m.ExportedFunctionDefinitions() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

const typeV128, typeFuncref = api.ValueType(0x7b), api.ValueType(0x70)

// arguments makes arguments: small numbers often, null references.
func arguments(types []api.ValueType, rng *rand.Rand) []uint64 {
	args := []uint64{}
	number := func() uint64 {
		if rng.IntN(2) == 0 {
			return rng.Uint64N(32)
		}
		return rng.Uint64()
	}
	for _, t := range types {
		switch t {
		case typeV128:
			args = append(args, number(), number())
		case typeFuncref, api.ValueTypeExternref:
			args = append(args, 0)
		case api.ValueTypeI32, api.ValueTypeF32:
			args = append(args, uint64(uint32(number())))
		default:
			args = append(args, number())
		}
	}
	return args
}

// comparableResults returns results with references, which are addresses, made equal
// unless one is null.
func comparableResults(types []api.ValueType, results []uint64) []uint64 {
	out := slices.Clone(results)
	i := 0
	for _, t := range types {
		if i >= len(out) {
			break
		}
		switch t {
		case typeV128:
			i++
		case typeFuncref, api.ValueTypeExternref:
			out[i] = min(out[i], 1)
		}
		i++
	}
	return out
}

func memoryHash(m api.Module) uint64 {
	hash := fnv.New64a()
	if mem := m.ExportedMemory("memory"); mem != nil {
		b, _ := mem.Read(0, mem.Size())
		hash.Write(b)
	}
	return hash.Sum64()
}

// compareRuns runs a module with and without metering, with so little fuel that it yields all the time.
func compareRuns(t *testing.T, binary []byte, seed uint64) {
	t.Helper()
	want := observe(t, newTestHost(t, 0), plain(binary), seed)
	if _, _, err := meter.Rewrite(binary, meter.Options{}); err != nil && len(want) == 1 {
		t.Skipf("refused: %v; by wazero: %s", err, want[0])
	}
	if strings.Contains(want[0], "invalid") { // the messages may differ
		return
	}
	alone := rewrite(t, binary)
	for _, tt := range []struct {
		quantum int64
		module  testModule
	}{
		{0, alone}, {7, alone}, {1000, alone},
		{7, rewriteLinked(t, binary, true, noBuiltin)}, {1000, rewriteLinked(t, binary, false, noBuiltin)},
	} {
		quantum := tt.quantum
		h := newTestHost(t, quantum)
		got := observe(t, h, tt.module, seed)
		if !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("quantum %d:\n got %s\nwant %s", quantum, got[i], want[i])
				}
			}
			t.Fatalf("quantum %d: %d steps, want %d", quantum, len(got), len(want))
		}
		if h.overshot > maxOvershoot {
			t.Errorf("quantum %d: %d units burnt beyond it", quantum, h.overshot)
		}
		if h.overStack > meter.RedZone {
			t.Errorf("quantum %d: %d bytes of stack used beyond those counted", quantum, h.overStack)
		}
	}
}

// maxOvershoot is an upper bound of what a guest without deep recursion burns between two checks.
const maxOvershoot = 25_000

var generate = flag.Int("generate", 0, "write so many modules to testdata/random; needs wasm-opt")

// TestRandomModules compares runs of the modules in testdata/random.
func TestRandomModules(t *testing.T) {
	if *generate > 0 {
		generateRandomModules(t, *generate)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "random", "seed*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for seed, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			binary, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compareRuns(t, binary, uint64(seed))
		})
	}
}

// generateRandomModules writes modules of a few KiB that wazero accepts.
func generateRandomModules(t *testing.T, count int) {
	t.Helper()
	for seed := 0; count > 0; seed++ {
		file := filepath.Join("testdata", "random", fmt.Sprintf("seed%03d.wasm", seed))
		if out, err := randomModule(seed, file); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, out)
		}
		binary, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, invalid := newTestHost(t, 0).runtime.CompileModule(t.Context(), binary)
		if len(binary) < 2<<10 || len(binary) > 8<<10 || invalid != nil {
			os.Remove(file)
			continue
		}
		count--
	}
}

// TestFreshRandomModules compares runs of modules that wasm-opt makes now, if
// it is installed. METER_SEEDS sets how many, METER_FIRST_SEED where to begin.
func TestFreshRandomModules(t *testing.T) {
	if _, err := exec.LookPath("wasm-opt"); err != nil {
		t.Skip("wasm-opt is not installed")
	}
	first, count := envInt("METER_FIRST_SEED", 1_000_000), envInt("METER_SEEDS", 40)
	dir := t.TempDir()
	for seed := first; seed < first+count; seed++ {
		file := filepath.Join(dir, "fresh.wasm")
		if out, err := randomModule(seed, file); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, out)
		}
		binary, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { compareRuns(t, binary, uint64(seed)) }) {
			os.WriteFile(filepath.Join(os.TempDir(), fmt.Sprintf("meter-seed%d.wasm", seed)), binary, 0o644)
		}
	}
}

func envInt(name string, otherwise int) int {
	n := otherwise
	fmt.Sscan(os.Getenv(name), &n)
	return n
}

// randomModule makes a module from random bytes with wasm-opt.
func randomModule(seed int, file string) (out []byte, err error) {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	raw := make([]byte, 1000+rng.Uint64()%8000)
	rng.Read(raw)
	args := []string{"-ttf", "-o", file, "--enable-simd", "--enable-bulk-memory", "--enable-multivalue",
		"--enable-sign-ext", "--enable-nontrapping-float-to-int", "--enable-tail-call", "--enable-mutable-globals"}
	if seed%4 == 0 { // then it also uses a type of an old draft of garbage collection, often
		args = append(args, "--enable-reference-types")
	}
	args = append(args, "-")
	cmd := exec.Command("wasm-opt", args...)
	cmd.Stdin = bytes.NewReader(raw)
	return cmd.CombinedOutput()
}

// TestRealPrograms runs the guests of the benchmark, in C, Rust and Go.
func TestRealPrograms(t *testing.T) {
	root := filepath.Join("..", "..", "..", "integration", "bench", "testdata", "metering")
	for _, name := range []string{"fib", "quicksort", "sha256", "sieve", "rust", "go"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(root, name+".wasm")
			if name == "go" {
				file = buildGo(t, "./"+filepath.ToSlash(filepath.Join(root, "go")))
			}
			binary, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := runOnce(t, newTestHost(t, 0), plain(binary))
			h := newTestHost(t, 20_000)
			got, burnt := runOnce(t, h, rewrite(t, binary))
			if got != want {
				t.Errorf("run = %d, want %d", got, want)
			}
			if h.overshot > maxOvershoot {
				t.Errorf("%d units burnt beyond a quantum", h.overshot)
			}
			if h.overStack > meter.RedZone {
				t.Errorf("%d bytes of stack used beyond those counted", h.overStack)
			}
			t.Logf("%d units, %d yields, %d bytes of stack, %d granted", burnt, h.yields, h.mostStack, h.granted)
		})
	}
}

// runOnce initializes a guest and calls its export run.
func runOnce(t *testing.T, h *testHost, p testModule) (result uint32, burnt int64) {
	t.Helper()
	m, err := h.instantiate(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if init := m.ExportedFunction("_initialize"); init != nil {
		if _, err := h.call(t, init); err != nil {
			t.Fatal(err)
		}
	}
	results, err := h.call(t, m.ExportedFunction("run"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if h.guest != nil {
		burnt = h.burnt()
	}
	return uint32(results[0]), burnt
}

// buildGo builds a Go package for wasip1.
func buildGo(t *testing.T, pkg string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "go.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, pkg)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return file
}
