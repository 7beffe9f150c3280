package value

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/internal/clip"
)

// Fault says where a Literal does not fit its type.
type Fault struct {
	Path string // such as "args[1].points[3].x"
	Msg  string
}

func (f *Fault) Error() string { return f.Path + ": " + f.Msg }

// maxFaults is how many faults Typed returns; one of a large list is rarely alone.
const maxFaults = 16

// maxNameBytes bounds each name in a fault.
const maxNameBytes = 100

// maxLeftOut bounds the options that the records of a literal leave out, all together: a few bytes may leave out as many as
// the type has.
const maxLeftOut = 1 << 17

// Typed returns the value of a type that a literal means, and where it does not fit, which is below path. Integers and
// floats may have another form of number if the value is the same; options that a record lacks are none.
//
// A stream or future is the number of a channel, which means something to whoever has made it. Values of handles and error
// contexts can't be written.
func Typed(t *types.Type, l *Literal, path string) (Value, []Fault) {
	return TypedInPieces(t, l, path, func(int) bool { return true })
}

// Piece is about how many Values TypedInPieces makes between two calls of its function, and Bytes is what each takes.
const (
	Piece = 1024
	Bytes = int(unsafe.Sizeof(Value{}))
)

// TypedInPieces is Typed for whoever must not work for long, or counts the memory: it calls more now and then, with about
// how many more values it makes. It stops when more returns false, and what it returns then is of no use. For less than Piece
// values it does not call it.
func TypedInPieces(t *types.Type, l *Literal, path string, more func(values int) bool) (Value, []Fault) {
	c := checker{more: more, left: maxLeftOut, names: map[*types.Type]map[string]int{}}
	v := c.value(t, l, &step{text: path})
	return v, c.faults
}

// checker makes Values and collects faults.
type checker struct {
	faults  []Fault
	more    func(values int) bool
	due     int // values of which more has not been told
	stopped bool
	left    int // options that may still be left out
	names   map[*types.Type]map[string]int
}

// count counts values that are about to be made, or what takes as long and as much memory. It reports whether to go on.
func (c *checker) count(values int) bool {
	if c.due += values; c.due >= Piece && !c.stopped {
		c.stopped = !c.more(c.due)
		c.due = 0
	}
	return !c.stopped && len(c.faults) < maxFaults
}

// index returns the number of a field or case with a name, or -1.
func (c *checker) index(t *types.Type, name string) int {
	names, ok := c.names[t]
	if !ok {
		names = map[string]int{}
		for i, f := range t.Fields {
			names[f.Name] = i
			c.count(1)
		}
		for i, k := range t.Cases {
			names[k.Name] = i
			c.count(1)
		}
		c.names[t] = names
	}
	if i, ok := names[name]; ok {
		return i
	}
	return -1
}

// step is one step of a path. Paths are written only for faults.
type step struct {
	above *step
	text  string // of the first: the path
	index int    // if text is empty
}

func (s *step) String() string { return string(s.append(nil)) }

func (s *step) append(b []byte) []byte {
	switch {
	case s.above == nil:
		return append(b, clip.Text(s.text, maxNameBytes)...)
	case s.text != "":
		return append(append(s.above.append(b), '.'), clip.Text(s.text, maxNameBytes)...)
	default:
		b = strconv.AppendInt(append(s.above.append(b), '['), int64(s.index), 10)
		return append(b, ']')
	}
}

func (s *step) field(name string) *step { return &step{above: s, text: name} }
func (s *step) item(i int) *step        { return &step{above: s, index: i} }

func (c *checker) fault(at *step, format string, args ...any) Value {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, Fault{at.String(), fmt.Sprintf(format, args...)})
	}
	return Value{}
}

func (c *checker) value(t *types.Type, l *Literal, at *step) Value {
	if !c.count(1 + len(l.Text)/Bytes) {
		return Value{}
	}
	switch t.Kind {
	case types.Bool:
		if l.Form == BoolForm && l.Bits <= 1 {
			return Value{Bits: l.Bits}
		}
	case types.S8, types.S16, types.S32, types.S64, types.U8, types.U16, types.U32, types.U64:
		return c.integer(t, l, at)
	case types.F32, types.F64:
		return c.float(t, l, at)
	case types.Char:
		return c.char(l, at)
	case types.String:
		if l.Form == TextForm {
			if !utf8.ValidString(l.Text) {
				return c.fault(at, "the text is not valid UTF-8")
			}
			return Value{Bytes: []byte(l.Text)}
		}
	case types.List:
		return c.list(t, l, at)
	case types.Record:
		return c.record(t, l, at)
	case types.Tuple:
		return c.tuple(t, l, at)
	case types.Variant, types.Enum, types.Option, types.Result:
		return c.variant(t, l, at)
	case types.Flags:
		return c.flags(t, l, at)
	case types.Map:
		return c.mapping(t, l, at)
	case types.Stream, types.Future:
		switch {
		case l.Form == ChannelForm:
			return Value{Bits: l.Bits}
		case l.Form == ConnectionForm && t.OfBytes():
			return c.connection(l, at)
		}
	case types.Own:
		if l.Form == ConnectionForm {
			return c.connection(l, at)
		}
	default:
		return c.fault(at, "a value of kind %v can't be written", t.Kind)
	}
	return c.wrong(t, l, at)
}

