package snapshot

import (
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
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
	// Functions has the function that each of Probe.References refers to, and Tables those of each of Probe.Tables, by its
	// index, or [wasm.NoFunction]. What can't be told is left out, and then it must not have been changed.
	Functions map[Reference]uint32
	Tables    map[uint32][]uint32
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
	if err := p.check(happened, state); err != nil {
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
	for _, r := range p.References {
		if happened[watch{globalChanged, r.index}] {
			g := &m.Globals[int(r.index)-m.ImportedGlobals()]
			g.Init = reference(g.Type.Type, state.Functions[r])
		}
	}
	p.segments(&m, happened)
	p.tables(&m, happened, state)
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

// check refuses what has happened to state that is not there, or that is in more pieces than a module has room for.
func (p *Probe) check(happened map[watch]bool, state *State) error {
	var what []string
	room := maxAll - len(p.original.Elements) - 1 // one declares functions
	for _, w := range p.watches {
		if !happened[w] {
			continue
		}
		switch {
		case w.what == tableChanged && state.Tables[w.index] == nil:
			what = append(what, fmt.Sprintf("table %d was changed", w.index))
		case w.what == tableChanged:
			if room -= countPieces(state.Tables[w.index]); room < 0 {
				what = append(what, fmt.Sprintf("table %d has gaps between its functions, more than %d", w.index, maxAll))
			}
		case w.what == globalChanged && !p.told(w.index, state):
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

// told reports whether a state has the reference of a global.
func (p *Probe) told(global uint32, state *State) bool {
	for _, r := range p.References {
		if r.index == global {
			_, ok := state.Functions[r]
			return ok
		}
	}
	return false
}

// tables replaces the active element segments of tables that were changed. Those that there were become declarative: code may
// refer to their functions.
func (p *Probe) tables(m *wasm.Module, happened map[watch]bool, state *State) {
	m.Tables = slices.Clone(m.Tables)
	for _, t := range p.Tables {
		if !happened[watch{tableChanged, t}] {
			continue
		}
		functions := state.Tables[t]
		m.Tables[t].Size.Min = uint32(len(functions)) // no table is imported
		for i := range m.Elements {
			if e := &m.Elements[i]; e.Mode == wasm.Active && e.Table == t {
				e.Mode, e.Table, e.Offset = wasm.Declarative, 0, wasm.Expr{}
			}
		}
		for start, piece := range pieces(functions) {
			m.Elements = append(m.Elements, wasm.Element{Table: t, Offset: constant(wasm.I32, uint64(start)), Funcs: piece})
		}
	}
}

// pieces yields the runs of functions, between elements that refer to none, and where they start.
func pieces(functions []uint32) iter.Seq2[int, []uint32] {
	return func(yield func(int, []uint32) bool) {
		for start := 0; start < len(functions); {
			if functions[start] == wasm.NoFunction {
				start++
				continue
			}
			end := start + 1
			for end < len(functions) && functions[end] != wasm.NoFunction {
				end++
			}
			if !yield(start, functions[start:end]) {
				return
			}
			start = end
		}
	}
}

func countPieces(functions []uint32) int {
	n := 0
	for range pieces(functions) {
		n++
	}
	return n
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

// hide removes exports. Code may refer only to functions that are declared outside of code, as by an export that is gone now.
func (p *Probe) hide(m *wasm.Module, hidden []string) {
	m.Exports = slices.DeleteFunc(slices.Clone(m.Exports), func(x wasm.Export) bool { return slices.Contains(hidden, x.Name) })
	if referred := slices.Sorted(maps.Keys(p.referred)); len(referred) > 0 {
		m.Elements = append(m.Elements, wasm.Element{Mode: wasm.Declarative, Funcs: referred})
	}
}

// reference is the expression of a reference.
func reference(t wasm.ValType, function uint32) wasm.Expr {
	var code wasm.Code
	if function == wasm.NoFunction {
		code.Op(wasm.OpRefNull)
		code.Raw(byte(t))
	} else {
		code.Index(wasm.OpRefFunc, function)
	}
	code.Op(wasm.OpEnd)
	return wasm.Expr{Code: code}
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
