package binary

func (e *encoder) typeDef(def TypeDef) {
	switch def := def.(type) {
	case PrimType:
		e.byte(byte(def.Prim))
	case *RecordType:
		e.byte(0x72)
		e.labeled(def.Fields)
	case *VariantType:
		e.byte(0x71)
		e.count(len(def.Cases))
		for _, c := range def.Cases {
			e.name(c.Name)
			e.optional(c.Type)
			e.byte(0)
		}
	case *ListType:
		if !def.Fixed {
			e.byte(0x70)
			e.valType(def.Elem)
			return
		}
		e.byte(0x67)
		e.valType(def.Elem)
		e.u32(def.Length)
	case *TupleType:
		e.byte(0x6f)
		e.count(len(def.Types))
		for _, t := range def.Types {
			e.valType(t)
		}
	case *FlagsType:
		e.byte(0x6e)
		e.labels(def.Labels)
	case *EnumType:
		e.byte(0x6d)
		e.labels(def.Labels)
	case *OptionType:
		e.byte(0x6b)
		e.valType(def.Elem)
	case *ResultType:
		e.byte(0x6a)
		e.optional(def.OK)
		e.optional(def.Err)
	case *HandleType:
		if def.Borrow {
			e.byte(0x68)
		} else {
			e.byte(0x69)
		}
		e.u32(def.Resource)
	case *StreamType:
		e.byte(0x66)
		e.optional(def.Elem)
	case *FutureType:
		e.byte(0x65)
		e.optional(def.Elem)
	case *MapType:
		e.byte(0x63)
		e.valType(def.Key)
		e.valType(def.Value)
	default:
		e.definedType(def)
	}
}

// definedType encodes a type that is not one of values.
func (e *encoder) definedType(def TypeDef) {
	switch def := def.(type) {
	case *ResourceType:
		e.byte(0x3f, byte(CoreI32))
		e.flag(def.Dtor != nil)
		if def.Dtor != nil {
			e.u32(*def.Dtor)
		}
	case *FuncType:
		if def.Async {
			e.byte(0x43)
		} else {
			e.byte(0x40)
		}
		e.labeled(def.Params)
		e.result(def.Result)
	case *ComponentType:
		e.byte(0x41)
		e.decls(def.Decls)
	case *InstanceType:
		e.byte(0x42)
		e.decls(def.Decls)
	}
}

func (e *encoder) valType(t ValType) {
	if t.Prim != 0 {
		e.byte(byte(t.Prim))
		return
	}
	// A signed integer of 33 bits: the highest bit of its last byte is a sign.
	v := uint64(t.Index)
	for ; v >= 0x40; v >>= 7 {
		e.byte(byte(v) | 0x80)
	}
	e.byte(byte(v))
}

func (e *encoder) optional(t *ValType) {
	e.flag(t != nil)
	if t != nil {
		e.valType(*t)
	}
}

func (e *encoder) result(t *ValType) {
	if t == nil {
		e.byte(0x01, 0x00)
		return
	}
	e.byte(0x00)
	e.valType(*t)
}

func (e *encoder) labeled(list []Labeled) {
	e.count(len(list))
	for _, l := range list {
		e.name(l.Name)
		e.valType(l.Type)
	}
}

func (e *encoder) labels(labels []string) {
	e.count(len(labels))
	for _, l := range labels {
		e.name(l)
	}
}

// decls encodes the declarations in the type of a component or of an instance.
func (e *encoder) decls(decls []Definition) {
	e.count(len(decls))
	for _, decl := range decls {
		switch decl := decl.(type) {
		case *CoreType:
			e.byte(0x00)
			e.coreType(decl)
		case *Type:
			e.byte(0x01)
			e.typeDef(decl.Def)
		case *Alias:
			e.byte(0x02)
			e.alias(decl)
		case *Import:
			e.byte(0x03)
			e.externName(decl.Name)
			e.externDesc(decl.Desc)
		case *ExportDecl:
			e.byte(0x04)
			e.externName(decl.Name)
			e.externDesc(decl.Desc)
		}
	}
}

func (e *encoder) coreType(t *CoreType) {
	if t.Module == nil {
		e.byte(0x60)
		e.coreValTypes(t.Func.Params)
		e.coreValTypes(t.Func.Results)
		return
	}
	e.byte(0x50)
	e.count(len(t.Module.Decls))
	for _, decl := range t.Module.Decls {
		switch decl := decl.(type) {
		case *CoreImportDecl:
			e.byte(0x00)
			e.name(decl.Module)
			e.name(decl.Name)
			e.coreExtern(decl.CoreExtern)
		case *CoreType:
			e.byte(0x01)
			e.coreType(decl)
		case *Alias:
			e.byte(0x02, 0x10, 0x01)
			e.u32(decl.Count)
			e.u32(decl.Index)
		case *CoreExportDecl:
			e.byte(0x03)
			e.name(decl.Name)
			e.coreExtern(decl.CoreExtern)
		}
	}
}

func (e *encoder) coreValTypes(types []CoreValType) {
	e.count(len(types))
	for _, t := range types {
		e.byte(byte(t))
	}
}

func (e *encoder) coreExtern(x CoreExtern) {
	e.byte(sortBytes[x.Sort][1])
	switch x.Sort {
	case CoreFuncSort:
		e.u32(x.Type)
	case CoreTableSort:
		e.byte(byte(x.Value))
		e.coreLimits(x)
	case CoreMemorySort:
		e.coreLimits(x)
	case CoreGlobalSort:
		e.byte(byte(x.Value))
		e.flag(x.Mutable)
	case CoreTagSort:
		e.byte(0)
		e.u32(x.Type)
	}
}

func (e *encoder) coreLimits(x CoreExtern) {
	flags := byte(0)
	if x.Max != nil {
		flags |= 0x01
	}
	if x.Shared {
		flags |= 0x02
	}
	if x.Index64 {
		flags |= 0x04
	}
	e.byte(flags)
	e.uleb(x.Min)
	if x.Max != nil {
		e.uleb(*x.Max)
	}
}
