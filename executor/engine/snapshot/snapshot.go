package snapshot

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// pageBytes is the size of a page of memory.
const pageBytes = 64 << 10

// State is what an instance of a probe holds.
type State struct {
	Globals []uint64 // of Probe.Globals, in their order, as wazero has their bits
	Memory  *Memory  // nil if the module has none
}

// Options say what becomes of a state.
type Options struct {
	Hidden []string     // exports that the snapshot does not have
	Origin *wasm.Custom // a custom section that says where it is from
}

// StateError means that an instance holds what a module cannot start with.
type StateError struct{ What []string }

func (e *StateError) Error() string {
	return "the state cannot be carried over: " + strings.Join(e.What, "; ")
}

// Snapshot returns the module that starts with a state. The error is a *[StateError].
func (p *Probe) Snapshot(state *State, options Options) ([]byte, error) {
	m := *p.original // a shallow copy: what is changed is replaced
	happened := map[watch]bool{}
	for i, what := range p.watches {
		happened[what] = state.Globals[len(p.values)+i] != 0
	}
	if err := p.check(happened); err != nil {
		return nil, err
	}
	m.Start = nil
	m.Globals = slices.Clone(m.Globals)
	for i, global := range p.values {
		g := &m.Globals[global]
		g.Init = constant(g.Type.Type, state.Globals[i])
	}
	if state.Memory != nil && len(m.Memories) > 0 {
		m.Memories = slices.Clone(m.Memories)
		m.Memories[0].Size.Min = uint32(state.Memory.size / pageBytes)
	}
	p.segments(&m, happened)
	if state.Memory != nil {
		m.Data = append(m.Data, state.Memory.data()...)
	}
	if m.DataCount != nil {
		n := uint32(len(m.Data))
		m.DataCount = &n
	}
	p.hide(&m, options.Hidden)
	return m.EncodeOver(p.binary, wasm.Over{Custom: options.Origin}), nil
}

// check refuses what has happened to state that can't be read.
func (p *Probe) check(happened map[watch]bool) error {
	var what []string
	for _, w := range p.watches {
		if !happened[w] {
			continue
		}
		switch w.what {
		case tableChanged:
			what = append(what, fmt.Sprintf("table %d was changed", w.index))
		case globalChanged:
			t := p.original.GlobalTypes()[w.index]
			what = append(what, fmt.Sprintf("global %d, of type %v, was changed", w.index, t.Type))
		}
		const most = 8
		if len(what) == most {
			what = append(what, "and more")
			break
		}
	}
	if len(what) > 0 {
		return &StateError{what}
	}
	return nil
}

// segments leaves the segments that have been dropped empty, at their places, since code refers to them by index.
func (p *Probe) segments(m *wasm.Module, happened map[watch]bool) {
	var data []wasm.DataSegment
	for i := range m.Data {
		switch {
		case m.DataCount == nil: // code refers to none
		case !m.Data[i].Passive, happened[watch{dataDropped, uint32(i)}]:
			data = append(data, wasm.DataSegment{Passive: true})
		default:
			data = append(data, m.Data[i])
		}
	}
	m.Data = data
	m.Elements = slices.Clone(m.Elements)
	for i := range m.Elements {
		// A declarative segment is as one that was dropped, and code may still refer to its functions.
		if happened[watch{elementsDropped, uint32(i)}] && m.Elements[i].Mode == wasm.Passive {
			m.Elements[i].Mode = wasm.Declarative
		}
	}
}

// hide removes exports. Code may refer only to functions that are declared outside of code, for example by an export.
func (p *Probe) hide(m *wasm.Module, hidden []string) {
	var exports []wasm.Export
	var declared []uint32
	for _, x := range m.Exports {
		switch {
		case !slices.Contains(hidden, x.Name):
			exports = append(exports, x)
		case x.Kind == wasm.FuncExtern && p.referred[x.Index] && !slices.Contains(declared, x.Index):
			declared = append(declared, x.Index)
		}
	}
	m.Exports = exports
	if len(declared) > 0 {
		m.Elements = append(m.Elements, wasm.Element{Mode: wasm.Declarative, Funcs: declared})
	}
}

// constant is the expression of a number, whose bits are given.
func constant(t wasm.ValType, bits uint64) wasm.Expr {
	var code wasm.Code
	switch t {
	case wasm.I32:
		code.I32Const(int32(bits))
	case wasm.I64:
		code.I64Const(int64(bits))
	case wasm.F32:
		code.Op(wasm.OpF32Const)
		code = binary.LittleEndian.AppendUint32(code, uint32(bits))
	case wasm.F64:
		code.Op(wasm.OpF64Const)
		code = binary.LittleEndian.AppendUint64(code, bits)
	}
	code.Op(wasm.OpEnd)
	return wasm.Expr{Code: code}
}
