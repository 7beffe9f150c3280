package wave

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Parse returns the value of a type that a text means. An error is an *Error.
func Parse(t *types.Type, text string) (value.Value, error) {
	p, err := newParser(text)
	if err != nil {
		return value.Value{}, err
	}
	v, err := p.value(t)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return value.Value{}, err
	}
	return v, nil
}

// spareValues is how many values there may be that a text does not write: options that records leave out.
const spareValues = 1 << 20

type parser struct {
	scanner
	left  int    // values that there may still be
	open  Opener // nil: streams and futures cannot be written
	names map[*types.Type]map[string]int
}

func newParser(text string) (*parser, error) {
	p := &parser{scanner: scanner{text: text}, left: len(text) + spareValues, names: map[*types.Type]map[string]int{}}
	if !utf8.ValidString(text) {
		return nil, p.errorf(0, "the text is not valid UTF-8")
	}
	return p, nil
}

// value reads a value of a type.
func (p *parser) value(t *types.Type) (value.Value, error) {
	if err := p.misplaced(t); err != nil {
		return value.Value{}, err
	}
	switch t.Kind {
	case types.Bool:
		return p.bool()
	case types.S8, types.S16, types.S32, types.S64, types.U8, types.U16, types.U32, types.U64:
		return p.integer(t)
	case types.F32, types.F64:
		return p.float(t)
	case types.Char, types.String:
		return p.quoted(t)
	case types.List:
		return p.list(t)
	case types.Tuple:
		return p.tuple(t)
	case types.Record:
		return p.record(t)
	case types.Variant, types.Enum:
		return p.variant(t)
	case types.Option, types.Result:
		return p.optional(t)
	case types.Flags:
		return p.flags(t)
	case types.Map:
		return p.mapping(t)
	case types.Stream, types.Future:
		return p.channel(t)
	case types.Own:
		return p.connection()
	default:
		p.rest()
		return value.Value{}, p.errorf(p.pos, "%s cannot be written", article(t.Kind))
	}
}

func (p *parser) bool() (v value.Value, err error) {
	switch w, ok := p.peekWord(); {
	case ok && w.is("true"):
		v.Bits = 1
	case ok && w.is("false"):
	default:
		return v, p.unexpected("true or false")
	}
	p.word()
	return v, nil
}

// bitsOf returns the size of an integer.
func bitsOf(k types.Kind) int {
	switch k {
	case types.S8, types.U8:
		return 8
	case types.S16, types.U16:
		return 16
	case types.S32, types.U32:
		return 32
	default:
		return 64
	}
}

func (p *parser) integer(t *types.Type) (v value.Value, err error) {
	p.rest()
	begin := p.pos
	text := p.number()
	if text == "" {
		return v, p.unexpected(article(t.Kind))
	}
	switch t.Kind {
	case types.S8, types.S16, types.S32, types.S64:
		var n int64
		n, err = strconv.ParseInt(text, 10, bitsOf(t.Kind))
		v.Bits = uint64(n)
	default:
		v.Bits, err = strconv.ParseUint(text, 10, bitsOf(t.Kind))
	}
	if err != nil {
		return value.Value{}, p.errorf(begin, "%s is not %s", short(text), article(t.Kind))
	}
	return v, nil
}

func (p *parser) float(t *types.Type) (v value.Value, err error) {
	f, err := p.floating(t)
	if err != nil {
		return v, err
	}
	switch {
	case math.IsNaN(f) && t.Kind == types.F32:
		v.Bits = 0x7fc00000
	case math.IsNaN(f):
		v.Bits = 0x7ff8000000000000
	case t.Kind == types.F32:
		v.Bits = uint64(math.Float32bits(float32(f)))
	default:
		v.Bits = math.Float64bits(f)
	}
	return v, nil
}

// floating reads a number, as the nearest one that the type has, which may be an infinity.
func (p *parser) floating(t *types.Type) (float64, error) {
	if text := p.number(); text != "" {
		f, _ := strconv.ParseFloat(text, bitsOfFloat(t.Kind)) // the only error is that it is too large
		return f, nil
	}
	sign := 1.0
	if strings.HasPrefix(p.rest(), "-inf") {
		sign = -1
		p.pos++
	}
	switch w, ok := p.peekWord(); {
	case ok && w.is("inf"):
		p.word()
		return math.Inf(int(sign)), nil
	case ok && w.is("nan") && sign > 0:
		p.word()
		return math.NaN(), nil
	}
	return 0, p.unexpected(article(t.Kind))
}

func bitsOfFloat(k types.Kind) int {
	if k == types.F32 {
		return 32
	}
	return 64
}

func (p *parser) quoted(t *types.Type) (v value.Value, err error) {
	switch {
	case t.Kind == types.Char && p.peek() == '\'':
		var r rune
		r, err = p.char()
		v.Bits = uint64(r)
	case t.Kind == types.String && p.peek() == '"':
		v.Bytes, err = p.str()
	case t.Kind == types.Char:
		err = p.unexpected("a char in single quotes")
	default:
		err = p.unexpected("a string in double quotes")
	}
	return v, err
}

// sequence reads what is between two signs, separated by commas, of which one may follow the last.
func (p *parser) sequence(open, end byte, what string, item func(i int) error) error {
	if !p.accept(open) {
		return p.unexpected(what)
	}
	for i := 0; !p.accept(end); i++ {
		if i > 0 {
			if !p.accept(',') {
				return p.unexpected(strconv.QuoteRune(rune(end)) + " or ','")
			}
			if p.accept(end) {
				return nil
			}
		}
		if err := item(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) list(t *types.Type) (v value.Value, err error) {
	p.rest()
	begin := p.pos
	n := 0
	err = p.sequence('[', ']', "a list in brackets", func(i int) error {
		item, err := p.value(t.Elem)
		if err != nil {
			return inItem(i, err)
		}
		if n++; t.Elem.Kind == types.U8 {
			v.Bytes = append(v.Bytes, byte(item.Bits))
		} else {
			v.Items = append(v.Items, item)
		}
		return nil
	})
	if err == nil && t.Fixed && n != int(t.Length) {
		err = p.errorf(begin, "a list of %d elements, which are to be %d", n, t.Length)
	}
	return v, err
}

func (p *parser) tuple(t *types.Type) (v value.Value, err error) {
	p.rest()
	begin := p.pos
	err = p.sequence('(', ')', "a tuple in parentheses", func(i int) error {
		if i == len(t.Fields) {
			return p.errorf(p.pos, "a tuple of more than %d elements", len(t.Fields))
		}
		item, err := p.value(t.Fields[i].Type)
		v.Items = append(v.Items, item)
		return inItem(i, err)
	})
	if err == nil && len(v.Items) != len(t.Fields) {
		err = p.errorf(begin, "a tuple of %d elements, which are to be %d", len(v.Items), len(t.Fields))
	}
	return v, err
}
