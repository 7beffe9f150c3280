package meter

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
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

func TestFrameBoundHolds(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("reads machine code of amd64")
	}
	files, _ := filepath.Glob("testdata/random/seed*.wasm")
	more, _ := filepath.Glob("../../../integration/bench/testdata/metering/*.wasm")
	if extra := os.Getenv("METER_FRAMES"); extra != "" {
		e, _ := filepath.Glob(extra)
		more = append(more, e...)
	}
	_ = exec.Command
	for _, file := range append(files, more...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			module, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bounds, frames := framesOf(t, module)
			var b, f, bad int64
			for i := range bounds {
				if bounds[i] < frames[i] {
					bad++
					if bad < 10 {
						t.Errorf("function %d: frame of %d bytes, bound %d", i, frames[i], bounds[i])
					}
				}
				if os.Getenv("METER_DUMP") != "" {
					println("FRAME", file, i, frames[i], bounds[i])
				}
				b += bounds[i]
				f += frames[i]
			}
			t.Logf("%d functions, %d bad: bounds are %.2f times the frames (avg %d)", len(bounds), bad, float64(b)/float64(f), f/int64(len(frames)))
		})
	}
}
