package meter

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// framesOf rewrites a module and returns the bounds of its functions' frames
// and what wazero's machine code says each of them is.
func framesOf(t testing.TB, module []byte) (bounds, frames []int64) {
	t.Helper()
	m, err := wasm.Decode(module, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rw := &rewriter{m: m, limits: Limits{}.WithDefaults(), space: m.Space(), types: m.FunctionTypes()}
	if err := rw.analyze(); err != nil {
		t.Fatal(err)
	}
	rw.extend()
	if err := rw.estimateFrames(); err != nil {
		t.Fatal(err)
	}
	out, _, err := Rewrite(module, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return rw.frames, machineFrames(t, out)[:len(rw.frames)]
}

// machineFrames returns the stack that each function of a module asks for in
// its prologue. wazero has no API for that, so this looks into it.
func machineFrames(t testing.TB, module []byte) []int64 {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExtendedConst))
	defer r.Close(ctx)
	compiled, err := r.CompileModule(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	engine := reflect.ValueOf(compiled).Elem().FieldByName("compiledEngine").Elem().Elem()
	modules := engine.FieldByName("compiledModules").MapRange()
	var frames []int64
	for modules.Next() {
		cm := modules.Value().Elem().FieldByName("compiledModule").Elem()
		offsets := cm.FieldByName("functionOffsets")
		code := cm.FieldByName("executables").Elem().FieldByName("executable").Bytes()
		for i := range offsets.Len() {
			frames = append(frames, prologueFrame(t, code[offsets.Index(i).Int():]))
		}
	}
	return frames
}

// prologueFrame decodes: push %rbp; mov %rsp, %rbp; sub $frame, %rsp.
func prologueFrame(t testing.TB, code []byte) int64 {
	t.Helper()
	code, ok := bytes.CutPrefix(code, []byte{0x55, 0x48, 0x89, 0xe5})
	if !ok {
		t.Fatalf("unknown prologue % x", code[:16])
	}
	if imm, ok := bytes.CutPrefix(code, []byte{0x48, 0x83, 0xec}); ok {
		return int64(imm[0])
	}
	if imm, ok := bytes.CutPrefix(code, []byte{0x48, 0x81, 0xec}); ok {
		return int64(binary.LittleEndian.Uint32(imm))
	}
	t.Fatalf("unknown prologue % x", code[:16])
	return 0
}

// realPrograms is where the benchmark's guests in C and Rust are.
const realPrograms = "../../../integration/bench/testdata/metering/*.wasm"

func TestFrameBoundHolds(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("reads machine code of amd64")
	}
	for _, pattern := range []string{"testdata/random/*.wasm", "testdata/wat/*.wasm", realPrograms, os.Getenv("METER_FRAMES")} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				module, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				compareFrames(t, module)
			})
		}
	}
}

// TestFrameBoundKnowsChecks has values that are live only at checks of the fuel: the arguments of indirect calls, of which
// unoptimized code has many.
func TestFrameBoundKnowsChecks(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("reads machine code of amd64")
	}
	var c wasm.Code
	for i := range int32(40) {
		for k := range int32(3) {
			c.Index(wasm.OpLocalGet, 0)
			c.I32Const(i*3 + k)
			c.Op(wasm.OpI32Add)
		}
		c.I32Const(0)
		c.Index(wasm.OpCallIndirect, 0)
		c.Raw(0)
		c.Index(wasm.OpLocalSet, 0)
	}
	c.Index(wasm.OpLocalGet, 0)
	c.Op(wasm.OpEnd)
	m := &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 1}}},
		Elements:  []wasm.Element{{Offset: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}, Funcs: []uint32{0}}},
		Bodies:    []wasm.Body{{Code: c}},
	}
	compareFrames(t, m.Encode())
}

func compareFrames(t *testing.T, module []byte) {
	t.Helper()
	bounds, frames := framesOf(t, module)
	var bound, frame int64
	for f := range bounds {
		if bounds[f] < frames[f] {
			t.Errorf("function %d has a frame of %d bytes, the bound is %d", f, frames[f], bounds[f])
		}
		bound += bounds[f]
		frame += frames[f]
	}
	t.Logf("%d functions, frames of %d bytes, bounds %.1f times that",
		len(bounds), frame/int64(max(1, len(frames))), float64(bound)/float64(max(1, frame)))
}

// TestOperandHeights checks the arities of all instructions with valid modules: where a block ends, the operand stack has
// its results.
func TestOperandHeights(t *testing.T) {
	for _, pattern := range []string{"testdata/random/*.wasm", "testdata/wat/*.wasm", realPrograms} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v %v", pattern, files, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) { checkHeights(t, file) })
		}
	}
}

func checkHeights(t *testing.T, file string) {
	module, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(module, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rw := &rewriter{m: m, limits: Limits{}.WithDefaults(), space: m.Space(), types: m.FunctionTypes(), imported: m.ImportedFunctions()}
	for f := range m.Bodies {
		if err := rw.parse(f); err != nil {
			t.Fatal(err)
		}
		rw.scan.scan(m.Bodies[f].Code, rw.instr)
		fe := frameEstimator{rw: rw, code: m.Bodies[f].Code, instrs: rw.instr, marks: rw.scan.marks, words: (rw.locals(f) + 63) / 64}
		if !fe.prepare() {
			t.Fatal("function too large")
		}
		fe.forward(f)
		for i, in := range fe.instrs {
			live := i > 0 && fe.marks[i-1]&markDead == 0 && !fe.instrs[i-1].Op.Terminal()
			if in.Op != wasm.OpEnd || !live {
				continue
			}
			want := len(rw.types[rw.imported+f].Results)
			if i < len(fe.instrs)-1 {
				bt, _ := wasm.ReadBlockType(fe.code, fe.instrs[in.B])
				params, results := rw.arity(bt)
				want = int(fe.heights[in.B]) - params + results
				if fe.instrs[in.B].Op == wasm.OpIf {
					want--
				}
			}
			if int(fe.heights[i]) != want {
				t.Fatalf("function %d, instruction %d: %d operands, want %d", f, i, fe.heights[i], want)
			}
		}
	}
}
