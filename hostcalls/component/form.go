package component

import (
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// formOf returns what plan.Elide wants to know of a core module. It recognizes what tools make, exactly: anything else is no shim and
// no fix-up.
func formOf(m *wasm.Module) plan.Form {
	f := plan.Form{Starts: m.Start != nil}
	if len(m.Memories) > 0 || len(m.Globals) > 0 || len(m.Data) > 0 || m.DataCount != nil {
		return f
	}
	if f.Shim = shimOf(m); f.Shim == nil {
		f.Fixup = fixupOf(m)
	}
	return f
}

// shimOf returns the form of a shim, or nil if it is none.
func shimOf(m *wasm.Module) *plan.Shim {
	if len(m.Imports) > 0 || m.Start != nil || len(m.Elements) > 0 || len(m.Functions) == 0 || len(m.Tables) != 1 || m.Tables[0].Elem != wasm.FuncRef {
		return nil
	}
	shim := &plan.Shim{Size: int(m.Tables[0].Size.Min), Funcs: map[string]plan.ShimFunc{}}
	tables := 0
	for _, e := range m.Exports {
		if e.Kind == wasm.TableExtern {
			shim.Table = e.Name
			tables++
			continue
		}
		if e.Kind != wasm.FuncExtern {
			return nil
		}
		slot, ok := passesOn(m, e.Index)
		if !ok {
			return nil
		}
		shim.Funcs[e.Name] = plan.ShimFunc{Slot: slot, Type: m.Types[m.Functions[e.Index]].Key()}
	}
	if _, twice := shim.Funcs[shim.Table]; twice || tables != 1 || len(shim.Funcs) != len(m.Functions) {
		return nil
	}
	return shim
}

// passesOn returns the slot of the function to which a function passes its parameters, if it does nothing else.
func passesOn(m *wasm.Module, function uint32) (slot int, ok bool) {
	body, typ := &m.Bodies[function], m.Functions[function]
	params := len(m.Types[typ].Params)
	if len(body.Locals) > 0 {
		return 0, false
	}
	code, err := wasm.ParseBody(body, params, m.Space(), wasm.Limits{}, nil)
	if err != nil || len(code) != params+3 {
		return 0, false
	}
	for i, in := range code[:params] {
		if in.Op != wasm.OpLocalGet || int(in.A) != i {
			return 0, false
		}
	}
	number, call, end := code[params], code[params+1], code[params+2]
	ok = number.Op == wasm.OpI32Const && number.A < m.Tables[0].Size.Min &&
		call.Op == wasm.OpCallIndirect && call.A == typ && call.B == 0 && end.Op == wasm.OpEnd
	return int(number.A), ok
}

// fixupOf returns the form of a fix-up, or nil if it is none.
func fixupOf(m *wasm.Module) *plan.Fixup {
	if len(m.Functions) > 0 || len(m.Tables) > 0 || len(m.Exports) > 0 || len(m.Elements) > 1 {
		return nil
	}
	fixup := &plan.Fixup{Table: -1, Start: -1}
	var functions []int // their imports
	for i := range m.Imports {
		switch m.Imports[i].Kind {
		case wasm.FuncExtern:
			functions = append(functions, i)
		case wasm.TableExtern:
			if fixup.Table >= 0 || m.Imports[i].Table.Elem != wasm.FuncRef {
				return nil
			}
			fixup.Table = i
		default:
			return nil
		}
	}
	if m.Start != nil {
		fixup.Start = functions[*m.Start]
		if t := m.Types[m.Imports[fixup.Start].Func]; len(t.Params)+len(t.Results) > 0 {
			return nil
		}
	}
	if (fixup.Table >= 0) != (len(m.Elements) == 1) {
		return nil
	}
	for i := range m.Elements {
		items, ok := itemsFrom0(m, &m.Elements[i])
		if !ok {
			return nil
		}
		for _, function := range items {
			if int64(function) >= int64(len(functions)) {
				return nil
			}
			from := functions[function]
			fixup.Slots = append(fixup.Slots, plan.FixupFunc{Import: from, Type: m.Types[m.Imports[from].Func].Key()})
		}
	}
	return fixup
}

// itemsFrom0 returns the functions of an active element segment that begins with the first slot of the table.
func itemsFrom0(m *wasm.Module, e *wasm.Element) ([]uint32, bool) {
	items, ok := e.References()
	if !ok || e.Mode != wasm.Active || e.Table != 0 || e.Holds() != wasm.FuncRef {
		return nil, false
	}
	offset, err := m.Constants().Evaluate(e.Offset)
	return items, err == nil && offset.Known && offset.Value == 0
}
