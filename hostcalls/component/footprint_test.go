package component

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// parts makes components with much of something.
type parts struct {
	defs  []binary.Definition
	types uint32 // how many there are
}

func (p *parts) add(defs ...binary.Definition) { p.defs = append(p.defs, defs...) }

// typ defines a type and returns its index.
func (p *parts) typ(def binary.TypeDef) uint32 {
	p.add(&binary.Type{Def: def})
	p.types++
	return p.types - 1
}

// named exports a type under a name and returns its index.
func (p *parts) named(name string, index uint32) uint32 {
	p.add(&binary.Export{Name: binary.Name{Text: name}, Ref: binary.Ref{Sort: binary.TypeSort, Index: index}})
	p.types++
	return p.types - 1
}

// core instantiates a core module with a memory, and functions f and realloc, which become core functions 0 and 1.
func (p *parts) core(params ...wasm.ValType) {
	m := &wasm.Module{
		Types:     []wasm.FuncType{{Params: params}, {Params: slices.Repeat([]wasm.ValType{wasm.I32}, 4), Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0, 1}, Bodies: []wasm.Body{{Code: []byte{0x0b}}, {Code: []byte{0x41, 0, 0x0b}}},
		Memories: []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}},
		Exports: []wasm.Export{
			{Name: "f", Kind: wasm.FuncExtern}, {Name: "realloc", Kind: wasm.FuncExtern, Index: 1}, {Name: "memory", Kind: wasm.MemoryExtern},
		},
	}
	p.add(&binary.CoreModule{Binary: m.Encode()}, &binary.CoreInstance{},
		&binary.Alias{Kind: binary.CoreExportAlias, Sort: binary.CoreFuncSort, Name: "f"},
		&binary.Alias{Kind: binary.CoreExportAlias, Sort: binary.CoreFuncSort, Name: "realloc"},
		&binary.Alias{Kind: binary.CoreExportAlias, Sort: binary.CoreMemorySort, Name: "memory"})
}

func (p *parts) lift(typ uint32, options ...binary.CanonOpt) {
	p.add(&binary.Canon{Builtin: binary.Lift, Type: typ, Options: options})
}

func (p *parts) exportFunc(name string, index uint32) {
	p.add(&binary.Export{Name: binary.Name{Text: name}, Ref: binary.Ref{Sort: binary.FuncSort, Index: index}})
}

func (p *parts) component() *binary.Component { return &binary.Component{Definitions: p.defs} }

func labels(n int, format string) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

