package wasm

import (
	"fmt"
	"slices"
	"strings"
)

// ValType is the type of a value.
type ValType byte

// The value types.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
)

// String returns the type in text notation.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return fmt.Sprintf("valtype(%#x)", byte(t))
}

// FuncType is the type of a function.
type FuncType struct {
	Params, Results []ValType
}

// String returns the type in text notation, "(func (param i32) (result i64))".
func (t FuncType) String() string {
	var b strings.Builder
	b.WriteString("(func")
	list := func(word string, ts []ValType) {
		if len(ts) == 0 {
			return
		}
		b.WriteString(" (" + word)
		for _, t := range ts {
			b.WriteString(" " + t.String())
		}
		b.WriteByte(')')
	}
	list("param", t.Params)
	list("result", t.Results)
	b.WriteByte(')')
	return b.String()
}

// Key returns a string that is equal for equal types, and only for those.
func (t FuncType) Key() string {
	key := make([]byte, 0, len(t.Params)+len(t.Results)+1)
	for _, p := range t.Params {
		key = append(key, byte(p))
	}
	key = append(key, 0)
	for _, r := range t.Results {
		key = append(key, byte(r))
	}
	return string(key)
}

// Equal reports whether two types are the same.
func (t FuncType) Equal(u FuncType) bool {
	return slices.Equal(t.Params, u.Params) && slices.Equal(t.Results, u.Results)
}

// ParseFuncType parses the notation of String. ok is false for other text.
func ParseFuncType(text string) (t FuncType, ok bool) {
	rest, ok1 := strings.CutPrefix(text, "(func")
	rest, ok2 := strings.CutSuffix(rest, ")")
	params, rest, ok3 := cutTypes(rest, "param")
	results, rest, ok4 := cutTypes(rest, "result")
	return FuncType{params, results}, ok1 && ok2 && ok3 && ok4 && rest == ""
}

// cutTypes parses a list of types that starts with a word, if there is one.
func cutTypes(text, word string) (types []ValType, rest string, ok bool) {
	list, found := strings.CutPrefix(text, " ("+word+" ")
	if !found {
		return nil, text, true
	}
	list, rest, found = strings.Cut(list, ")")
	if !found {
		return nil, text, false
	}
	for name := range strings.SplitSeq(list, " ") {
		i := slices.IndexFunc(valTypes, func(t ValType) bool { return t.String() == name })
		if i < 0 {
			return nil, text, false
		}
		types = append(types, valTypes[i])
	}
	return types, rest, true
}

var valTypes = []ValType{I32, I64, F32, F64, V128, FuncRef, ExternRef}

// Bounds are the limits of a table's or a memory's size.
type Bounds struct {
	Min, Max uint32
	HasMax   bool
}

func (b Bounds) String() string {
	if b.HasMax {
		return fmt.Sprintf("%d %d", b.Min, b.Max)
	}
	return fmt.Sprint(b.Min)
}

// TableType is the type of a table.
type TableType struct {
	Elem ValType
	Size Bounds
}

// String returns the type in text notation, "(table 1 10 funcref)".
func (t TableType) String() string { return fmt.Sprintf("(table %v %v)", t.Size, t.Elem) }

// MemoryType is the type of a memory, its size in pages.
type MemoryType struct {
	Size Bounds
}

// String returns the type in text notation, "(memory 1 16)".
func (t MemoryType) String() string { return fmt.Sprintf("(memory %v)", t.Size) }

// GlobalType is the type of a global.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

// String returns the type in text notation, "(global (mut i32))".
func (t GlobalType) String() string {
	if t.Mutable {
		return fmt.Sprintf("(global (mut %v))", t.Type)
	}
	return fmt.Sprintf("(global %v)", t.Type)
}

// ExternKind is the kind of an import or export.
type ExternKind byte

// The extern kinds.
const (
	FuncExtern   ExternKind = 0
	TableExtern  ExternKind = 1
	MemoryExtern ExternKind = 2
	GlobalExtern ExternKind = 3
	tagExtern    ExternKind = 4 // of the exception handling proposal
)

