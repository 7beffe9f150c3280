package binary

func (d *decoder) coreType() Definition {
	t := &CoreType{At: At(d.offset())}
	if d.peek() == 0x50 {
		d.pos++
		t.Module = d.coreModuleType()
	} else {
		t.Func = d.coreFuncType()
	}
	return t
}

// coreFuncType reads a function type. It refuses the other types that core modules can have.
func (d *decoder) coreFuncType() *CoreFuncType {
	at := d.offset()
	switch b := d.byte(); b {
	case 0x60:
		return &CoreFuncType{
			Params:  vector(d, "parameters", maxParams, 1, d.coreValType),
			Results: vector(d, "results", maxParams, 1, d.coreValType),
		}
	case 0x00, 0x4f, 0x50:
		d.coreSubtype(b)
		d.unsupported(at, featureGC, "core type")
	case 0x4c, 0x4d, 0x4e, 0x5e, 0x5f:
		d.unsupported(at, featureGC, "core type")
	case 0x5d:
		d.unsupported(at, featureStackSwitching, "core type")
	case 0x65:
		d.unsupported(at, featureSharedThreads, "core type")
	default:
		d.unknown(b, "a core type")
	}
	return nil
}

// coreSubtype reads the beginning of a subtype, to tell one from what is none.
func (d *decoder) coreSubtype(first byte) {
	if first == 0x00 {
		if b := d.byte(); b != 0x50 {
			d.unknown(b, "a subtype")
		}
	}
	vector(d, "supertypes", maxMembers, 1, d.u32)
	switch b := d.byte(); b {
	case 0x5d, 0x5e, 0x5f, 0x60, 0x65:
	default:
		d.unknown(b, "a core type")
	}
}

func (d *decoder) coreValType() CoreValType {
	at := d.offset()
	switch b := d.byte(); CoreValType(b) {
	case CoreI32, CoreI64, CoreF32, CoreF64, CoreV128, CoreFuncRef, CoreExternRef:
		return CoreValType(b)
	case 0x63, 0x64:
		d.unsupported(at, featureFuncRefs, "core value type")
	case 0x69, 0x74:
		d.unsupported(at, featureExceptions, "core value type")
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73:
		d.unsupported(at, featureGC, "core value type")
	case 0x68, 0x75:
		d.unsupported(at, featureStackSwitching, "core value type")
	case 0x65:
		d.unsupported(at, featureSharedThreads, "core value type")
	default:
		d.unknown(b, "a core value type")
	}
	return 0
}

func (d *decoder) coreModuleType() *CoreModuleType {
	return &CoreModuleType{vector(d, "declarations", d.lim.Definitions, 3, func() Definition {
		d.countDefinition()
		at := At(d.offset())
		switch b := d.byte(); b {
		case 0x00:
			return &CoreImportDecl{At: at, Module: d.name(), Name: d.name(), CoreExtern: d.coreExtern()}
		case 0x01:
			return &CoreType{At: at, Func: d.coreFuncType()}
		case 0x02:
			return d.coreAlias(at)
		case 0x03:
			return &CoreExportDecl{At: at, Name: d.name(), CoreExtern: d.coreExtern()}
		default:
			d.unknown(b, "a declaration of the type of a core module")
		}
		return nil
	})}
}

// coreAlias reads an alias of a core type, the only one that the type of a core module can have.
func (d *decoder) coreAlias(at At) *Alias {
	if b := d.byte(); b != 0x10 {
		d.unknown(b, "the sort of a core type")
	}
	if b := d.byte(); b != 0x01 {
		d.unknown(b, "an alias of an outer type")
	}
	return &Alias{At: at, Kind: OuterAlias, Sort: CoreTypeSort, Count: d.u32(), Index: d.u32()}
}

// coreExtern reads the type of an import or export of core modules.
func (d *decoder) coreExtern() CoreExtern {
	b := d.byte()
	sort, ok := coreSorts[b]
	if !ok || !sort.isCoreExtern() {
		d.unknown(b, "a type of imports and exports of core modules")
		return CoreExtern{}
	}
	e := CoreExtern{Sort: sort}
	switch sort {
	case CoreFuncSort:
		e.Type = d.u32()
	case CoreTableSort:
		at := d.offset()
		if e.Value = d.coreValType(); d.err == nil && e.Value != CoreFuncRef && e.Value != CoreExternRef {
			d.fail(Malformed, at, "elements of tables are references")
		}
		d.coreLimits(&e)
	case CoreMemorySort:
		d.coreLimits(&e)
	case CoreGlobalSort:
		e.Value, e.Mutable = d.coreValType(), d.flag("whether a global is mutable")
	case CoreTagSort:
		if b := d.byte(); b != 0 {
			d.unknown(b, "the kind of a tag, which is 0")
		}
		e.Type = d.u32()
	}
	return e
}

// coreLimits reads the limits of a table or memory.
func (d *decoder) coreLimits(e *CoreExtern) {
	at := d.offset()
	flags := d.byte()
	switch {
	case flags&^0x0f != 0:
		d.unknown(flags, "a kind of limits")
		return
	case flags&0x08 != 0:
		d.unsupported(at, featurePageSize, "memory")
		return
	}
	bits := uint(32)
	if e.Shared, e.Index64 = flags&0x02 != 0, flags&0x04 != 0; e.Index64 {
		bits = 64
	}
	e.Min = d.uleb(bits)
	if flags&0x01 != 0 {
		e.Max = new(d.uleb(bits))
	}
}
