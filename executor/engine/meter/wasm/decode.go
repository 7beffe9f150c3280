package wasm

import (
	"encoding/binary"

	"github.com/reactord/reactord/internal/toolchain"
)

// Section ids.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

// sectionOrder maps a section id to its position; data count comes before code.
var sectionOrder = [...]int{
	secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secGlobal: 6,
	secExport: 7, secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12,
}

const (
	magic         = "\x00asm"
	coreVersion   = 1
	componentTail = 0x0001_0000 // layer 1 in the upper half of the version
)

// Decode decodes a module. The result shares memory with binary.
func Decode(binary []byte, limits Limits) (*Module, error) {
	d := decoder{
		reader: reader{buf: binary},
		lim:    limits.WithDefaults(),
		m:      &Module{},
	}
	d.module()
	if d.err != nil {
		return nil, d.err
	}
	return d.m, nil
}

// decoder decodes sections into m. Within a section its reader covers only the payload.
type decoder struct {
	reader
	lim Limits
	m   *Module

	functions, tables, memories, globals int // sizes of the index spaces so far
}

func (d *decoder) module() {
	if len(d.buf) > d.lim.ModuleBytes {
		d.fail(TooLarge, 0, "module of %d bytes, the limit is %d", len(d.buf), d.lim.ModuleBytes)
		return
	}
	d.header()
	place := 0
	for d.more() {
		at := d.offset()
		id := d.byte()
		size := d.u32()
		start := d.offset()
		payload := d.bytes(size)
		if d.err != nil {
			d.err.Msg = "section header: " + d.err.Msg
			return
		}
		switch {
		case id == secCustom:
		case id == secTag:
			d.unsupported(at, featureExceptions, "tag section")
		case int(id) >= len(sectionOrder):
			d.fail(Malformed, at, "%d is not a section id", id)
		case sectionOrder[id] <= place:
			d.fail(Malformed, at, "section %d out of order", id)
		default:
			place = sectionOrder[id]
		}
		if d.err != nil {
			return
		}
		outer := d.reader
		d.reader = reader{buf: payload, base: start}
		d.section(id)
		if d.err == nil && d.remaining() > 0 {
			d.fail(Malformed, d.offset(), "%d bytes left over in section %d", d.remaining(), id)
		}
		outer.err = d.err
		d.reader = outer
	}
	d.finish()
}

func (d *decoder) header() {
	if len(d.buf) < 8 || string(d.buf[:4]) != magic {
		if len(d.buf) < 4 || string(d.buf[:4]) != magic {
			d.foreign()
			return
		}
		d.fail(Malformed, int64(len(d.buf)), "truncated header")
		return
	}
	switch v := binary.LittleEndian.Uint32(d.buf[4:]); {
	case v == coreVersion:
		d.pos = 8
	case v&0xffff0000 == componentTail:
		d.fail(Component, 4, toolchain.Component)
	default:
		d.fail(Malformed, 4, "unknown version %#x", v)
	}
}

// foreign refuses what does not begin as a module does.
func (d *decoder) foreign() {
	const begin = 64 // bytes, which tell what it is instead
	text := "not a WebAssembly module"
	if what := toolchain.File(d.buf[:min(len(d.buf), begin)]); what != "" {
		text += ": " + what
	}
	d.fail(Malformed, 0, "%s", text)
}

func (d *decoder) section(id byte) {
	switch id {
	case secCustom:
		d.custom()
	case secType:
		for range d.reserve("types", d.lim.Types, 2, func(n int) { d.m.Types = make([]FuncType, 0, n) }) {
			d.m.Types = append(d.m.Types, d.funcType(d.lim))
		}
	case secImport:
		for range d.count("imports", d.lim.Imports, 4) {
			d.importEntry()
		}
	case secFunction:
		for range d.reserve("functions", d.lim.Functions-d.functions, 1, func(n int) { d.m.Functions = make([]uint32, 0, n) }) {
			d.m.Functions = append(d.m.Functions, d.typeIndex())
			d.functions++
		}
	case secTable:
		for range d.count("tables", d.lim.Tables, 3) {
			d.m.Tables = append(d.m.Tables, d.tableType())
			d.tables++
		}
	case secMemory:
		d.memory()
	case secGlobal:
		for range d.count("globals", d.lim.Globals, 4) {
			d.m.Globals = append(d.m.Globals, Global{Type: d.globalType(), Init: d.constExprs(1)})
			d.globals++
		}
	case secExport:
		for range d.count("exports", d.lim.Exports, 3) {
			d.m.Exports = append(d.m.Exports, d.export())
		}
	case secStart:
		f := d.functionIndex()
		d.m.Start = &f
	case secElement:
		for range d.count("element segments", d.lim.Segments, 2) {
			d.m.Elements = append(d.m.Elements, d.element())
		}
	case secDataCount:
		n := d.u32()
		d.m.DataCount = &n
	case secCode:
		d.code()
	case secData:
		for range d.reserve("data segments", d.lim.Segments, 2, func(n int) { d.m.Data = make([]DataSegment, 0, n) }) {
			d.m.Data = append(d.m.Data, d.dataSegment())
		}
	}
}

// reserve is count, and calls alloc with the result.
func (d *decoder) reserve(what string, limit, minSize int, alloc func(int)) int {
	n := d.count(what, limit, minSize)
	alloc(n)
	return n
}

func (d *decoder) custom() {
	name := d.utf8()
	if d.err == nil && string(name) == "name" && d.m.Names == nil {
		d.m.Names = decodeNames(reader{buf: d.buf[d.pos:], base: d.offset()}, d.lim)
	}
	d.pos = len(d.buf)
}

