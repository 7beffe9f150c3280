package meter_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// TestUnusedDataSegments: data segments are left out behind the last one that code names, even where that code never runs.
func TestUnusedDataSegments(t *testing.T) {
	zero := wasm.Expr{Code: []byte{0x41, 0, 0x0b}}
	active := wasm.DataSegment{Offset: zero, Bytes: []byte("active")}
	passive := wasm.DataSegment{Passive: true, Bytes: []byte("passive")}
	init := func(segment byte) []byte { return []byte{0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, segment, 0} }
	drop := func(segment byte) []byte { return []byte{0xfc, 9, segment} }
	for _, tt := range []struct {
		name string
		data []wasm.DataSegment
		code []byte
		left int
	}{
		{name: "no segments"},
		{name: "active ones", data: []wasm.DataSegment{active, active}},
		{name: "passive ones that nobody uses", data: []wasm.DataSegment{passive, passive}},
		{name: "the first is used", data: []wasm.DataSegment{passive, active, passive}, code: init(0), left: 1},
		{name: "the last is used", data: []wasm.DataSegment{active, active, passive}, code: init(2), left: 3},
		{name: "an active one is used", data: []wasm.DataSegment{active, active, passive}, code: init(1), left: 2},
		{name: "an active one is dropped", data: []wasm.DataSegment{active, active, active}, code: drop(1), left: 2},
		{name: "in code that never runs", data: []wasm.DataSegment{active, passive}, code: append([]byte{0x00}, drop(1)...), left: 2},
		{name: "behind a branch", data: []wasm.DataSegment{active, passive}, code: append([]byte{0x0c, 0}, init(1)...), left: 2},
		{name: "in a dead block", data: []wasm.DataSegment{passive, active},
			code: append(append([]byte{0x0f, 0x02, 0x40}, drop(0)...), 0x0b), left: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := wasm.Module{
				Types: []wasm.FuncType{{}}, Functions: []uint32{0}, Memories: []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}},
				Bodies: []wasm.Body{{Code: append(tt.code, 0x0b)}}, Data: tt.data,
			}
			if count := uint32(len(tt.data)); tt.code != nil {
				m.DataCount = &count
			}
			out, info, err := meter.Rewrite(m.Encode(), meter.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if info.Segments != tt.left {
				t.Errorf("%d segments are left, want %d", info.Segments, tt.left)
			}
			ctx := context.Background()
			r := wazero.NewRuntime(ctx)
			defer r.Close(ctx)
			if _, err := r.CompileModule(ctx, out); err != nil {
				t.Error(err)
			}
		})
	}
}
