package wasm

// AppendU32 appends v in unsigned LEB128.
func AppendU32(dst []byte, v uint32) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendS64 appends v in signed LEB128.
func AppendS64(dst []byte, v int64) []byte {
	for v < -64 || v > 63 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v)&0x7f)
}

// AppendOp appends an opcode, with its prefix if it has one.
func AppendOp(dst []byte, op Op) []byte {
	if op <= 0xff {
		return append(dst, byte(op))
	}
	return AppendU32(append(dst, byte(op>>8)), uint32(op&0xff))
}

// AppendInstr appends an instruction of a body unchanged, except that the opcode gets its shortest encoding:
// engines differ in how they read longer ones. next is the position of the instruction after it.
func AppendInstr(dst, code []byte, in Instr, next uint32) []byte {
	imm := in.Pos + 1
	if in.Op > 0xff {
		for code[imm]&0x80 != 0 {
			imm++
		}
		imm++
	}
	return append(AppendOp(dst, in.Op), code[imm:next]...)
}

func appendName(dst []byte, s string) []byte {
	return append(AppendU32(dst, uint32(len(s))), s...)
}

// Encode returns the module in binary form.
func (m *Module) Encode() []byte {
	e := encoder{m: m, out: make([]byte, 0, m.sizeHint())}
	e.out = append(e.out, magic+"\x01\x00\x00\x00"...)
	for _, id := range inOrder {
		e.encode(id)
	}
	e.moduleName()
	return e.out
}

// moduleName writes a name section with the module's name, if it has one.
func (e *encoder) moduleName() {
	if e.m.Name == "" {
		return
	}
	name := appendName(nil, e.m.Name)
	e.begin(secCustom)
	e.name("name")
	e.byte(subModule)
	e.u32(uint32(len(name)))
	e.bytes(name)
	e.end()
}

// subModule is the part of a name section that has the module's name.
const subModule = 0

// inOrder are the ids of sections in the order in which they are written.
var inOrder = [...]byte{
	secType, secImport, secFunction, secTable, secMemory, secGlobal, secExport, secStart, secElement, secDataCount, secCode, secData,
}

// encode writes a section, unless it is empty.
func (e *encoder) encode(id byte) {
	m := e.m
	switch id {
	case secType:
		e.section(secType, len(m.Types), func(i int) { e.funcType(m.Types[i]) })
	case secImport:
		e.section(secImport, len(m.Imports), func(i int) { e.importEntry(&m.Imports[i]) })
	case secFunction:
		e.section(secFunction, len(m.Functions), func(i int) { e.u32(m.Functions[i]) })
	case secTable:
		e.section(secTable, len(m.Tables), func(i int) { e.tableType(m.Tables[i]) })
	case secMemory:
		e.section(secMemory, len(m.Memories), func(i int) { e.bounds(m.Memories[i].Size) })
	case secGlobal:
		e.section(secGlobal, len(m.Globals), func(i int) {
			e.globalType(m.Globals[i].Type)
			e.bytes(m.Globals[i].Init.Code)
		})
	case secExport:
		e.section(secExport, len(m.Exports), func(i int) { e.export(&m.Exports[i]) })
	case secStart:
		e.number(secStart, m.Start)
	case secElement:
		e.section(secElement, len(m.Elements), func(i int) { e.element(&m.Elements[i]) })
	case secDataCount:
		e.number(secDataCount, m.DataCount)
	case secCode:
		e.section(secCode, len(m.Bodies), func(i int) { e.body(&m.Bodies[i]) })
	case secData:
		e.section(secData, len(m.Data), func(i int) { e.dataSegment(&m.Data[i]) })
	}
}

// number writes a section that is a number, unless there is none.
func (e *encoder) number(id byte, n *uint32) {
	if n == nil {
		return
	}
	e.begin(id)
	e.u32(*n)
	e.end()
}

// sizeHint estimates the size of the encoded module.
func (m *Module) sizeHint() int {
	n := 4096
	for i := range m.Data {
		n += len(m.Data[i].Bytes) + 16
	}
	for i := range m.Bodies {
		n += len(m.Bodies[i].Code) + 16
	}
	return n + n/16
}

type encoder struct {
	m     *Module
	out   []byte
	start int // of the open section's payload
}

