package binary

func (d *decoder) typeDefinition() Definition {
	return &Type{At: At(d.offset()), Def: d.typeDef()}
}

func (d *decoder) typeDef() TypeDef {
	b := d.byte()
	if isPrim(b) {
		return PrimType{Prim(b)}
	}
	switch b {
	case 0x72:
		return &RecordType{vector(d, "fields", maxMembers, 2, d.labeled)}
	case 0x71:
		return &VariantType{vector(d, "cases", maxMembers, 3, d.variantCase)}
	case 0x70:
		return &ListType{Elem: d.valType()}
	case 0x67:
		return &ListType{Elem: d.valType(), Fixed: true, Length: d.u32()}
	case 0x6f:
		return &TupleType{vector(d, "types", maxMembers, 1, d.valType)}
	case 0x6e:
		return &FlagsType{vector(d, "labels", maxMembers, 1, d.name)}
	case 0x6d:
		return &EnumType{vector(d, "labels", maxMembers, 1, d.name)}
	case 0x6b:
		return &OptionType{d.valType()}
	case 0x6a:
		return &ResultType{OK: d.optional(), Err: d.optional()}
	case 0x69, 0x68:
		return &HandleType{Borrow: b == 0x68, Resource: d.u32()}
	case 0x66:
		return &StreamType{d.optional()}
	case 0x65:
		return &FutureType{d.optional()}
	case 0x63:
		return &MapType{Key: d.valType(), Value: d.valType()}
	case 0x3f:
		return d.resourceType()
	case 0x40, 0x43:
		return &FuncType{Async: b == 0x43, Params: vector(d, "parameters", maxParams, 2, d.labeled), Result: d.result()}
	case 0x41:
		return &ComponentType{d.decls("a component", true)}
	case 0x42:
		return &InstanceType{d.decls("an instance", false)}
	}
	if d.err == nil {
		d.unknown(b, "a type")
	}
	return nil
}

func isPrim(b byte) bool { return b >= byte(String) && b <= byte(Bool) || b == byte(ErrorContext) }

func (d *decoder) valType() ValType {
	if b := d.peek(); isPrim(b) {
		d.pos++
		return ValType{Prim: Prim(b)}
	}
	return ValType{Index: d.typeIndex()}
}

// optional reads a value type that may be left out.
func (d *decoder) optional() *ValType {
	if !d.flag("whether there is a type") {
		return nil
	}
	return new(d.valType())
}

func (d *decoder) labeled() Labeled { return Labeled{Name: d.name(), Type: d.valType()} }

func (d *decoder) variantCase() Case {
	c := Case{Name: d.name(), Type: d.optional()}
	if b := d.byte(); b != 0 {
		d.unknown(b, "the end of a case, which is 0")
	}
	return c
}

// result reads the result of a function.
func (d *decoder) result() *ValType {
	if d.flag("a result") {
		if b := d.byte(); b != 0 {
			d.unknown(b, "a number of named results, of which there are none")
		}
		return nil
	}
	return new(d.valType())
}

func (d *decoder) resourceType() *ResourceType {
	at := d.offset()
	switch rep := d.coreValType(); {
	case d.err != nil || rep == CoreI32:
	case rep == CoreI64:
		d.unsupported(at, featureMemory64, "resource represented by an i64")
	default:
		d.fail(Malformed, at, "a resource is represented by an i32")
	}
	t := &ResourceType{}
	if d.flag("whether a resource type has a destructor") {
		t.Dtor = new(d.u32())
	}
	return t
}

// decls reads the declarations of the type of a component or of an instance.
func (d *decoder) decls(of string, imports bool) []Definition {
	d.enter("types")
	defer func() { d.nesting-- }()
	return vector(d, "declarations", d.lim.Definitions, 2, func() Definition {
		d.countDefinition()
		switch b := d.byte(); {
		case b == 0x00:
			return d.coreType()
		case b == 0x01:
			return d.typeDefinition()
		case b == 0x02:
			return d.alias()
		case b == 0x03 && imports:
			return d.importDefinition()
		case b == 0x04:
			return &ExportDecl{At: At(d.offset()), Name: d.externName(), Desc: d.externDesc()}
		default:
			d.unknown(b, "a declaration of the type of "+of)
		}
		return nil
	})
}
