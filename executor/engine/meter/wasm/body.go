package wasm

import (
	"fmt"
	"math"
)

// Instr is an instruction of a body.
type Instr struct {
	Op  Op
	Pos uint32 // of its first byte in Body.Code; it ends where the next begins
	// A and B are immediates:
	//
	//	call                    A: function
	//	call_indirect           A: type, B: table
	//	locals, globals, tables and segments
	//	                        their indices, in the order of the encoding
	//	branches                A: label; of br_table the default label
	//	i32.const               A: value
	//	block, loop, if         A: position of the else among the instructions, or zero; B: position of the end
	//	else, end               B: position of their block; of the function's end the number of instructions
	A, B uint32
}

// Space holds the sizes of a module's index spaces, against which ParseBody checks indices.
type Space struct {
	Types, Functions, Tables, Globals, Data, Elements int
	HasMemory                                         bool
}

// Space returns the sizes of the module's index spaces.
func (m *Module) Space() Space {
	_, hasMemory := m.Memory()
	s := Space{
		Types:     len(m.Types),
		Functions: m.ImportedFunctions() + len(m.Functions),
		Tables:    m.imported(TableExtern) + len(m.Tables),
		Globals:   m.ImportedGlobals() + len(m.Globals),
		Elements:  len(m.Elements),
		HasMemory: hasMemory,
	}
	if m.DataCount != nil {
		s.Data = int(*m.DataCount)
	}
	return s
}

// ParseBody appends the instructions of a body to buf[:0]. It checks that blocks nest and that labels and
// indices are valid.
func ParseBody(b *Body, locals int, space Space, limits Limits, buf []Instr) ([]Instr, error) {
	p := bodyParser{
		reader: reader{buf: b.Code, base: b.Offset},
		instrs: buf[:0],
		locals: locals,
		space:  space,
		lim:    limits.WithDefaults(),
		open:   []uint32{noBlock},
	}
	for p.more() {
		p.instr()
		if len(p.open) == 0 && p.more() {
			p.fail(Malformed, p.offset(), "instructions after the end of the function")
		}
	}
	if p.err == nil && len(p.open) > 0 {
		p.fail(Malformed, p.offset(), "%d blocks without an end", len(p.open))
	}
	return p.instrs, p.result()
}

// noBlock is the entry of the function's own block in bodyParser.open.
const noBlock = ^uint32(0)

type bodyParser struct {
	reader
	instrs []Instr
	open   []uint32 // positions of the open blocks
	locals int
	space  Space
	lim    Limits
}

func (p *bodyParser) instr() {
	at := p.offset()
	in := Instr{Pos: uint32(p.pos)}
	b := p.byte()
	in.Op = Op(b)
	imm, sub := shape(b), uint32(0)
	if isPrefix(b) {
		sub = p.u32()
		in.Op = in.Op<<8 | Op(sub&0xff)
		imm = prefixedShape(b, sub)
	}
	if p.err != nil {
		return
	}
	if imm == illegal {
		p.refuse(at, b, sub)
		return
	}
	p.immediates(&in, imm)
	p.nest(&in, at)
	p.instrs = append(p.instrs, in)
}

// refuse fails at an unsupported opcode.
func (r *reader) refuse(at int64, op byte, sub uint32) {
	name := fmt.Sprintf("%#x", op)
	if isPrefix(op) {
		name = fmt.Sprintf("%#x %#x", op, sub)
	}
	if f := refusedOp(op, sub); f != "" {
		r.unsupported(at, f, "instruction %s", name)
		return
	}
	r.fail(Malformed, at, "%s is not an instruction", name)
}

func (p *bodyParser) immediates(in *Instr, shape immediates) {
	switch shape {
	case immBlock:
		p.blockType()
	case immLabel:
		in.A = p.label()
	case immTable:
		for range p.count("labels", math.MaxUint32, 1) {
			p.label()
		}
		in.A = p.label()
	case immIndex:
		in.A = p.indexOf(in.Op)
	case immFunc:
		in.A = p.bounded("function", p.space.Functions)
	case immType:
		in.A = p.bounded("type", p.space.Types)
		in.B = p.bounded("table", p.space.Tables)
	case immTwo:
		in.A, in.B = p.twoIndices(in.Op)
	case immMemory:
		p.memory()
	case immInit:
		in.A = p.bounded("data segment", p.space.Data)
		p.memory()
	case immCopy:
		p.memory()
		p.memory()
	case immMemArg:
		p.memArg()
	case immMemArgLane:
		p.memArg()
		p.byte()
	case immLane:
		p.byte()
	case immI32:
		in.A = uint32(p.sleb(32))
	case immI64:
		p.sleb(64)
	case imm4:
		p.bytes(4)
	case imm8:
		p.bytes(8)
	case imm16:
		p.bytes(16)
	case immRefType:
		p.refType()
	case immValTypes:
		p.valTypes("select types", 1)
	}
}

