package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	component "github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// An echo is a function of a component that gives back what it is given: one value as it is, several as a tuple. What its
// core function does follows from the canonical ABI, as this file has it once more: how values are flattened, and where
// the parts of a value are in memory.
type echo struct {
	params   []*types.Type
	result   *types.Type
	encoding component.CanonOptKind // of strings
}

// The core value types.
const (
	i32 = 0x7f
	i64 = 0x7e
	f32 = 0x7d
	f64 = 0x7c
)

// echoes makes a component that exports echoes as f0, f1, and so on.
func echoes(all []echo) []byte {
	d := newDefiner()
	d.add(&component.CoreModule{Binary: echoModule(all)}, &component.CoreInstance{})
	d.alias(component.CoreMemorySort, 0, "memory")
	d.alias(component.CoreFuncSort, 0, "realloc")
	for i, e := range all {
		d.function(e, i, e.encoding, 0, 1+2*uint32(i), 2*uint32(i))
	}
	return component.Encode(&component.Component{Definitions: d.definitions})
}

// definer makes the definitions of a component.
type definer struct {
	definitions []component.Definition
	types       map[*types.Type]component.ValType
	next        uint32 // index of a type
	declare     bool   // they are those of the type of an instance
}

func newDefiner() *definer { return &definer{types: map[*types.Type]component.ValType{}} }

func (d *definer) add(all ...component.Definition) { d.definitions = append(d.definitions, all...) }

func (d *definer) alias(sort component.Sort, coreInstance uint32, name string) {
	d.add(&component.Alias{Kind: component.CoreExportAlias, Sort: sort, Instance: coreInstance, Name: name})
}

// function lifts and exports what a core instance exports as number i. The numbers are those that its core function and the
// lifted one will have.
func (d *definer) function(e echo, i int, encoding component.CanonOptKind, coreInstance, core, function uint32) {
	name := fmt.Sprintf("f%d", i)
	d.alias(component.CoreFuncSort, coreInstance, name)
	d.alias(component.CoreFuncSort, coreInstance, fmt.Sprintf("post%d", i))
	d.add(
		&component.Canon{Builtin: component.Lift, Func: core, Type: d.funcType(e), Options: []component.CanonOpt{
			{Kind: encoding}, {Kind: component.MemoryOpt}, {Kind: component.ReallocOpt}, {Kind: component.PostReturnOpt, Index: core + 1},
		}},
		&component.Export{Name: component.Name{Text: name}, Ref: component.Ref{Sort: component.FuncSort, Index: function}})
}

// funcType defines the type of an echo.
func (d *definer) funcType(e echo) uint32 {
	var params []component.Labeled
	for k, t := range e.params {
		params = append(params, component.Labeled{Name: fmt.Sprintf("p%d", k), Type: d.typ(t)})
	}
	result := d.typ(e.result)
	return d.define(&component.FuncType{Params: params, Result: &result}).Index
}

// define defines a type.
func (d *definer) define(t component.TypeDef) component.ValType {
	d.add(&component.Type{Def: t})
	d.next++
	return component.ValType{Index: d.next - 1}
}

// named defines a type and exports it, as types of exported functions must be that have members with names.
func (d *definer) named(t component.TypeDef) component.ValType {
	v := d.define(t)
	name := component.Name{Text: fmt.Sprintf("t%d", v.Index)}
	if d.declare {
		d.add(&component.ExportDecl{Name: name, Desc: component.ExternDesc{Kind: component.TypeExtern, Index: v.Index}})
	} else {
		d.add(&component.Export{Name: name, Ref: component.Ref{Sort: component.TypeSort, Index: v.Index}})
	}
	d.next++
	return component.ValType{Index: d.next - 1}
}

var prims = map[types.Kind]component.Prim{
	types.Bool: component.Bool, types.S8: component.S8, types.U8: component.U8, types.S16: component.S16,
	types.U16: component.U16, types.S32: component.S32, types.U32: component.U32, types.S64: component.S64,
	types.U64: component.U64, types.F32: component.F32, types.F64: component.F64, types.Char: component.Char,
	types.String: component.String,
}

// typ defines a type, unless it is defined already.
func (d *definer) typ(t *types.Type) component.ValType {
	if prim, ok := prims[t.Kind]; ok {
		return component.ValType{Prim: prim}
	}
	v, ok := d.types[t]
	if !ok {
		v = d.composed(t)
		d.types[t] = v
	}
	return v
}

