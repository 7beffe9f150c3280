package types

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

// Kind is the kind of a value type.
type Kind uint8

// The kinds.
const (
	_ Kind = iota
	Bool
	S8
	U8
	S16
	U16
	S32
	U32
	S64
	U64
	F32
	F64
	Char
	String
	List
	Record
	Tuple
	Variant
	Enum
	Option
	Result
	Flags
	Map
	Own
	Borrow
	Stream
	Future
	ErrorContext
)

var kindNames = [...]string{
	Bool: "bool", S8: "s8", U8: "u8", S16: "s16", U16: "u16", S32: "s32", U32: "u32", S64: "s64", U64: "u64",
	F32: "f32", F64: "f64", Char: "char", String: "string", List: "list", Record: "record", Tuple: "tuple",
	Variant: "variant", Enum: "enum", Option: "option", Result: "result", Flags: "flags", Map: "map",
	Own: "own", Borrow: "borrow", Stream: "stream", Future: "future", ErrorContext: "error-context",
}

// String returns the kind's word in WIT.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Type is a value type. Types are interned: within a Table, types that are equal are one pointer, so they are compared by
// ==. A Type does not change.
//
// Records and tuples have Fields. Variants, enums, options and results have Cases: those of an option are "none" and
// "some", those of a result "ok" and "error", as the specification despecializes them.
type Type struct {
	Kind     Kind
	Fields   []Field   // Record, Tuple
	Cases    []Case    // Variant, Enum, Option, Result
	Labels   []string  // Flags: at most 32
	Elem     *Type     // List, Map (its values), Option, Stream and Future, where it may be nil
	Key      *Type     // Map
	Resource *Resource // Own, Borrow
	Entry    *Type     // Map: the tuple of key and value that it is a list of
	Fixed    bool      // List: of Length elements
	Length   uint32

	Size, Align uint32 // in memory, in bytes; Align is 1, 2, 4 or 8
	Payload     uint32 // Variant, Enum, Option, Result: the offset of the payload, after the discriminant
	// Flat is the number of core values that the type flattens to; a number above MaxFlat stands for any such number.
	Flat uint32
	// Borrows is whether a value of the type may hold borrowed handles, Handles whether it may hold handles, streams,
	// futures or error contexts of any kind.
	Borrows, Handles bool
	// Resources is whether values of the type, or items of streams and futures in them, may hold handles or error contexts:
	// these mean nothing outside of their store.
	Resources bool
	// Pointed is whether values of the type have parts in memory that they point to: strings, lists and maps do.
	Pointed bool
	// Plain is whether values of the type are integers without gaps between them in memory, so that any bytes are one.
	Plain bool
	// Depth is the number of types on the longest way down; a primitive has 1.
	Depth uint32

	expanded        uint32               // the parts, theirs, and so on, each as often as it is there
	open            bool                 // it refers to resource types
	core            []binary.CoreValType // what it flattens to, if Flat is at most MaxFlat
	size64, align64 uint32               // with pointers of 64 bits
	next            *Type                // in the Table, with the same hash
}

// Core returns the Flat core types that a value of the type flattens to, or nil if Flat is above MaxFlat. It is not to be
// changed.
func (t *Type) Core() []binary.CoreValType { return t.core }

// Parts yields the types that t is made of, one level down, in their order.
func (t *Type) Parts(yield func(*Type) bool) {
	for i := range t.Fields {
		if !yield(t.Fields[i].Type) {
			return
		}
	}
	for i := range t.Cases {
		if p := t.Cases[i].Type; p != nil && !yield(p) {
			return
		}
	}
	switch {
	case t.Kind == Option:
	case t.Entry != nil:
		yield(t.Entry)
	case t.Elem != nil:
		yield(t.Elem)
	}
}

// DiscriminantSize returns the bytes of the number of the case: 1, 2 or 4. It is for Variant, Enum, Option and Result.
func (t *Type) DiscriminantSize() uint32 {
	switch n := len(t.Cases); {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

// MaxFlat is the largest number of core parameters that a lifted or lowered function may have before they are passed in
// memory.
const MaxFlat = 16

// Field is a field of a record, or of a tuple, where it has no name, or a parameter of a function.
type Field struct {
	Name   string
	Type   *Type
	Offset uint32 // in memory, from the beginning of the record
}

// Case is a case of a variant.
type Case struct {
	Name string
	Type *Type // or nil
}

// Resource is the identity of a resource type: two are the same only if they are the same pointer.
type Resource struct {
	Name string // as it is imported or exported, for people; it may be empty
	// Interface is that by which a component imports it from the host, such as "wasi:sockets/types@0.3.0", where that is known.
	Interface string
}

// Func is the type of a function. Parameters are Fields without an Offset.
type Func struct {
	Async  bool
	Params []Field
	Result *Type // or nil

	// ParamDefs and ResultDef are the definitions of Params and Result, where the type is that of a checked component.
	ParamDefs []*Def
	ResultDef *Def
}

// expanded returns the parts of the function's type, written out.
func (f *Func) expanded() uint32 {
	n := uint32(1)
	for i := range f.Params {
		n = min(n+f.Params[i].Type.expanded, MaxExpanded+1)
	}
	if f.Result != nil {
		n = min(n+f.Result.expanded, MaxExpanded+1)
	}
	return n
}

// unit is the type of the items of streams and futures that have none.
var unit = &Type{Kind: Tuple}

// Item returns the type of the items of a stream or future; for one without items, which has values of nothing, that is the empty
// tuple.
func (t *Type) Item() *Type {
	if t.Elem == nil {
		return unit
	}
	return t.Elem
}

// OfBytes reports whether the type is stream<u8>.
func (t *Type) OfBytes() bool { return t.Kind == Stream && t.Elem != nil && t.Elem.Kind == U8 }

// Any reports whether f holds for the type of a parameter or of the result.
func (f *Func) Any(holds func(*Type) bool) bool {
	for i := range f.Params {
		if holds(f.Params[i].Type) {
			return true
		}
	}
	return f.Result != nil && holds(f.Result)
}
