package types

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
)

// Bounds of value types.
const (
	// MaxSize bounds the size of a value type in memory, as the specification has it: with pointers of 64 bits, the
	// size is below it.
	MaxSize = 1 << 28
	// MaxDepth bounds the Depth of a type.
	MaxDepth = 100
	// MaxNodes bounds the fields, cases and labels of a Table, and its types, each of which counts as four of them.
	MaxNodes = 1_000_000
	// MaxExpanded bounds the parts of a type, of its parts, and so on, each as often as it is there: how long the type
	// is when it is written out. It also bounds those of all imports and exports of a component together.
	MaxExpanded = 1_000_000
	// MaxLabels bounds the labels of flags.
	MaxLabels = 32
)

// Table interns value types: of equal types there is one *Type. It makes every type with its layout, and refuses those
// beyond the bounds above. Names are not checked.
//
// The types of a Table may be used concurrently, and differ from those of other Tables but for the primitive ones. The
// Table itself is for one goroutine at a time.
type Table struct {
	prims  *[ErrorContext + 1]*Type
	byHash map[uint64]*Type // the first of those with the hash; nil before there is one
	seed   maphash.Seed
	nodes  int
}

// NewTable returns a Table with the primitive types.
func NewTable() *Table { return &Table{prims: &primitives, seed: maphash.MakeSeed()} }

// primitives are the primitive types of every Table. They do not change.
var primitives = newPrimitives()

func newPrimitives() (prims [ErrorContext + 1]*Type) {
	for kind, size := range map[Kind]uint32{
		Bool: 1, S8: 1, U8: 1, S16: 2, U16: 2, S32: 4, U32: 4, S64: 8, U64: 8, F32: 4, F64: 8, Char: 4, ErrorContext: 4,
	} {
		prims[kind] = &Type{
			Kind: kind, Size: size, Align: size, size64: size, align64: size, Flat: 1, Depth: 1, expanded: 1, Handles: kind == ErrorContext, Resources: kind == ErrorContext,
		}
	}
	prims[String] = &Type{Kind: String, Size: 8, Align: 4, size64: 16, align64: 8, Flat: 2, Depth: 1, expanded: 1, Pointed: true}
	for _, prim := range prims {
		if prim != nil {
			prim.core, prim.Plain = flatten(prim), plain(prim, uint64(prim.Size))
		}
	}
	return prims
}

// Prim returns the type of a primitive kind, String and ErrorContext included, or nil for another kind.
func (t *Table) Prim(kind Kind) *Type {
	if int(kind) >= len(t.prims) {
		return nil
	}
	return t.prims[kind]
}

// List returns the type of lists.
func (t *Table) List(elem *Type) (*Type, error) {
	return t.intern(pointer(Type{Kind: List, Elem: elem}))
}

// FixedList returns the type of lists of a fixed length, which is not 0.
func (t *Table) FixedList(elem *Type, length uint32) (*Type, error) {
	if length == 0 {
		return nil, errors.New("a list of a fixed length has no elements")
	}
	n := uint64(length)
	return t.intern(Type{
		Kind: List, Elem: elem, Fixed: true, Length: length,
		Align: elem.Align, align64: elem.align64, Flat: flatSum(n * uint64(elem.Flat)),
	}, n*uint64(elem.Size), n*uint64(elem.size64))
}

// Record returns the type of records of one or more fields. It fills in their offsets in a copy.
func (t *Table) Record(fields []Field) (*Type, error) {
	return t.fields(Record, slices.Clone(fields))
}

// Tuple returns the type of tuples of one or more types.
func (t *Table) Tuple(elems []*Type) (*Type, error) {
	fields := make([]Field, len(elems))
	for i, elem := range elems {
		fields[i].Type = elem
	}
	return t.fields(Tuple, fields)
}

func (t *Table) fields(kind Kind, fields []Field) (*Type, error) {
	if len(fields) == 0 {
		return nil, fmt.Errorf("the %v has no fields", kind)
	}
	typ := Type{Kind: kind, Fields: fields, Align: 1, align64: 1}
	var size, size64, flat uint64
	for i := range fields {
		f := &fields[i]
		size, size64 = alignTo(size, f.Type.Align), alignTo(size64, f.Type.align64)
		if size >= MaxSize {
			return nil, errSize
		}
		f.Offset = uint32(size)
		size, size64 = size+uint64(f.Type.Size), size64+uint64(f.Type.size64)
		typ.Align, typ.align64 = max(typ.Align, f.Type.Align), max(typ.align64, f.Type.align64)
		flat += uint64(f.Type.Flat)
	}
	typ.Flat = flatSum(flat)
	return t.intern(typ, size, size64)
}