func (d *definer) composed(t *types.Type) component.ValType {
	switch t.Kind {
	case types.List:
		return d.define(&component.ListType{Elem: d.typ(t.Elem)})
	case types.Option:
		return d.define(&component.OptionType{Elem: d.typ(t.Cases[1].Type)})
	case types.Result:
		return d.define(&component.ResultType{OK: d.payload(t.Cases[0]), Err: d.payload(t.Cases[1])})
	case types.Flags:
		return d.named(&component.FlagsType{Labels: t.Labels})
	case types.Tuple:
		var elems []component.ValType
		for _, f := range t.Fields {
			elems = append(elems, d.typ(f.Type))
		}
		return d.define(&component.TupleType{Types: elems})
	case types.Record:
		var fields []component.Labeled
		for _, f := range t.Fields {
			fields = append(fields, component.Labeled{Name: f.Name, Type: d.typ(f.Type)})
		}
		return d.named(&component.RecordType{Fields: fields})
	case types.Enum:
		var labels []string
		for _, c := range t.Cases {
			labels = append(labels, c.Name)
		}
		return d.named(&component.EnumType{Labels: labels})
	case types.Variant:
		var cases []component.Case
		for _, c := range t.Cases {
			cases = append(cases, component.Case{Name: c.Name, Type: d.payload(c)})
		}
		return d.named(&component.VariantType{Cases: cases})
	}
	panic(fmt.Sprintf("an echo of kind %d", t.Kind))
}

func (d *definer) payload(c types.Case) *component.ValType {
	if c.Type == nil {
		return nil
	}
	v := d.typ(c.Type)
	return &v
}

// echoModule makes the core module of echoes.
func echoModule(all []echo) []byte {
	coreTypes := [][]byte{reallocType}
	functions, exports := [][]byte{{0}}, [][]byte{named("memory", 2, 0), named("realloc", 0, 0)}
	bodies := [][]byte{sized(reallocBody)}
	for i, e := range all {
		params, result := e.coreType()
		body := e.body()
		coreTypes = append(coreTypes,
			slices.Concat([]byte{0x60}, sized(params), []byte{1, result}),
			[]byte{0x60, 1, result, 0})
		for k, name := range []string{"f", "post"} {
			index := byte(1 + 2*i + k)
			functions = append(functions, []byte{index})
			exports = append(exports, named(fmt.Sprintf("%s%d", name, i), 0, index))
		}
		bodies = append(bodies, sized(slices.Concat([]byte{0}, body, []byte{end})), sized(postBody))
	}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, coreTypes), section(3, functions), section(5, [][]byte{{0, memoryPages}}), section(6, [][]byte{nextGlobal}),
		section(7, exports), section(10, bodies))
}

// The instructions that are used.
const (
	ifOp        = 0x04
	call        = 0x10
	end         = 0x0b
	localGet    = 0x20
	localTee    = 0x22
	globalGet   = 0x23
	globalSet   = 0x24
	i32Const    = 0x41
	i32Eq       = 0x46
	i32Add      = 0x6a
	i32Sub      = 0x6b
	i32And      = 0x71
	i32Wrap     = 0xa7
	f32FromBits = 0xbe
	f64FromBits = 0xbf
)

// Results are stored from resultBase on; what realloc gives begins at heapBase, and is free again after each call.
const (
	resultBase  = 16
	heapBase    = 8192
	memoryPages = 64
)

var (
	reallocType = []byte{0x60, 4, i32, i32, i32, i32, 1, i32}
	nextGlobal  = slices.Concat([]byte{i32, 1}, constant32(heapBase), []byte{end})
	// at = (next + align - 1) & -align; next = at + new size; copy the old contents there; return at.
	reallocBody = slices.Concat([]byte{
		1, 1, i32,
		globalGet, 0, localGet, 2, i32Add, i32Const, 1, i32Sub, i32Const, 0, localGet, 2, i32Sub, i32And, localTee, 4,
		localGet, 3, i32Add, globalSet, 0,
		localGet, 4, localGet, 0, localGet, 1, 0xfc, 10, 0, 0,
		localGet, 4, end,
	})
	postBody = slices.Concat([]byte{0}, constant32(heapBase), []byte{globalSet, 0, end})
)

// flat returns the core values that the arguments of an echo are, and those that its result is.
func (e echo) flat() (flat []byte) {
	for _, t := range e.params {
		flat = append(flat, flatten(t)...)
	}
	return flat
}

// returnsInMemory reports whether the result of an echo is in memory.
func (e echo) returnsInMemory() bool { return len(e.flat()) > 1 }

// coreType returns the core type of an echo.
func (e echo) coreType() (params []byte, result byte) {
	switch flat := e.flat(); {
	case len(flat) == 1:
		return flat, flat[0]
	case len(flat) > 16: // they are in memory
		return []byte{i32}, i32
	default:
		return flat, i32
	}
}

// body returns the core function of an echo, without what ends it.
func (e echo) body() []byte {
	flat := e.flat()
	if len(flat) == 1 || len(flat) > 16 { // if the arguments are in memory, the result may stay there
		return []byte{localGet, 0}
	}
	w := storer{locals: flat}
	w.store(e.result, resultBase, 0)
	return append(w.code, constant32(resultBase)...)
}

