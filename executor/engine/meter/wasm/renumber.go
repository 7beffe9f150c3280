package wasm

import "slices"

// ImportFunctions adds imported functions after the existing ones. It renumbers references to the module's
// defined functions everywhere except in bodies and Names. It returns the index of the first added import, and
// a function that maps old indices to new ones.
func (m *Module) ImportFunctions(added ...Import) (first uint32, renumber func(uint32) uint32) {
	first = uint32(m.ImportedFunctions())
	shift := uint32(len(added))
	renumber = func(f uint32) uint32 {
		if f >= first {
			return f + shift
		}
		return f
	}
	m.Imports = append(slices.Clip(m.Imports), added...)
	if m.Start != nil {
		f := renumber(*m.Start)
		m.Start = &f
	}
	for i := range m.Exports {
		if x := &m.Exports[i]; x.Kind == FuncExtern {
			x.Index = renumber(x.Index)
		}
	}
	for i := range m.Globals {
		m.Globals[i].Init.renumber(renumber, same)
	}
	for i := range m.Elements {
		e := &m.Elements[i]
		e.Offset.renumber(renumber, same)
		e.Exprs.renumber(renumber, same)
		for j, f := range e.Funcs {
			e.Funcs[j] = renumber(f)
		}
	}
	return first, renumber
}

// ImportGlobals adds imported globals after the existing ones. It renumbers references to the module's defined globals
// everywhere except in bodies. It returns the index of the first added import, and a function that maps old indices to
// new ones.
func (m *Module) ImportGlobals(added ...Import) (first uint32, renumber func(uint32) uint32) {
	first = uint32(m.ImportedGlobals())
	shift := uint32(len(added))
	renumber = func(g uint32) uint32 {
		if g >= first {
			return g + shift
		}
		return g
	}
	m.Imports = append(slices.Clip(m.Imports), added...)
	for i := range m.Exports {
		if x := &m.Exports[i]; x.Kind == GlobalExtern {
			x.Index = renumber(x.Index)
		}
	}
	for i := range m.Globals {
		m.Globals[i].Init.renumber(same, renumber)
	}
	for i := range m.Elements {
		e := &m.Elements[i]
		e.Offset.renumber(same, renumber)
		e.Exprs.renumber(same, renumber)
	}
	for i := range m.Data {
		m.Data[i].Offset.renumber(same, renumber)
	}
	return first, renumber
}

func same(i uint32) uint32 { return i }

// Functions calls visit with each function that the expressions refer to.
func (e Expr) Functions(visit func(uint32)) {
	e.renumber(func(f uint32) uint32 { visit(f); return f }, same)
}

// renumber maps the indices of functions and globals in the expressions.
func (e *Expr) renumber(function, global func(uint32) uint32) {
	r := reader{buf: e.Code}
	var out []byte
	kept := 0 // bytes of e.Code copied to out
	index := func(to func(uint32) uint32) {
		out = append(out, e.Code[kept:r.pos]...)
		out = AppendU32(out, to(r.u32()))
		kept = r.pos
	}
	for r.more() {
		switch Op(r.byte()) {
		case OpI32Const:
			r.sleb(32)
		case OpI64Const:
			r.sleb(64)
		case OpF32Const:
			r.bytes(4)
		case OpF64Const:
			r.bytes(8)
		case OpGlobalGet:
			index(global)
		case OpRefNull:
			r.byte()
		case 0xfd:
			r.u32()
			r.bytes(16)
		case OpRefFunc:
			index(function)
		}
	}
	if kept > 0 {
		e.Code = append(out, e.Code[kept:]...)
	}
}
