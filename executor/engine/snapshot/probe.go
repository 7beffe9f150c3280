package snapshot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// prefix is what the names begin with by which a probe exports globals.
const prefix = "reactord.snapshot."

// maxGlobals bounds the globals that a probe exports: what a module exports is described in 1 MiB at most.
const maxGlobals = 20_000

// Probe is a copy of a module that tells its state.
type Probe struct {
	// Module is the copy. It does what the original does.
	Module []byte
	// Globals are the names of the globals to be read from an instance.
	Globals []string
	// References are the globals that hold a reference, and Tables the tables, that code may have changed.
	References []Reference
	Tables     []uint32

	binary   []byte
	original *wasm.Module
	values   []int           // of the defined globals, those that Globals names first
	watches  []watch         // what the others watch
	referred map[uint32]bool // the functions to which code refers by ref.func
}

// Reference is a global that holds a reference.
type Reference struct {
	Name  string // by which an instance of the probe exports it
	index uint32
}

// watch is a global that is not zero once something has happened.
type watch struct {
	what  event
	index uint32
}

// event is something that code does to state that is read only if it was changed, or can't be read.
type event byte

const (
	dataDropped event = iota
	elementsDropped
	tableChanged
	globalChanged
)

// NewProbe makes the probe of a module. The error is a *[wasm.Error].
func NewProbe(binary []byte, limits wasm.Limits) (*Probe, error) {
	original, err := wasm.Decode(binary, limits)
	if err != nil {
		return nil, err
	}
	m, err := wasm.Decode(binary, limits)
	if err != nil {
		return nil, err
	}
	if err := refuse(m); err != nil {
		return nil, err
	}
	p := &Probe{binary: binary, original: original, referred: map[uint32]bool{}}
	p.exportValues(m)
	w := watcher{probe: p, m: m, limits: limits, types: m.GlobalTypes(), space: m.Space(), known: map[watch]uint32{}}
	changed, err := w.bodies()
	if err != nil {
		return nil, err
	}
	p.exportReferences(m)
	if n := len(p.Globals) + len(p.References); n > maxGlobals {
		return nil, &wasm.Error{Kind: wasm.TooLarge, Msg: fmt.Sprintf(
			"the module has %d globals that may change, and segments and tables that its code drops or changes; the limit is %d", n, maxGlobals)}
	}
	p.Module = m.EncodeOver(binary, wasm.Over{Bodies: changed})
	return p, nil
}

// refuse refuses modules whose state is not all their own, and those that export the names of a probe.
func refuse(m *wasm.Module) error {
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Kind != wasm.FuncExtern {
			return &wasm.Error{Kind: wasm.Unsupported, Feature: "snapshot",
				Msg: fmt.Sprintf("the %v %q.%q is imported, and so not part of the module's own state", im.Kind, im.Module, im.Name)}
		}
	}
	for i := range m.Exports {
		if name := m.Exports[i].Name; strings.HasPrefix(name, prefix) {
			return &wasm.Error{Kind: wasm.Unsupported, Feature: "reserved name", Msg: fmt.Sprintf("export %q", name)}
		}
	}
	return nil
}

// exportValues exports the mutable globals that hold numbers.
func (p *Probe) exportValues(m *wasm.Module) {
	for i := range m.Globals {
		if t := m.Globals[i].Type; t.Mutable && isNumber(t.Type) {
			p.values = append(p.values, i)
			p.export(m, i)
		}
	}
}

// exportReferences exports the globals of references that code sets, and notes the tables that it changes.
func (p *Probe) exportReferences(m *wasm.Module) {
	types := m.GlobalTypes()
	for _, w := range p.watches {
		switch {
		case w.what == tableChanged:
			p.Tables = append(p.Tables, w.index)
		case w.what == globalChanged && types[w.index].Type != wasm.V128:
			name := prefix + "reference." + strconv.Itoa(int(w.index))
			m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.GlobalExtern, Index: w.index})
			p.References = append(p.References, Reference{name, w.index})
		}
	}
}

func isNumber(t wasm.ValType) bool {
	return t == wasm.I32 || t == wasm.I64 || t == wasm.F32 || t == wasm.F64
}

// export exports a defined global.
func (p *Probe) export(m *wasm.Module, defined int) {
	name := prefix + strconv.Itoa(defined)
	m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.GlobalExtern, Index: uint32(m.ImportedGlobals() + defined)})
	p.Globals = append(p.Globals, name)
}

// watcher adds the watches to a probe.
type watcher struct {
	probe  *Probe
	m      *wasm.Module
	limits wasm.Limits
	types  []wasm.GlobalType // of all globals of the original
	space  wasm.Space        // of the original
	known  map[watch]uint32  // the globals of the watches
}

// bodies watches what the bodies do, and reports whether any has changed.
func (w *watcher) bodies() (changed bool, err error) {
	types := w.m.FunctionTypes()
	var instrs []wasm.Instr
	for i := range w.m.Bodies {
		body := &w.m.Bodies[i]
		locals := len(types[w.m.ImportedFunctions()+i].Params)
		for _, g := range body.Locals {
			locals += int(g.Count)
		}
		if instrs, err = wasm.ParseBody(body, locals, w.space, w.limits, instrs); err != nil {
			return false, err
		}
		if out := w.body(body.Code, instrs); out != nil {
			body.Code, changed = out, true
		}
	}
	return changed, nil
}

// body returns the code with the watches, nil if there is nothing to watch.
func (w *watcher) body(code []byte, instrs []wasm.Instr) []byte {
	var out wasm.Code
	kept := uint32(0) // bytes of code that were copied to out
	for _, in := range instrs {
		if in.Op == wasm.OpRefFunc {
			w.probe.referred[in.A] = true
		}
		what, ok := w.watchOf(in)
		if !ok {
			continue
		}
		out.Raw(code[kept:in.Pos]...)
		kept = in.Pos
		out.I32Const(1)
		out.Index(wasm.OpGlobalSet, w.global(what))
	}
	if out == nil {
		return nil
	}
	return append(out, code[kept:]...)
}

// watchOf returns what is watched of an instruction.
func (w *watcher) watchOf(in wasm.Instr) (watch, bool) {
	switch in.Op {
	case wasm.OpDataDrop:
		return watch{dataDropped, in.A}, true
	case wasm.OpElemDrop:
		return watch{elementsDropped, in.A}, true
	case wasm.OpTableSet, wasm.OpTableFill, wasm.OpTableGrow, wasm.OpTableCopy:
		return watch{tableChanged, in.A}, true
	case wasm.OpTableInit:
		return watch{tableChanged, in.B}, true
	case wasm.OpGlobalSet:
		return watch{globalChanged, in.A}, !isNumber(w.types[in.A].Type)
	}
	return watch{}, false
}

// global returns the index of the global of a watch, which it adds at the first time.
func (w *watcher) global(what watch) uint32 {
	index, ok := w.known[what]
	if ok {
		return index
	}
	defined := len(w.m.Globals)
	index = uint32(w.m.ImportedGlobals() + defined)
	w.known[what] = index
	w.m.Globals = append(w.m.Globals, wasm.Global{
		Type: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: constant(wasm.I32, 0),
	})
	w.probe.export(w.m, defined)
	w.probe.watches = append(w.probe.watches, what)
	return index
}