// Variant returns the type of variants of one or more cases.
func (t *Table) Variant(cases []Case) (*Type, error) {
	return t.cases(Variant, slices.Clone(cases))
}

// Enum returns the type of variants of one or more cases without payloads.
func (t *Table) Enum(names []string) (*Type, error) {
	cases := make([]Case, len(names))
	for i, name := range names {
		cases[i].Name = name
	}
	return t.cases(Enum, cases)
}

// Option returns the type of optional values.
func (t *Table) Option(elem *Type) (*Type, error) {
	return t.cases(Option, []Case{{Name: "none"}, {Name: "some", Type: elem}})
}

// Result returns the type of results. Each of the two types may be nil.
func (t *Table) Result(ok, err *Type) (*Type, error) {
	return t.cases(Result, []Case{{Name: "ok", Type: ok}, {Name: "error", Type: err}})
}

func (t *Table) cases(kind Kind, cases []Case) (*Type, error) {
	if len(cases) == 0 {
		return nil, fmt.Errorf("the %v has no cases", kind)
	}
	typ := Type{Kind: kind, Cases: cases, Align: 1, align64: 1}
	if kind == Option {
		typ.Elem = cases[1].Type
	}
	var size, size64, flat uint64
	for _, c := range cases {
		if c.Type == nil {
			continue
		}
		size, size64 = max(size, uint64(c.Type.Size)), max(size64, uint64(c.Type.size64))
		typ.Align, typ.align64 = max(typ.Align, c.Type.Align), max(typ.align64, c.Type.align64)
		flat = max(flat, uint64(c.Type.Flat))
	}
	discriminant := typ.DiscriminantSize()
	typ.Payload = uint32(alignTo(uint64(discriminant), typ.Align))
	size, size64 = size+uint64(typ.Payload), size64+alignTo(uint64(discriminant), typ.align64)
	typ.Align, typ.align64 = max(typ.Align, discriminant), max(typ.align64, discriminant)
	typ.Flat = flatSum(1 + flat)
	return t.intern(typ, size, size64)
}

// Flags returns the type of flags of one to MaxLabels labels.
func (t *Table) Flags(labels []string) (*Type, error) {
	n := uint32(len(labels))
	switch {
	case n == 0:
		return nil, errors.New("flags have no labels")
	case n > MaxLabels:
		return nil, fmt.Errorf("flags have %d labels, at most %d are possible", n, MaxLabels)
	}
	size := uint32(4)
	switch {
	case n <= 8:
		size = 1
	case n <= 16:
		size = 2
	}
	return t.intern(Type{
		Kind: Flags, Labels: slices.Clone(labels), Align: size, align64: size, Flat: 1,
	}, uint64(size), uint64(size))
}

// Map returns the type of maps. Keys are of a primitive type, but not of floating-point numbers.
func (t *Table) Map(key, elem *Type) (*Type, error) {
	switch key.Kind {
	case Bool, S8, U8, S16, U16, S32, U32, S64, U64, Char, String:
	default:
		return nil, fmt.Errorf("the keys of a map cannot be of type %v", key.Kind)
	}
	entry, err := t.entry(key, elem)
	if err != nil {
		return nil, err
	}
	return t.intern(pointer(Type{Kind: Map, Key: key, Elem: elem, Entry: entry}))
}

// entry returns the tuple of a key and a value. It alone may exceed MaxSize: then the map has no values but the empty one.
func (t *Table) entry(key, elem *Type) (*Type, error) {
	offset, offset64 := alignTo(uint64(key.Size), elem.Align), alignTo(uint64(key.size64), elem.align64)
	return t.internAny(Type{
		Kind: Tuple, Fields: []Field{{Type: key}, {Type: elem, Offset: uint32(offset)}},
		Align: max(key.Align, elem.Align), align64: max(key.align64, elem.align64), Flat: flatSum(uint64(key.Flat) + uint64(elem.Flat)),
	}, offset+uint64(elem.Size), offset64+uint64(elem.size64))
}

// Own returns the type of handles that own a resource.
func (t *Table) Own(resource *Resource) (*Type, error) {
	return t.intern(index(Type{Kind: Own, Resource: resource}))
}

// Borrow returns the type of handles that borrow a resource.
func (t *Table) Borrow(resource *Resource) (*Type, error) {
	return t.intern(index(Type{Kind: Borrow, Resource: resource}))
}

// Stream returns the type of streams. The type of its elements may be nil; it has no borrowed handles.
func (t *Table) Stream(elem *Type) (*Type, error) {
	if elem != nil && elem.Kind == Char {
		return nil, errors.New("a stream of char is not possible yet")
	}
	return t.end(Stream, elem)
}