// flatten returns the core values that a value of a type is.
func flatten(t *types.Type) []byte {
	switch t.Kind {
	case types.U64, types.S64:
		return []byte{i64}
	case types.F32:
		return []byte{f32}
	case types.F64:
		return []byte{f64}
	case types.String, types.List:
		return []byte{i32, i32}
	case types.Record, types.Tuple:
		var flat []byte
		for _, f := range t.Fields {
			flat = append(flat, flatten(f.Type)...)
		}
		return flat
	case types.Variant, types.Option, types.Result, types.Enum:
		var joined []byte
		for _, c := range t.Cases {
			if c.Type == nil {
				continue
			}
			for i, core := range flatten(c.Type) {
				if i == len(joined) {
					joined = append(joined, core)
				} else if joined[i] != core {
					joined[i] = join(joined[i], core)
				}
			}
		}
		return append([]byte{i32}, joined...)
	default:
		return []byte{i32}
	}
}

// join returns the core type that holds either of two different ones.
func join(a, b byte) byte {
	if (a == i32 || a == f32) && (b == i32 || b == f32) {
		return i32
	}
	return i64
}

// layout returns the size of a type in memory, and its alignment.
func layout(t *types.Type) (size, align int) {
	switch t.Kind {
	case types.Bool, types.U8, types.S8:
		return 1, 1
	case types.U16, types.S16:
		return 2, 2
	case types.U64, types.S64, types.F64:
		return 8, 8
	case types.String, types.List:
		return 8, 4
	case types.Flags:
		size = flagBytes(len(t.Labels))
		return size, size
	case types.Record, types.Tuple:
		align = 1
		for _, f := range t.Fields {
			s, a := layout(f.Type)
			size, align = aligned(size, a)+s, max(align, a)
		}
		return aligned(size, align), align
	case types.Variant, types.Option, types.Result, types.Enum:
		at, align := payloadOffset(t)
		for _, c := range t.Cases {
			if c.Type != nil {
				s, _ := layout(c.Type)
				size = max(size, s)
			}
		}
		return aligned(at+size, align), align
	default:
		return 4, 4
	}
}

func flagBytes(n int) int {
	switch {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	default:
		return 4
	}
}

// caseBytes returns the size of the number of a case.
func caseBytes(t *types.Type) int {
	switch n := len(t.Cases); {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	default:
		return 4
	}
}

// payloadOffset returns where the payload of a variant begins, and the alignment of the variant.
func payloadOffset(t *types.Type) (at, align int) {
	at, align = caseBytes(t), caseBytes(t)
	widest := 1
	for _, c := range t.Cases {
		if c.Type != nil {
			_, a := layout(c.Type)
			widest = max(widest, a)
		}
	}
	return aligned(at, widest), max(align, widest)
}

func aligned(n, align int) int { return (n + align - 1) / align * align }

// storer writes code that stores flat values, which are in locals.
type storer struct {
	code   []byte
	locals []byte // their types
}

// store stores a value whose flat values begin at a local, and returns the local after them.
func (s *storer) store(t *types.Type, address, local int) int {
	switch t.Kind {
	case types.Record, types.Tuple:
		for _, f := range t.Fields {
			size, align := layout(f.Type)
			address = aligned(address, align)
			local = s.store(f.Type, address, local)
			address += size
		}
		return local
	case types.String, types.List:
		s.put(address, 4, i32, local)
		s.put(address+4, 4, i32, local+1)
		return local + 2
	case types.Variant, types.Option, types.Result, types.Enum:
		s.put(address, caseBytes(t), i32, local)
		at, _ := payloadOffset(t)
		for i, c := range t.Cases {
			if c.Type == nil {
				continue
			}
			s.get(local, i32)
			s.code = slices.Concat(s.code, constant32(int32(i)), []byte{i32Eq, ifOp, 0x40})
			s.store(c.Type, address+at, local+1)
			s.code = append(s.code, end)
		}
		return local + len(flatten(t))
	}
	size, _ := layout(t)
	s.put(address, size, flatten(t)[0], local)
	return local + 1
}

// put stores one core value of a type.
func (s *storer) put(address, size int, core byte, local int) {
	s.code = append(s.code, constant32(int32(address))...)
	s.get(local, core)
	stores := map[byte]map[int]byte{i32: {1: 0x3a, 2: 0x3b, 4: 0x36}, i64: {8: 0x37}, f32: {4: 0x38}, f64: {8: 0x39}}
	s.code = append(s.code, stores[core][size], 0, 0)
}

// get gets one core value of a type, which its local holds as that or, in a payload, as what it was joined to.
func (s *storer) get(local int, core byte) {
	s.code = append(s.code, localGet, byte(local))
	have := s.locals[local]
	if have == i64 && core != i64 && core != f64 {
		s.code = append(s.code, i32Wrap)
	}
	switch {
	case core == f32 && have != f32:
		s.code = append(s.code, f32FromBits)
	case core == f64 && have != f64:
		s.code = append(s.code, f64FromBits)
	}
}

// constant32 is an i32.const.
func constant32(n int32) []byte {
	b := []byte{i32Const}
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func section(id byte, entries [][]byte) []byte {
	content := binary.AppendUvarint(nil, uint64(len(entries)))
	return append([]byte{id}, sized(append(content, bytes.Join(entries, nil)...))...)
}

// sized is bytes after their number.
func sized(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

func named(name string, kind, index byte) []byte { return append(sized([]byte(name)), kind, index) }