// String returns the kind's word in text notation.
func (k ExternKind) String() string {
	switch k {
	case FuncExtern:
		return "func"
	case TableExtern:
		return "table"
	case MemoryExtern:
		return "memory"
	case GlobalExtern:
		return "global"
	}
	return fmt.Sprintf("extern(%d)", byte(k))
}

// refusedType returns the feature that a type byte belongs to, if any.
func refusedType(b byte) string {
	switch b {
	case 0x63, 0x64:
		return featureFuncRefs
	case 0x65:
		return featureThreads
	case 0x68, 0x69, 0x74, 0x75:
		return featureExceptions
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73:
		return featureGC
	}
	return ""
}

func (r *reader) valType() ValType {
	at := r.offset()
	b := r.byte()
	switch t := ValType(b); t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef:
		return t
	}
	if f := refusedType(b); f != "" {
		r.unsupported(at, f, "value type %#x", b)
	} else {
		r.fail(Malformed, at, "%#x is not a value type", b)
	}
	return 0
}

func (r *reader) refType() ValType {
	at := r.offset()
	t := r.valType()
	if r.err == nil && t != FuncRef && t != ExternRef {
		r.fail(Malformed, at, "%v is not a reference type", t)
	}
	return t
}

func (r *reader) valTypes(what string, limit int) []ValType {
	n := r.count(what, limit, 1)
	if n == 0 {
		return nil
	}
	ts := make([]ValType, n)
	for i := range ts {
		ts[i] = r.valType()
	}
	return ts
}

func (r *reader) funcType(lim Limits) FuncType {
	at := r.offset()
	switch form := r.byte(); form {
	case 0x60:
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		r.unsupported(at, featureGC, "type form %#x", form)
	case 0x5d:
		r.unsupported(at, featureStacks, "type form %#x", form)
	default:
		r.fail(Malformed, at, "%#x is not a type form", form)
	}
	return FuncType{
		Params:  r.valTypes("parameters", lim.Signature),
		Results: r.valTypes("results", lim.Signature),
	}
}

// bounds reads the limits of a table or memory.
func (r *reader) bounds(what string) Bounds {
	at := r.offset()
	flags := r.byte()
	switch {
	case flags&2 != 0:
		r.unsupported(at, featureThreads, "shared %s", what)
	case flags&4 != 0:
		r.unsupported(at, featureMemory64, "%s with 64-bit addresses", what)
	case flags&8 != 0:
		r.unsupported(at, featurePageSize, "%s with a page size", what)
	case flags > 1:
		r.fail(Malformed, at, "%#x are not limit flags", flags)
	}
	b := Bounds{Min: r.u32()}
	if flags&1 != 0 {
		b.HasMax, b.Max = true, r.u32()
		if r.err == nil && b.Max < b.Min {
			r.fail(Malformed, at, "%s with maximum %d below minimum %d", what, b.Max, b.Min)
		}
	}
	return b
}

func (r *reader) tableType() TableType {
	at := r.offset()
	if r.pos < len(r.buf) && r.buf[r.pos] == 0x40 {
		r.unsupported(at, featureFuncRefs, "table with an initial element")
	}
	return TableType{Elem: r.refType(), Size: r.bounds("table")}
}

const (
	// maxPages is the maximum of a 32-bit memory.
	maxPages = 1 << 16
	// MaxPages is the maximum here, a page less: wazero keeps a memory's length in 32 bits.
	MaxPages = maxPages - 1
)

func (r *reader) memoryType() MemoryType {
	at := r.offset()
	m := MemoryType{Size: r.bounds("memory")}
	if r.err == nil && (m.Size.Min > maxPages || m.Size.HasMax && m.Size.Max > maxPages) {
		r.fail(Malformed, at, "memory of more than %d pages", maxPages)
	}
	if r.err == nil && m.Size.Min > MaxPages {
		r.fail(TooLarge, at, "memory of %d pages, the limit is %d", m.Size.Min, MaxPages)
	}
	return m
}

func (r *reader) globalType() GlobalType {
	t := r.valType()
	at := r.offset()
	mut := r.byte()
	if mut > 1 {
		r.fail(Malformed, at, "%#x is not a mutability", mut)
	}
	return GlobalType{Type: t, Mutable: mut == 1}
}