// importEntry reads an import, or several of one module in one of the two compact forms. Those have an empty name and a mark
// where an import has its kind. (Compact import section, phase 4.)
func (d *decoder) importEntry() {
	const typeWithEach, oneType = 0x7f, 0x7e
	im := Import{Module: d.name("module name", d.lim.NameBytes), Name: d.name("import name", d.lim.NameBytes)}
	at := d.offset()
	mark := d.byte()
	switch {
	case im.Name == "" && mark == typeWithEach:
		for range d.count("imports", d.lim.Imports-len(d.m.Imports), 3) {
			im.Name = d.name("import name", d.lim.NameBytes)
			at := d.offset()
			d.addImport(im, at, d.byte())
		}
	case im.Name == "" && mark == oneType:
		at := d.offset()
		kind := d.byte()
		d.importType(&im, at, kind)
		for range d.count("imports", d.lim.Imports-len(d.m.Imports), 1) {
			im.Name = d.name("import name", d.lim.NameBytes)
			d.appendImport(im, at)
		}
	default:
		d.addImport(im, at, mark)
	}
}

func (d *decoder) addImport(im Import, at int64, kind byte) {
	d.importType(&im, at, kind)
	d.appendImport(im, at)
}

// importType reads what an import is.
func (d *decoder) importType(im *Import, at int64, kind byte) {
	im.Kind = ExternKind(kind)
	switch im.Kind {
	case FuncExtern:
		im.Func = d.typeIndex()
	case TableExtern:
		im.Table = d.tableType()
	case MemoryExtern:
		im.Memory = d.memoryType()
	case GlobalExtern:
		im.Global = d.globalType()
	case tagExtern:
		d.unsupported(at, featureExceptions, "imported tag")
	default:
		d.fail(Malformed, at, "%#x is not a kind of import", kind)
	}
}

func (d *decoder) appendImport(im Import, at int64) {
	if d.err == nil && len(d.m.Imports) == d.lim.Imports {
		d.fail(TooLarge, at, "more than %d imports", d.lim.Imports)
	}
	if d.err != nil {
		return
	}
	switch im.Kind {
	case FuncExtern:
		d.functions++
	case TableExtern:
		d.tables++
	case MemoryExtern:
		d.countMemory(at)
	case GlobalExtern:
		d.globals++
	}
	d.m.Imports = append(d.m.Imports, im)
}

func (d *decoder) memory() {
	for range d.count("memories", d.lim.ModuleBytes, 2) {
		at := d.offset()
		d.m.Memories = append(d.m.Memories, d.memoryType())
		if d.countMemory(at); d.err != nil {
			return
		}
	}
}

func (d *decoder) countMemory(at int64) {
	if d.memories++; d.memories > 1 {
		d.unsupported(at, featureMemories, "memory %d", d.memories-1)
	}
}

// index reads an index and checks it against the size of its space.
func (d *decoder) index(what string, size int) uint32 {
	at := d.offset()
	i := d.u32()
	if d.err == nil && int64(i) >= int64(size) {
		d.fail(Malformed, at, "%s %d is unknown, there are %d", what, i, size)
		return 0
	}
	return i
}

func (d *decoder) typeIndex() uint32     { return d.index("type", len(d.m.Types)) }
func (d *decoder) functionIndex() uint32 { return d.index("function", d.functions) }

func (d *decoder) export() Export {
	e := Export{Name: d.name("export name", d.lim.NameBytes)}
	at := d.offset()
	e.Kind = ExternKind(d.byte())
	switch e.Kind {
	case FuncExtern:
		e.Index = d.functionIndex()
	case TableExtern:
		e.Index = d.index("table", d.tables)
	case MemoryExtern:
		e.Index = d.index("memory", d.memories)
	case GlobalExtern:
		e.Index = d.index("global", d.globals)
	case tagExtern:
		d.unsupported(at, featureExceptions, "exported tag")
	default:
		d.fail(Malformed, at, "%#x is not a kind of export", byte(e.Kind))
	}
	return e
}

func (d *decoder) dataSegment() DataSegment {
	var s DataSegment
	at := d.offset()
	switch flags := d.u32(); flags {
	case 0:
		s.Offset = d.constExprs(1)
	case 1:
		s.Passive = true
	case 2:
		d.memoryZero()
		s.Offset = d.constExprs(1)
	default:
		d.fail(Malformed, at, "%#x are not data segment flags", flags)
	}
	s.Bytes = d.bytes(d.u32())
	return s
}

// memoryZero reads a memory index.
func (d *decoder) memoryZero() {
	at := d.offset()
	if i := d.u32(); i != 0 {
		d.unsupported(at, featureMemories, "memory index %d", i)
	}
}

// finish checks constraints between sections.
func (d *decoder) finish() {
	end := int64(len(d.buf))
	switch {
	case d.err != nil:
	case d.functions > d.lim.Functions:
		d.fail(TooLarge, end, "%d functions, the limit is %d", d.functions, d.lim.Functions)
	case len(d.m.Functions) != len(d.m.Bodies):
		d.fail(Malformed, end, "%d functions have %d bodies", len(d.m.Functions), len(d.m.Bodies))
	case d.m.DataCount != nil && int64(*d.m.DataCount) != int64(len(d.m.Data)):
		d.fail(Malformed, end, "%d data segments are declared, %d are there", *d.m.DataCount, len(d.m.Data))
	case d.tables > d.lim.Tables:
		d.fail(TooLarge, end, "%d tables, the limit is %d", d.tables, d.lim.Tables)
	default:
		d.tableSizes(end)
	}
}

func (d *decoder) tableSizes(end int64) {
	var sum int64
	for _, t := range d.m.TableTypes() {
		sum += int64(t.Size.Min)
	}
	if sum > int64(d.lim.TableElements) {
		d.fail(TooLarge, end, "tables of %d elements, the limit is %d", sum, d.lim.TableElements)
	}
}
