package wasm

// element reads an element segment. Its three flag bits mean: not active; explicit table, or declarative if not
// active; items are expressions.
func (d *decoder) element() Element {
	at := d.offset()
	flags := d.u32()
	if flags > 7 {
		d.fail(Malformed, at, "%#x are not element segment flags", flags)
		return Element{}
	}
	var e Element
	switch {
	case flags&1 == 0:
		if flags&2 != 0 {
			e.Table = d.index("table", d.tables)
		} else if d.tables == 0 {
			d.fail(Malformed, at, "active element segment without a table")
		}
		e.Offset = d.constExprs(1)
	case flags&2 != 0:
		e.Mode = Declarative
	default:
		e.Mode = Passive
	}
	if flags&4 != 0 {
		d.elementExprs(&e, flags&3 != 0)
	} else {
		d.elementFuncs(&e, flags&3 != 0)
	}
	return e
}

func (d *decoder) elementExprs(e *Element, typed bool) {
	e.Type = FuncRef
	if typed {
		e.Type = d.refType()
	}
	e.Count = d.count("elements", d.lim.TableElements, 2)
	e.Exprs = d.constExprs(e.Count)
}

func (d *decoder) elementFuncs(e *Element, kinded bool) {
	if kinded {
		at := d.offset()
		if kind := d.byte(); kind != 0 {
			d.fail(Malformed, at, "%#x is not a kind of element", kind)
		}
	}
	n := d.count("elements", d.lim.TableElements, 1)
	e.Funcs = make([]uint32, 0, n)
	for range n {
		e.Funcs = append(e.Funcs, d.functionIndex())
	}
}

// constExprs reads n constant expressions.
func (d *decoder) constExprs(n int) Expr {
	e := Expr{Offset: d.offset()}
	start := d.pos
	for n > 0 && d.err == nil {
		at := d.offset()
		switch op := d.byte(); op {
		case byte(OpI32Const):
			d.sleb(32)
		case byte(OpI64Const):
			d.sleb(64)
		case byte(OpF32Const):
			d.bytes(4)
		case byte(OpF64Const):
			d.bytes(8)
		case byte(OpGlobalGet):
			d.u32()
		case byte(OpRefNull):
			d.refType()
		case byte(OpRefFunc):
			d.functionIndex()
		case 0xfd:
			if sub := d.u32(); sub != uint32(OpV128Const&0xff) {
				d.fail(Malformed, at, "vector instruction %d in a constant expression", sub)
			}
			d.bytes(16)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // add, sub, mul of i32 and i64
		case byte(OpEnd):
			n--
		default:
			d.refuseConst(at, op)
		}
	}
	if d.err != nil {
		return Expr{}
	}
	e.Code = d.buf[start:d.pos]
	return e
}

// refuseConst fails at an opcode that can't be in a constant expression.
func (d *decoder) refuseConst(at int64, op byte) {
	var sub uint32
	if isPrefix(op) {
		sub = d.u32()
	}
	if shape(op) != illegal || prefixedShape(op, sub) != illegal {
		d.fail(Malformed, at, "instruction %#x in a constant expression", op)
		return
	}
	d.refuse(at, op, sub)
}

// code reads the code section. The bodies' instructions stay bytes.
func (d *decoder) code() {
	at := d.offset()
	n := d.count("bodies", d.lim.Functions, 3)
	if d.err == nil && n != len(d.m.Functions) {
		d.fail(Malformed, at, "%d bodies for %d functions", n, len(d.m.Functions))
	}
	if d.err != nil {
		return
	}
	d.m.Bodies = make([]Body, 0, n)
	for i := range n {
		at := d.offset()
		size := d.u32()
		start := d.offset()
		buf := d.bytes(size)
		if int64(size) > int64(d.lim.FunctionBytes) {
			d.fail(TooLarge, at, "function body of %d bytes, the limit is %d", size, d.lim.FunctionBytes)
		}
		if d.err != nil {
			return
		}
		outer := d.reader
		d.reader = reader{buf: buf, base: start}
		body := d.body(len(d.m.Types[d.m.Functions[i]].Params))
		outer.err = d.err
		d.reader = outer
		d.m.Bodies = append(d.m.Bodies, body)
	}
}

func (d *decoder) body(params int) Body {
	var b Body
	total := int64(params)
	for range d.count("groups of locals", d.lim.Locals, 2) {
		at := d.offset()
		g := LocalGroup{Count: d.u32(), Type: d.valType()}
		if total += int64(g.Count); total > int64(d.lim.Locals) {
			d.fail(TooLarge, at, "function with %d locals, the limit is %d", total, d.lim.Locals)
		}
		if d.err != nil {
			return b
		}
		if g.Count > 0 {
			b.Locals = append(b.Locals, g)
		}
	}
	b.Offset, b.Code = d.offset(), d.buf[d.pos:]
	if d.err == nil && (len(b.Code) == 0 || b.Code[len(b.Code)-1] != byte(OpEnd)) {
		d.fail(Malformed, d.base+int64(len(d.buf)), "function body without an end")
	}
	return b
}