// Future returns the type of futures. The type of the value may be nil; it has no borrowed handles.
func (t *Table) Future(elem *Type) (*Type, error) { return t.end(Future, elem) }

func (t *Table) end(kind Kind, elem *Type) (*Type, error) {
	if elem != nil && elem.Borrows {
		return nil, fmt.Errorf("a %v cannot hold borrowed handles", kind)
	}
	return t.intern(index(Type{Kind: kind, Elem: elem}))
}

// ErrorContext returns the type of error contexts.
func (t *Table) ErrorContext() *Type { return t.prims[ErrorContext] }

// index and pointer are the layouts of what is an index, and of what is a pointer and a length.
func index(typ Type) (_ Type, size, size64 uint64) {
	typ.Align, typ.align64, typ.Flat = 4, 4, 1
	return typ, 4, 4
}

func pointer(typ Type) (_ Type, size, size64 uint64) {
	typ.Align, typ.align64, typ.Flat = 4, 8, 2
	return typ, 8, 16
}

var (
	errSize     = fmt.Errorf("a value of the type exceeds the maximum byte size of %d", MaxSize-1)
	errDepth    = fmt.Errorf("the type is nested more than %d deep", MaxDepth)
	errExpanded = fmt.Errorf("the type is longer than %d parts when it is written out", MaxExpanded)
	errNodes    = errors.New("there are too many types")
)

// intern returns the one type that is equal to typ, whose sizes are not rounded up to its alignment yet.
func (t *Table) intern(typ Type, size, size64 uint64) (*Type, error) {
	if alignTo(size64, typ.align64) >= MaxSize {
		return nil, errSize
	}
	return t.internAny(typ, size, size64)
}

// internAny is intern for a type of any size.
func (t *Table) internAny(typ Type, size, size64 uint64) (*Type, error) {
	hash := typ.hash(t.seed)
	first := t.byHash[hash]
	for have := first; have != nil; have = have.next {
		if have.equal(&typ) {
			return have, nil
		}
	}
	typ.Size, typ.size64 = uint32(alignTo(size, typ.Align)), uint32(alignTo(size64, typ.align64))
	typ.Depth, typ.expanded = 1, 1
	for part := range typ.Parts {
		typ.expanded = min(typ.expanded+part.expanded, MaxExpanded+1)
		typ.Depth = max(typ.Depth, 1+part.Depth)
		typ.Borrows = typ.Borrows || part.Borrows
		typ.Handles = typ.Handles || part.Handles
		typ.Resources = typ.Resources || part.Resources
		typ.open = typ.open || part.open
	}
	switch typ.Kind {
	case Stream, Future:
		typ.Handles = true
	case Own, Borrow:
		typ.Handles, typ.Resources, typ.Borrows, typ.open = true, true, typ.Kind == Borrow, true
	}
	typ.Pointed, typ.Plain = pointed(&typ), plain(&typ, size)
	if typ.Flat <= MaxFlat {
		typ.core = flatten(&typ)
	}
	if typ.Depth > MaxDepth {
		return nil, errDepth
	}
	if typ.expanded > MaxExpanded {
		return nil, errExpanded
	}
	if t.nodes += 4 + len(typ.Fields) + len(typ.Cases) + len(typ.Labels); t.nodes > MaxNodes {
		return nil, errNodes
	}
	typ.next = first
	if t.byHash == nil {
		t.byHash = map[uint64]*Type{}
	}
	t.byHash[hash] = &typ
	return &typ, nil
}

// equal compares types whose parts are interned.
func (t *Type) equal(u *Type) bool {
	return t.Kind == u.Kind && t.Elem == u.Elem && t.Key == u.Key && t.Resource == u.Resource &&
		t.Fixed == u.Fixed && t.Length == u.Length &&
		slices.Equal(t.Fields, u.Fields) && slices.Equal(t.Cases, u.Cases) && slices.Equal(t.Labels, u.Labels)
}

func (t *Type) hash(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, [...]any{t.Kind, t.Elem, t.Key, t.Resource, t.Fixed, t.Length})
	for _, f := range t.Fields {
		maphash.WriteComparable(&h, f)
	}
	for _, c := range t.Cases {
		maphash.WriteComparable(&h, c)
	}
	for _, l := range t.Labels {
		maphash.WriteComparable(&h, l)
	}
	return h.Sum64()
}

func alignTo(n uint64, align uint32) uint64 { return (n + uint64(align) - 1) &^ (uint64(align) - 1) }

func flatSum(n uint64) uint32 { return uint32(min(n, MaxFlat+1)) }