// wrong is the fault of a literal of another form.
func (c *checker) connection(l *Literal, at *step) Value {
	if l.Text == "" {
		return c.fault(at, "a connection has a name: that of its grant")
	}
	return Value{Bytes: []byte(l.Text)}
}

func (c *checker) wrong(t *types.Type, l *Literal, at *step) Value {
	return c.fault(at, "%v is not %s", l.Form, article(t.Kind))
}

func article(k types.Kind) string {
	switch k {
	case types.S8, types.S16, types.S32, types.S64, types.F32, types.F64:
		return "an " + k.String()
	case types.Enum, types.Option:
		return "an " + k.String()
	case types.Own:
		return "a resource"
	case types.Flags:
		return "flags"
	default:
		return "a " + k.String()
	}
}

// widths are the bits of the integers.
var widths = map[types.Kind]uint{
	types.S8: 8, types.S16: 16, types.S32: 32, types.S64: 64, types.U8: 8, types.U16: 16, types.U32: 32, types.U64: 64,
}

func signed(k types.Kind) bool {
	return k == types.S8 || k == types.S16 || k == types.S32 || k == types.S64
}

func (c *checker) integer(t *types.Type, l *Literal, at *step) Value {
	text := strconv.FormatUint(l.Bits, 10)
	negative := false
	switch l.Form {
	case UintForm:
	case IntForm:
		if negative = int64(l.Bits) < 0; negative {
			text = strconv.FormatInt(int64(l.Bits), 10)
		}
	default:
		return c.wrong(t, l, at)
	}
	width := widths[t.Kind]
	var fits bool
	switch {
	case signed(t.Kind) && negative:
		fits = int64(l.Bits) >= -1<<(width-1)
	case signed(t.Kind):
		fits = l.Bits <= 1<<(width-1)-1
	default:
		fits = !negative && (width == 64 || l.Bits < 1<<width)
	}
	if !fits {
		return c.fault(at, "%s is not %s", text, article(t.Kind))
	}
	return Value{Bits: l.Bits}
}

func (c *checker) float(t *types.Type, l *Literal, at *step) Value {
	var f float64
	switch l.Form {
	case F32Form:
		f = float64(math.Float32frombits(uint32(l.Bits)))
	case F64Form:
		f = math.Float64frombits(l.Bits)
	case IntForm:
		if f = float64(int64(l.Bits)); !exact(f, new(big.Int).SetInt64(int64(l.Bits))) {
			return c.fault(at, "%d is not exactly %s", int64(l.Bits), article(t.Kind))
		}
	case UintForm:
		if f = float64(l.Bits); !exact(f, new(big.Int).SetUint64(l.Bits)) {
			return c.fault(at, "%d is not exactly %s", l.Bits, article(t.Kind))
		}
	default:
		return c.wrong(t, l, at)
	}
	if t.Kind == types.F64 {
		return Value{Bits: math.Float64bits(f)}
	}
	if single := float32(f); !math.IsNaN(f) && float64(single) != f {
		return c.fault(at, "%v is not exactly an f32", f)
	}
	return Value{Bits: uint64(math.Float32bits(float32(f)))}
}

// exact reports whether f is the integer i.
func exact(f float64, i *big.Int) bool {
	g, accuracy := new(big.Float).SetFloat64(f).Int(nil)
	return accuracy == big.Exact && g.Cmp(i) == 0
}

func (c *checker) char(l *Literal, at *step) Value {
	if l.Form != TextForm {
		return c.fault(at, "%v is not a char", l.Form)
	}
	r, size := utf8.DecodeRuneInString(l.Text)
	if size != len(l.Text) || size == 0 || r == utf8.RuneError && size == 1 {
		return c.fault(at, "a char is one character")
	}
	return Value{Bits: uint64(r)}
}

