package meter

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Source is where an import comes from.
type Source struct {
	// Provider is the ordinal of the instance among those that the module is linked with, and Name is that of the export
	// there. In the result they are the import's names. So the result does not depend on the names in the original, nor on
	// where in a larger whole the providers are.
	Provider int
	Name     string
	// Host means that the provider is of the host. The functions of other instances call each other, which has to be metered.
	Host bool
	// Builtin, unless zero, is the function that is imported. Its provider is an instance of ContextStorage, the same for all
	// builtins of a module. Name is not used.
	Builtin Builtin
}

// Builtin is a function of the component model that becomes an instruction: the host would take too long for one that every
// function of a program calls. Programs that have their stack pointer in a context slot do so.
type Builtin byte

// The builtins, of each context slot. [Builtin.Function] tells the type.
const (
	ContextGet0 Builtin = iota + 1
	ContextGet1
	ContextSet0
	ContextSet1
)

// contextSlots is the number of context slots of a thread.
const contextSlots = 2

// Function returns the name of the builtin's export of ContextStorage, and its type.
func (b Builtin) Function() (name string, t FuncType) {
	if b >= ContextSet0 {
		return "set" + strconv.Itoa(b.slot()), FuncType{Params: []ValType{I32}}
	}
	return "get" + strconv.Itoa(b.slot()), FuncType{Results: []ValType{I32}}
}

func (b Builtin) slot() int { return int(b-ContextGet0) % contextSlots }

// ContextGlobal returns the name of the mutable i32 of ContextStorage that has a context slot.
func ContextGlobal(slot int) string { return "slot" + strconv.Itoa(slot) }

// ContextStorage returns the module of an instance that has the context slots of several others. See [Source].Builtin.
func ContextStorage() []byte {
	m := &wasm.Module{}
	for slot := range contextSlots {
		m.Globals = append(m.Globals, wasm.Global{Type: slotType, Init: wasm.Expr{Code: []byte{byte(wasm.OpI32Const), 0, byte(wasm.OpEnd)}}})
		m.Exports = append(m.Exports, wasm.Export{Name: ContextGlobal(slot), Kind: wasm.GlobalExtern, Index: uint32(slot)})
	}
	for i, b := range []Builtin{ContextGet0, ContextGet1, ContextSet0, ContextSet1} {
		var code wasm.Code
		name, t := b.Function()
		if b >= ContextSet0 {
			code.Index(wasm.OpLocalGet, 0)
			code.Index(wasm.OpGlobalSet, uint32(b.slot()))
		} else {
			code.Index(wasm.OpGlobalGet, uint32(b.slot()))
		}
		code.Op(wasm.OpEnd)
		m.Types = append(m.Types, t)
		m.Functions = append(m.Functions, uint32(i))
		m.Bodies = append(m.Bodies, wasm.Body{Code: code})
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.FuncExtern, Index: uint32(i)})
	}
	return m.Encode()
}

var slotType = wasm.GlobalType{Type: wasm.I32, Mutable: true}

// link gives each import the names of its source, and finds the builtins among them.
func (rw *rewriter) link(sources []Source) error {
	if sources == nil {
		return nil
	}
	m := rw.m
	if len(sources) != len(m.Imports) {
		return &Error{Kind: Malformed, Msg: fmt.Sprintf("%d imports are linked with %d sources", len(m.Imports), len(sources))}
	}
	function := uint32(0)
	rw.foreign = make([]bool, m.ImportedFunctions())
	for i, s := range sources {
		im := &m.Imports[i]
		if s.Builtin != 0 {
			if err := rw.linkBuiltin(im, function, &s); err != nil {
				return err
			}
		}
		im.Module, im.Name = strconv.Itoa(s.Provider), s.Name
		if im.Kind == wasm.FuncExtern {
			rw.foreign[function] = !s.Host && s.Builtin == 0
			function++
		}
	}
	return nil
}