func (e *encoder) byte(b byte)    { e.out = append(e.out, b) }
func (e *encoder) bytes(b []byte) { e.out = append(e.out, b...) }
func (e *encoder) u32(v uint32)   { e.out = AppendU32(e.out, v) }
func (e *encoder) name(s string)  { e.out = appendName(e.out, s) }

// sizeBytes is the space reserved for a section's size, which is known only afterwards.
const sizeBytes = 5

// begin starts a section.
func (e *encoder) begin(id byte) {
	e.out = append(e.out, id, 0, 0, 0, 0, 0)
	e.start = len(e.out)
}

// end closes the section by writing its size.
func (e *encoder) end() {
	size := AppendU32(make([]byte, 0, sizeBytes), uint32(len(e.out)-e.start))
	head := e.start - sizeBytes
	copy(e.out[head:], size)
	e.out = append(e.out[:head+len(size)], e.out[e.start:]...)
}

// section writes a vector section, unless it is empty.
func (e *encoder) section(id byte, n int, item func(int)) {
	if n == 0 {
		return
	}
	e.begin(id)
	e.u32(uint32(n))
	for i := range n {
		item(i)
	}
	e.end()
}

func (e *encoder) valTypes(ts []ValType) {
	e.u32(uint32(len(ts)))
	for _, t := range ts {
		e.byte(byte(t))
	}
}

func (e *encoder) funcType(t FuncType) {
	e.byte(0x60)
	e.valTypes(t.Params)
	e.valTypes(t.Results)
}

func (e *encoder) bounds(b Bounds) {
	if !b.HasMax {
		e.byte(0)
		e.u32(b.Min)
		return
	}
	e.byte(1)
	e.u32(b.Min)
	e.u32(b.Max)
}

func (e *encoder) tableType(t TableType) {
	e.byte(byte(t.Elem))
	e.bounds(t.Size)
}

func (e *encoder) globalType(t GlobalType) {
	e.byte(byte(t.Type))
	if t.Mutable {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) importEntry(im *Import) {
	e.name(im.Module)
	e.name(im.Name)
	e.byte(byte(im.Kind))
	switch im.Kind {
	case FuncExtern:
		e.u32(im.Func)
	case TableExtern:
		e.tableType(im.Table)
	case MemoryExtern:
		e.bounds(im.Memory.Size)
	case GlobalExtern:
		e.globalType(im.Global)
	}
}

func (e *encoder) export(x *Export) {
	e.name(x.Name)
	e.byte(byte(x.Kind))
	e.u32(x.Index)
}

// element writes a segment in the form in which it was read, except that an explicit table zero may become an
// implicit one.
func (e *encoder) element(s *Element) {
	typed := s.Mode != Active || s.Table != 0 || s.Type != 0 && s.Type != FuncRef
	flags := uint32(0)
	switch {
	case s.Mode == Declarative:
		flags = 3
	case s.Mode == Passive:
		flags = 1
	case typed:
		flags = 2
	}
	if s.Type != 0 {
		flags |= 4
	}
	e.u32(flags)
	if s.Mode == Active {
		if typed {
			e.u32(s.Table)
		}
		e.bytes(s.Offset.Code)
	}
	if typed {
		e.byte(byte(s.Type)) // of functions the element kind, zero as well
	}
	if s.Type != 0 {
		e.u32(uint32(s.Count))
		e.bytes(s.Exprs.Code)
		return
	}
	e.u32(uint32(len(s.Funcs)))
	for _, f := range s.Funcs {
		e.u32(f)
	}
}

func (e *encoder) body(b *Body) {
	var head []byte
	head = AppendU32(head, uint32(len(b.Locals)))
	for _, g := range b.Locals {
		head = append(AppendU32(head, g.Count), byte(g.Type))
	}
	e.u32(uint32(len(head) + len(b.Code)))
	e.bytes(head)
	e.bytes(b.Code)
}

func (e *encoder) dataSegment(s *DataSegment) {
	if s.Passive {
		e.byte(1)
	} else {
		e.byte(0)
		e.bytes(s.Offset.Code)
	}
	e.u32(uint32(len(s.Bytes)))
	e.bytes(s.Bytes)
}