func (c *checker) list(t *types.Type, l *Literal, at *step) Value {
	if l.Form == BytesForm && t.Elem.Kind == types.U8 {
		if t.Fixed && uint64(len(l.Bytes)) != uint64(t.Length) {
			return c.fault(at, "%d bytes are not the %d of the list", len(l.Bytes), t.Length)
		}
		return Value{Bytes: l.Bytes}
	}
	if l.Form != ListForm {
		return c.wrong(t, l, at)
	}
	if t.Fixed && uint64(len(l.Items)) != uint64(t.Length) {
		return c.fault(at, "%d items are not the %d of the list", len(l.Items), t.Length)
	}
	items := c.items(l, at, func(int) *types.Type { return t.Elem })
	if t.Elem.Kind != types.U8 {
		return Value{Items: items}
	}
	bytes := make([]byte, len(items))
	for i, v := range items {
		bytes[i] = byte(v.Bits)
	}
	return Value{Bytes: bytes}
}

// items are the values of the items of l.
func (c *checker) items(l *Literal, at *step, typeOf func(i int) *types.Type) []Value {
	values := make([]Value, len(l.Items))
	for i := range l.Items {
		values[i] = c.value(typeOf(i), &l.Items[i], at.item(i))
	}
	return values
}

func (c *checker) tuple(t *types.Type, l *Literal, at *step) Value {
	if l.Form != TupleForm && l.Form != ListForm {
		return c.wrong(t, l, at)
	}
	if len(l.Items) != len(t.Fields) {
		return c.fault(at, "%d items are not the %d of the tuple", len(l.Items), len(t.Fields))
	}
	return Value{Items: c.items(l, at, func(i int) *types.Type { return t.Fields[i].Type })}
}

func (c *checker) record(t *types.Type, l *Literal, at *step) Value {
	if l.Form != RecordForm || len(l.Names) != len(l.Items) {
		return c.wrong(t, l, at)
	}
	if c.left -= max(0, len(t.Fields)-len(l.Names)); c.left < 0 {
		return c.fault(at, "the records leave out more than %d options: send them in several calls", maxLeftOut)
	}
	if !c.count(max(0, len(t.Fields)-len(l.Names))) {
		return Value{}
	}
	values, given := make([]Value, len(t.Fields)), make([]bool, len(t.Fields))
	for i, name := range l.Names {
		switch n := c.index(t, name); {
		case n < 0:
			c.fault(at.field(name), "the record has no such field")
		case given[n]:
			c.fault(at.field(name), "the field is given twice")
		default:
			given[n] = true
			values[n] = c.value(t.Fields[n].Type, &l.Items[i], at.field(name))
		}
	}
	for n, f := range t.Fields {
		if !given[n] && f.Type.Kind != types.Option {
			c.fault(at.field(f.Name), "the field is missing")
		}
	}
	return Value{Items: values}
}

func (c *checker) variant(t *types.Type, l *Literal, at *step) Value {
	if l.Form != VariantForm {
		return c.wrong(t, l, at)
	}
	n := c.index(t, l.Text)
	if n < 0 {
		return c.fault(at, "%q is not one of %s", clip.Text(l.Text, maxNameBytes), caseNames(t))
	}
	v := Value{Bits: uint64(n)}
	switch payload := t.Cases[n].Type; {
	case payload == nil && len(l.Items) > 0:
		return c.fault(at, "the case %q has no value", clip.Text(l.Text, maxNameBytes))
	case payload != nil && len(l.Items) != 1:
		return c.fault(at, "the case %q needs a value", clip.Text(l.Text, maxNameBytes))
	case payload != nil:
		v.Items = []Value{c.value(payload, &l.Items[0], at.field(l.Text))}
	}
	return v
}

// caseNames lists the cases of a type, the first ones if there are many.
func caseNames(t *types.Type) string {
	const most = 16
	var text string
	for i, k := range t.Cases[:min(len(t.Cases), most)] {
		if i > 0 {
			text += ", "
		}
		text += clip.Text(k.Name, maxNameBytes)
	}
	if len(t.Cases) > most {
		text += fmt.Sprintf(" and %d more", len(t.Cases)-most)
	}
	return text
}

func (c *checker) flags(t *types.Type, l *Literal, at *step) Value {
	if l.Form != FlagsForm {
		return c.wrong(t, l, at)
	}
	if len(l.Names) > types.MaxLabels {
		return c.fault(at, "%d labels are more than flags can have", len(l.Names))
	}
	var v Value
	for _, name := range l.Names {
		n := slices.Index(t.Labels, name)
		if n < 0 {
			c.fault(at, "%q is not one of the flags", clip.Text(name, maxNameBytes))
			continue
		}
		v.Bits |= 1 << n
	}
	return v
}

func (c *checker) mapping(t *types.Type, l *Literal, at *step) Value {
	if l.Form != MapForm || len(l.Items)%2 != 0 {
		return c.wrong(t, l, at)
	}
	values := make([]Value, len(l.Items))
	for i := range l.Items {
		typ := t.Key
		if i%2 == 1 {
			typ = t.Elem
		}
		values[i] = c.value(typ, &l.Items[i], at.item(i/2))
	}
	return Value{Items: values}
}