// reachesOthers reports whether indirect calls may reach functions of other modules: those may be in tables that modules
// share, and come and go in references.
func (rw *rewriter) reachesOthers() bool {
	m := rw.m
	if rw.foreign == nil {
		return false
	}
	if rw.importTaken || len(m.TableTypes()) > len(m.Tables) {
		return true
	}
	for i := range m.Exports {
		if m.Exports[i].Kind == wasm.TableExtern {
			return true
		}
	}
	for _, t := range m.Types {
		if slices.Contains(t.Params, wasm.FuncRef) || slices.Contains(t.Results, wasm.FuncRef) {
			return true
		}
	}
	return slices.ContainsFunc(m.GlobalTypes(), func(g wasm.GlobalType) bool { return g.Type == wasm.FuncRef })
}

// linkBuiltin enters a builtin, and sets the name of its source.
func (rw *rewriter) linkBuiltin(im *wasm.Import, function uint32, s *Source) error {
	name, t := s.Builtin.Function()
	switch {
	case s.Builtin > ContextSet1 || im.Kind != wasm.FuncExtern || !rw.m.Types[im.Func].Equal(t):
		return &Error{Kind: Malformed, Msg: fmt.Sprintf("import %q.%q is not of the type %v", im.Module, im.Name, t)}
	case rw.builtins == nil:
		rw.builtins, rw.context = map[uint32]Builtin{}, s.Provider
	case rw.context != s.Provider:
		return &Error{Kind: Malformed, Msg: "context slots of two instances in one module"}
	}
	rw.builtins[function] = s.Builtin
	s.Name = name
	return nil
}

// inlineBuiltins replaces calls of builtins among parsed instructions. Their globals get indices behind those of the original,
// which [rewriter.global] maps to the added imports. The function remains for those that refer to it.
func (rw *rewriter) inlineBuiltins(instrs []wasm.Instr) {
	if rw.builtins == nil {
		return
	}
	for i := range instrs {
		in := &instrs[i]
		if in.Op != wasm.OpCall {
			continue
		}
		b, ok := rw.builtins[in.A]
		switch {
		case !ok:
		case b >= ContextSet0:
			in.Op, in.A = wasm.OpGlobalSet, uint32(rw.space.Globals+b.slot())
		default:
			in.Op, in.A = wasm.OpGlobalGet, uint32(rw.space.Globals+b.slot())
		}
	}
}

// importContext imports the context slots, if there are builtins. It sets rw.added.global.
func (rw *rewriter) importContext() {
	var imports []wasm.Import
	if rw.builtins != nil {
		for slot := range contextSlots {
			imports = append(imports, wasm.Import{
				Module: strconv.Itoa(rw.context), Name: ContextGlobal(slot), Kind: wasm.GlobalExtern, Global: slotType,
			})
		}
	}
	first, renumber := rw.m.ImportGlobals(imports...)
	rw.added.global = func(g uint32) uint32 {
		if slot := int(g) - rw.space.Globals; slot >= 0 {
			return first + uint32(slot)
		}
		return renumber(g)
	}
}

// Offset is where an active segment is written.
type Offset struct {
	Value uint32
	Expr  []byte // constant expression that depends on imported globals, and which has the offset then; nil: it is Value
}

// Known reports whether the offset is the same in every instance.
func (o Offset) Known() bool { return o.Expr == nil }

// In returns the offset in an instance, given the values of all globals that the original module imports, in their order. Of
// those that are no i32 the value does not matter.
func (o Offset) In(globals []uint32) uint32 {
	if o.Known() {
		return o.Value
	}
	return wasm.Expr{Code: o.Expr}.Value(globals)
}

// offset evaluates the offset of a segment, as far as possible.
func offset(constants *wasm.Constants, e wasm.Expr) (Offset, error) {
	c, err := constants.Evaluate(e)
	if err != nil {
		return Offset{}, err
	}
	if c.Known {
		return Offset{Value: c.Value}, nil
	}
	return Offset{Expr: slices.Clone(e.Code)}, nil
}
