package binary

// sort reads a sort, core ones included.
func (d *decoder) sort() Sort {
	at := d.offset()
	switch b := d.byte(); b {
	case 0x00:
		return d.coreSort()
	case 0x01:
		return FuncSort
	case 0x02:
		d.unsupported(at, featureValues, "value")
	case 0x03:
		return TypeSort
	case 0x04:
		return ComponentSort
	case 0x05:
		return InstanceSort
	default:
		d.unknown(b, "a sort")
	}
	return 0
}

func (d *decoder) coreSort() Sort {
	b := d.byte()
	if sort, ok := coreSorts[b]; ok {
		return sort
	}
	d.unknown(b, "a core sort")
	return 0
}

var coreSorts = map[byte]Sort{
	0x00: CoreFuncSort, 0x01: CoreTableSort, 0x02: CoreMemorySort, 0x03: CoreGlobalSort, 0x04: CoreTagSort,
	0x10: CoreTypeSort, 0x11: CoreModuleSort, 0x12: CoreInstanceSort,
}

// isExtern reports whether components can import and export what is of the sort.
func (s Sort) isExtern() bool { return s == CoreModuleSort || s >= FuncSort }

// isCoreExtern reports whether core modules can import and export what is of the sort.
func (s Sort) isCoreExtern() bool { return s <= CoreTagSort }

// externRef reads a reference to something that components can import and export.
func (d *decoder) externRef() Ref {
	at := d.offset()
	sort := d.sort()
	if d.err == nil && !sort.isExtern() {
		d.fail(Malformed, at, "a %s cannot leave its component", sort)
	}
	return Ref{sort, d.u32()}
}

// coreExternRef reads a reference to something that core modules can import and export.
func (d *decoder) coreExternRef() Ref {
	at := d.offset()
	sort := d.coreSort()
	if d.err == nil && !sort.isCoreExtern() {
		d.fail(Malformed, at, "a core module cannot import a %s", sort)
	}
	return Ref{sort, d.u32()}
}

func (d *decoder) coreInstance() Definition {
	i := &CoreInstance{At: At(d.offset())}
	switch b := d.byte(); b {
	case 0x00:
		i.Module = d.u32()
		i.Args = vector(d, "arguments", maxArgs, 3, func() CoreArg {
			a := CoreArg{Name: d.name()}
			if b := d.byte(); b != 0x12 {
				d.unknown(b, "the sort of an instance, the only argument of core modules")
			}
			a.Instance = d.u32()
			return a
		})
	case 0x01:
		i.Inline = true
		i.Exports = vector(d, "exports", maxArgs, 3, func() CoreExport {
			return CoreExport{Name: d.name(), Ref: d.coreExternRef()}
		})
	default:
		d.unknown(b, "a way to make a core instance")
	}
	return i
}

func (d *decoder) instance() Definition {
	i := &Instance{At: At(d.offset())}
	switch b := d.byte(); b {
	case 0x00:
		i.Component = d.u32()
		i.Args = vector(d, "arguments", maxArgs, 3, func() Arg {
			return Arg{Name: d.name(), Ref: d.externRef()}
		})
	case 0x01:
		i.Inline = true
		i.Exports = vector(d, "exports", maxArgs, 4, func() InlineExport {
			return InlineExport{Name: d.externName(), Ref: d.externRef()}
		})
	default:
		d.unknown(b, "a way to make an instance")
	}
	return i
}

func (d *decoder) alias() Definition {
	at := d.offset()
	a := &Alias{At: At(at), Sort: d.sort()}
	allowed := false
	switch b := d.byte(); b {
	case 0x00:
		a.Kind, a.Instance, a.Name = ExportAlias, d.u32(), d.name()
		allowed = a.Sort.isExtern()
	case 0x01:
		a.Kind, a.Instance, a.Name = CoreExportAlias, d.u32(), d.name()
		allowed = a.Sort.isCoreExtern()
	case 0x02:
		a.Kind, a.Count, a.Index = OuterAlias, d.u32(), d.u32()
		switch a.Sort {
		case CoreTypeSort, CoreModuleSort, TypeSort, ComponentSort:
			allowed = true
		}
	default:
		d.unknown(b, "a target of aliases")
	}
	if d.err == nil && !allowed {
		d.fail(Malformed, at, "a %s has no aliases of this kind", a.Sort)
	}
	return a
}

func (d *decoder) importDefinition() Definition {
	return &Import{At: At(d.offset()), Name: d.externName(), Desc: d.externDesc()}
}

func (d *decoder) export() Definition {
	e := &Export{At: At(d.offset()), Name: d.externName(), Ref: d.externRef()}
	if d.flag("whether an export has a type") {
		e.Desc = new(d.externDesc())
	}
	return e
}

// externName reads the name of an import or export, with its attributes.
func (d *decoder) externName() Name {
	prefix := d.byte()
	if prefix > 0x02 {
		d.unknown(prefix, "the beginning of a name")
	}
	n := Name{Text: d.name()}
	if prefix == 0x02 {
		var seen [3]bool
		n.Attributes = vector(d, "attributes", len(seen), 2, func() Attribute {
			kind := d.byte()
			switch {
			case int(kind) >= len(seen):
				d.unknown(kind, "an attribute of names")
				return Attribute{}
			case seen[kind]:
				d.fail(Malformed, d.offset()-1, "an attribute of a name twice")
			}
			seen[kind] = true
			return Attribute{AttributeKind(kind), d.name()}
		})
	}
	return n
}

func (d *decoder) externDesc() ExternDesc {
	at := d.offset()
	switch b := d.byte(); b {
	case 0x00:
		if b := d.byte(); b != 0x11 {
			d.unknown(b, "the sort of a core module")
		}
		return ExternDesc{Kind: CoreModuleExtern, Index: d.u32()}
	case 0x01:
		return ExternDesc{Kind: FuncExtern, Index: d.u32()}
	case 0x02:
		d.unsupported(at, featureValues, "value")
	case 0x03:
		switch b := d.byte(); b {
		case 0x00:
			return ExternDesc{Kind: TypeExtern, Bound: EqBound, Index: d.u32()}
		case 0x01:
			return ExternDesc{Kind: TypeExtern, Bound: SubResource}
		default:
			d.unknown(b, "a bound of types")
		}
	case 0x04:
		return ExternDesc{Kind: ComponentExtern, Index: d.u32()}
	case 0x05:
		return ExternDesc{Kind: InstanceExtern, Index: d.u32()}
	default:
		d.unknown(b, "a type of imports and exports")
	}
	return ExternDesc{}
}