func (p *bodyParser) indexOf(op Op) uint32 {
	switch op {
	case OpLocalGet, OpLocalSet, OpLocalTee:
		return p.bounded("local", p.locals)
	case OpGlobalGet, OpGlobalSet:
		return p.bounded("global", p.space.Globals)
	case OpDataDrop:
		return p.bounded("data segment", p.space.Data)
	case OpElemDrop:
		return p.bounded("element segment", p.space.Elements)
	}
	return p.bounded("table", p.space.Tables)
}

func (p *bodyParser) twoIndices(op Op) (a, b uint32) {
	if op == OpTableInit {
		a = p.bounded("element segment", p.space.Elements)
	} else {
		a = p.bounded("table", p.space.Tables)
	}
	return a, p.bounded("table", p.space.Tables)
}

func (p *bodyParser) bounded(what string, size int) uint32 {
	at := p.offset()
	i := p.u32()
	if p.err == nil && int64(i) >= int64(size) {
		p.fail(Malformed, at, "%s %d is unknown, there are %d", what, i, size)
	}
	return i
}

func (p *bodyParser) label() uint32 { return p.bounded("label", len(p.open)) }

// memory reads the index of a memory, a single zero byte.
func (p *bodyParser) memory() {
	at := p.offset()
	switch b := p.byte(); {
	case p.err != nil:
	case b != 0:
		p.unsupported(at, featureMemories, "memory index %d", b)
	case !p.space.HasMemory:
		p.fail(Malformed, at, "there is no memory")
	}
}

func (p *bodyParser) memArg() {
	at := p.offset()
	align := p.u32()
	switch {
	case align&0x40 != 0 && align < 0x80:
		p.unsupported(at, featureMemories, "memory index in a memory argument")
	case align > 4:
		p.fail(Malformed, at, "alignment %d", align)
	case p.err == nil && !p.space.HasMemory:
		p.fail(Malformed, at, "there is no memory")
	}
	p.u32()
}

// BlockType is the type of a block: an index of the module's types, or at most one result.
type BlockType struct {
	Index     uint32
	IsIndex   bool
	Result    ValType
	HasResult bool
}

func (p *bodyParser) blockType() BlockType {
	at := p.offset()
	b := p.byte()
	switch t := ValType(b); t {
	case 0x40:
		return BlockType{}
	case I32, I64, F32, F64, V128, FuncRef, ExternRef:
		return BlockType{Result: t, HasResult: true}
	}
	if b&0xc0 == 0x40 { // a negative number: an unsupported type
		if f := refusedType(b); f != "" {
			p.unsupported(at, f, "block type %#x", b)
		} else {
			p.fail(Malformed, at, "%#x is not a block type", b)
		}
		return BlockType{}
	}
	if p.err == nil {
		p.pos--
	}
	i := p.sleb(33)
	if p.err == nil && (i < 0 || i >= int64(p.space.Types)) {
		p.fail(Malformed, at, "type %d is unknown, there are %d", i, p.space.Types)
	}
	return BlockType{Index: uint32(i), IsIndex: true}
}

// ReadBlockType returns the type of a parsed block, loop or if, and its bytes.
func ReadBlockType(code []byte, in Instr) (BlockType, []byte) {
	p := bodyParser{
		reader: reader{buf: code, pos: int(in.Pos) + 1},
		space:  Space{Types: int(^uint32(0) >> 1)},
	}
	start := p.pos
	t := p.blockType()
	return t, code[start:p.pos]
}

// BranchTable returns the labels of a parsed br_table, the default one last.
func BranchTable(code []byte, in Instr, buf []uint32) []uint32 {
	r := reader{buf: code, pos: int(in.Pos) + 1}
	buf = buf[:0]
	for range r.u32() {
		buf = append(buf, r.u32())
	}
	return append(buf, r.u32())
}

// nest updates the stack of open blocks and links the instructions of a block.
func (p *bodyParser) nest(in *Instr, at int64) {
	here := uint32(len(p.instrs))
	switch in.Op {
	case OpBlock, OpLoop, OpIf:
		if p.open = append(p.open, here); len(p.open) > p.lim.Nesting {
			p.fail(TooLarge, at, "blocks nest deeper than %d", p.lim.Nesting)
		}
	case OpElse:
		top := p.open[len(p.open)-1]
		if top == noBlock || p.instrs[top].Op != OpIf || p.instrs[top].A != 0 {
			p.fail(Malformed, at, "else without an if")
			return
		}
		p.instrs[top].A = here
		in.B = top
	case OpEnd:
		top := p.open[len(p.open)-1]
		p.open = p.open[:len(p.open)-1]
		if top == noBlock {
			in.B = here + 1
			return
		}
		p.instrs[top].B = here
		in.B = top
	}
}
