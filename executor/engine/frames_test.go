package engine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// unoptimized is a module like those that compilers make of a large switch without optimizing: run(n) returns n and has
// many locals, and blocks that assign one local each. down(n) is the same, but also keeps live values across calls of
// itself, n calls deep. Its result is n too.
func unoptimized(locals, blocks, live int) []byte {
	m := &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0, 0},
		Exports: []wasm.Export{
			{Name: "run", Kind: wasm.FuncExtern, Index: 0},
			{Name: "down", Kind: wasm.FuncExtern, Index: 1},
		},
	}
	for f := range 2 {
		var c wasm.Code
		for i := range blocks {
			c.Begin(wasm.OpBlock)
			c.Index(wasm.OpLocalGet, 0)
			c.Op(wasm.OpI32Eqz)
			c.Index(wasm.OpBrIf, 0)
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpLocalSet, uint32(1+i%(locals-1)))
			c.Op(wasm.OpEnd)
		}
		if f == 1 {
			c.Index(wasm.OpLocalGet, 0)
			c.Begin(wasm.OpIf)
			c.Index(wasm.OpLocalGet, 0)
			c.I32Const(1)
			c.Op(wasm.OpI32Sub)
			c.Index(wasm.OpCall, 1)
			c.I32Const(1)
			c.Op(wasm.OpI32Add)
			c.Index(wasm.OpLocalSet, 0)
			for i := range live { // zero, in a way that no compiler sees
				c.Index(wasm.OpLocalGet, uint32(1+i))
				c.Index(wasm.OpLocalGet, uint32(1+(i+1)%live))
				c.Op(wasm.OpI32Sub)
				c.Index(wasm.OpLocalGet, 0)
				c.Op(wasm.OpI32Add)
				c.Index(wasm.OpLocalSet, 0)
			}
			c.Op(wasm.OpEnd)
		}
		c.Index(wasm.OpLocalGet, 0)
		c.Op(wasm.OpEnd)
		m.Bodies = append(m.Bodies, wasm.Body{
			Locals: []wasm.LocalGroup{{Count: uint32(locals - 1), Type: wasm.I32}}, Code: c,
		})
	}
	return m.Encode()
}

func loadBytes(t testing.TB, e *Engine, name string, binary []byte) *Module {
	t.Helper()
	m, err := e.Load(t.Context(), name, func() ([]byte, error) { return binary, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	return m
}

// TestUnoptimizedFunctionsRun runs functions whose frames are far below their bounds.
func TestUnoptimizedFunctionsRun(t *testing.T) {
	e := newEngine(t, Config{})
	for _, tt := range []struct{ locals, blocks int }{{10_000, 1000}, {20_000, 2000}, {50_000, 2500}} {
		m := loadBytes(t, e, fmt.Sprint(tt), unoptimized(tt.locals, tt.blocks, 40))
		i := start(t, m, &guest{}, InstanceConfig{})
		for range 100 {
			if got := call(t, i, "run", 5); got != 5 {
				t.Errorf("%v: run(5) = %d", tt, got)
			}
		}
		if got := call(t, i, "down", 100); got != 100 {
			t.Errorf("%v: down(100) = %d", tt, got)
		}
	}
}

// TestMeasuredFrames fails when wazero stores its machine code in another way than measureFrames expects. It checks that
// guests with large frames can use all of their stack and no more.
func TestMeasuredFrames(t *testing.T) {
	const limit, live = 1 << 20, 300
	e := newEngine(t, Config{})
	m := loadBytes(t, e, "m", unoptimized(20_000, 2000, live))
	deep := func(n int) (bool, *Instance) {
		i := start(t, m, &guest{}, InstanceConfig{StackBytes: limit})
		_, err := i.Call("down", uint64(n))
		if trap, ok := errors.AsType[*Trap](err); err != nil && (!ok || trap.Code != StackOverflow) {
			t.Fatalf("down(%d): %v", n, err)
		}
		return err == nil, i
	}
	if ok, _ := deep(1); !ok {
		t.Fatal("one call overflows the stack")
	}
	if len(m.frames) != 2 || m.frames[0] <= 0 || m.frames[1] <= 0 {
		t.Fatalf("frames %d of functions %d on %s", m.frames, m.info.LargeFrames, runtime.GOARCH)
	}
	frame := m.frames[1]
	most := int(limit / frame)
	if size := int64(live * 4); frame < size || frame > 3*size {
		t.Errorf("a frame of %d bytes, with %d values of 4 bytes in it", frame, live)
	}
	if ok, i := deep(most - 2); !ok {
		t.Errorf("%d calls of %d bytes do not fit %d", most-2, frame, limit)
	} else if left, want := int64(i.core.stackLeft.Get()), i.stack.granted; left != want {
		t.Errorf("%d bytes are left after the calls, want %d", left, want)
	}
	if ok, _ := deep(most + 2); ok {
		t.Errorf("%d calls of %d bytes fit %d", most+2, frame, limit)
	}
}

func TestPrologues(t *testing.T) {
	for _, tt := range []struct {
		name, arch, code string
		want             int64
	}{
		{"small", "amd64", "554889e5 4883ec70 90909090", 0x70},
		{"large", "amd64", "554889e5 4881ec40380100 9090", 0x13840},
		{"another instruction", "amd64", "554889e5 4883c470 90909090", -callFrame},
		{"cut off", "amd64", "554889e5 4881ec40", -callFrame},
		// stp x30, xzr, [sp, #-16]!; sub x27, sp, #0x70; ldr x11, [x0, #40]
		{"small", "arm64", "fe7fbfa9 fbc301d1 0b1440f9", 0x70},
		// stp; sub x27, sp, #0x5000 as 5 << 12
		{"shifted", "arm64", "fe7fbfa9 fb1740d1 0b1440f9", 0x5000},
		// mov x27, #0x90; sub sp, sp, x27; stp x30, x27, [sp, #-16]!; mov x27, #0x3840; movk x27, #1, lsl 16; sub x27, sp, x27
		{"large, with arguments", "arm64", "1b1280d2 ff633bcb fe6fbfa9 1b0887d2 3b00a0f2 fb633bcb 0b1440f9", 0x13840},
		// stp; orr x27, xzr, #0x3ff0; sub x27, sp, x27
		{"a run of bits", "arm64", "fe7fbfa9 fb277cb2 fb633bcb 0b1440f9", 0x3ff0},
		{"no check", "arm64", "fe7fbfa9 fbc301d1 fbc301d1 fbc301d1", -callFrame},
		{"no frame", "arm64", "fe7fbfa9 0b1440f9", -callFrame},
	} {
		var code []byte
		for _, r := range tt.code {
			if r != ' ' {
				code = append(code, byte(r))
			}
		}
		code, err := hex.DecodeString(string(code))
		if err != nil {
			t.Fatal(err)
		}
		if got := prologues[tt.arch](code) - callFrame; got != tt.want {
			t.Errorf("%s on %s: %#x, want %#x", tt.name, tt.arch, got, tt.want)
		}
	}
}