// TestDefinitionsAreCounted: what a component takes in memory besides its compiled core modules is counted with them, whichever
// of its parts is large.
func TestDefinitionsAreCounted(t *testing.T) {
	u32 := binary.ValType{Prim: binary.U32}
	params := func(n int) (list []binary.Labeled) {
		for _, l := range labels(n, "p%d") {
			list = append(list, binary.Labeled{Name: l, Type: u32})
		}
		return list
	}
	for _, tt := range []struct {
		name  string
		build func(p *parts)
	}{
		{"functions", func(p *parts) {
			p.core(wasm.I32)
			f := p.typ(&binary.FuncType{Params: params(1)})
			for i := range 10_000 {
				p.lift(f)
				p.exportFunc(fmt.Sprintf("f%d", i), uint32(2*i))
			}
		}},
		{"types", func(p *parts) {
			p.core(wasm.I32)
			for i := range 150 {
				enum := p.named(fmt.Sprintf("t%d", i), p.typ(&binary.EnumType{Labels: labels(250, fmt.Sprintf("l%d-%%d", i))}))
				f := p.typ(&binary.FuncType{Params: []binary.Labeled{{Name: "p", Type: binary.ValType{Index: enum}}}})
				p.lift(f)
				p.exportFunc(fmt.Sprintf("f%d", i), uint32(2*i))
			}
		}},
		{"records", func(p *parts) {
			p.core(slices.Repeat([]wasm.ValType{wasm.I32}, 12)...)
			for i := range 1500 {
				record := &binary.RecordType{}
				for _, l := range labels(12, fmt.Sprintf("m%d-%%d", i)) {
					record.Fields = append(record.Fields, binary.Labeled{Name: l, Type: u32})
				}
				at := p.named(fmt.Sprintf("t%d", i), p.typ(record))
				f := p.typ(&binary.FuncType{Params: []binary.Labeled{{Name: "p", Type: binary.ValType{Index: at}}}})
				p.lift(f)
				p.exportFunc(fmt.Sprintf("f%d", i), uint32(2*i))
			}
		}},
		{"types that nothing uses", func(p *parts) {
			p.core(wasm.I32)
			for range 100 {
				at := p.typ(&binary.ListType{Elem: u32})
				for range 90 {
					at = p.typ(&binary.TupleType{Types: []binary.ValType{{Index: at}, u32, u32}})
				}
			}
			p.lift(p.typ(&binary.FuncType{Params: params(1)}))
			p.exportFunc("f", 0)
		}},
		{"functions of a component that is instantiated often", func(p *parts) {
			inner := &parts{}
			inner.core(wasm.I32)
			f := inner.typ(&binary.FuncType{Params: params(1000)})
			for range 10 {
				inner.lift(f, binary.CanonOpt{Kind: binary.MemoryOpt}, binary.CanonOpt{Kind: binary.ReallocOpt, Index: 1})
			}
			p.add(&binary.NestedComponent{Component: inner.component()})
			for range 80 {
				p.add(&binary.Instance{})
			}
			p.core(wasm.I32)
			p.lift(p.typ(&binary.FuncType{Params: params(1)}))
			p.exportFunc("f", 0)
		}},
		{"resources", func(p *parts) {
			p.core(wasm.I32)
			for range 10_000 {
				p.typ(&binary.ResourceType{})
			}
			p.lift(p.typ(&binary.FuncType{Params: params(1)}))
			p.exportFunc("f", 0)
		}},
		{"instances of core modules", func(p *parts) {
			p.core(wasm.I32)
			for range 9_000 {
				p.add(&binary.CoreInstance{})
			}
			p.lift(p.typ(&binary.FuncType{Params: params(1)}))
			p.exportFunc("f", 0)
		}},
		{"functions of the host", func(p *parts) {
			const n = 5000
			r := p.typ(&binary.ResourceType{})
			m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}}}}
			bundle := &binary.CoreInstance{Inline: true}
			for i := range n {
				p.add(&binary.Canon{Builtin: binary.ResourceDrop, Type: r})
				name := fmt.Sprintf("drop%d", i)
				m.Imports = append(m.Imports, wasm.Import{Module: "m", Name: name, Kind: wasm.FuncExtern})
				bundle.Exports = append(bundle.Exports, binary.CoreExport{Name: name, Ref: binary.Ref{Sort: binary.CoreFuncSort, Index: uint32(i)}})
			}
			m.Exports = []wasm.Export{{Name: "f", Kind: wasm.FuncExtern}}
			p.add(bundle, &binary.CoreModule{Binary: m.Encode()}, &binary.CoreInstance{Args: []binary.CoreArg{{Name: "m"}}})
			p.add(&binary.Alias{Kind: binary.CoreExportAlias, Sort: binary.CoreFuncSort, Name: "f", Instance: 1})
			p.typ(&binary.FuncType{Params: params(1)})
			p.add(&binary.Canon{Builtin: binary.Lift, Type: 1, Func: n})
			p.exportFunc("f", 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &parts{}
			tt.build(p)
			from := sourceOf(binary.Encode(p.component()))
			n := newNode(t, Config{})
			n.load("calc") // so that what the first one takes is not counted
			before := heapBytes()
			d, err := n.abi.define(t.Context(), n.engine, &reader{component: from.Read})
			if err != nil {
				t.Fatal(err)
			}
			took := heapBytes() - before
			t.Logf("it takes %d KiB, and %d are counted", took>>10, d.bytes>>10)
			if took > d.bytes*3/2 || d.bytes > took*4+1<<20 {
				t.Errorf("it takes %d KiB, and %d are counted", took>>10, d.bytes>>10)
			}
			runtime.KeepAlive(from)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// heapBytes returns the bytes of the heap in use.
func heapBytes() int64 {
	for range 2 { // what a finalizer releases is garbage only after the first
		finalized := make(chan struct{})
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { close(finalized) })
		runtime.GC()
		<-finalized
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
