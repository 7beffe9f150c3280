package wave

import (
	"strings"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Source says what a stream or future that is written in a call is made from.
type Source struct {
	Stdin bool          // the standard input
	File  string        // if not empty, what was written after @: the path of a file, or another name
	Items []value.Value // otherwise: the items of a stream; the one value of a future
}

// Opener makes a stream or future of a type from a source. It returns the value that stands for it.
type Opener func(t *types.Type, from Source) (value.Value, error)

// channel reads a stream or future: what it is made from.
func (p *parser) channel(t *types.Type) (v value.Value, err error) {
	p.rest()
	begin := p.pos
	if p.open == nil {
		return v, p.errorf(begin, "%s cannot be written", article(t.Kind))
	}
	var from Source
	if t.Kind == types.Future {
		item, err := p.value(t.Item())
		if err != nil {
			return v, err
		}
		from.Items = []value.Value{item}
	} else if from, err = p.source(t); err != nil {
		return v, err
	}
	if v, err = p.open(t, from); err != nil {
		return v, p.errorf(begin, "%v", err)
	}
	return v, nil
}

// source reads what a stream is made from.
func (p *parser) source(t *types.Type) (from Source, err error) {
	switch {
	case p.startsSource() && p.accept('-'):
		from.Stdin = true
	case p.accept('@'):
		from.File, err = p.path("the path of a file")
	default:
		err = p.sequence('[', ']', "a stream: - for the standard input, @FILE, or a list of its items", func(i int) error {
			item, err := p.value(t.Item())
			from.Items = append(from.Items, item)
			return inItem(i, err)
		})
	}
	return from, err
}

// connection reads the name of an open connection.
func (p *parser) connection() (v value.Value, err error) {
	if !p.accept('@') {
		return v, p.unexpected("a connection: @NAME, of a connection that is granted under the name")
	}
	name, err := p.path("the name of a connection")
	return value.Value{Bytes: []byte(name)}, err
}

// pathEnds are the characters that end a path which is not in quotes.
const pathEnds = " \t\r\n,()[]{}\""

// path reads the path of a file, or what else it is: up to what can follow an argument, or a string.
func (p *parser) path(what string) (string, error) {
	rest := p.text[p.pos:]
	if strings.HasPrefix(rest, `"`) {
		path, err := p.str()
		return string(path), err
	}
	n := strings.IndexAny(rest, pathEnds)
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		return "", p.errorf(p.pos, "@ is followed by %s, in quotes if it has spaces or brackets", what)
	}
	p.pos += n
	return rest[:n], nil
}

// startsSource reports whether what comes next is the standard input or a file.
func (p *parser) startsSource() bool {
	rest := p.rest()
	after, dash := strings.CutPrefix(rest, "-")
	return strings.HasPrefix(rest, "@") || dash && (after == "" || strings.ContainsAny(after[:1], pathEnds))
}

// misplaced returns an error if a value of the type cannot be what comes next, since that is what a stream is made from.
func (p *parser) misplaced(t *types.Type) error {
	switch t.Kind {
	case types.Stream, types.Future, types.Own, types.Option, types.Result: // the last three may have a stream in them
		return nil
	}
	if !p.startsSource() {
		return nil
	}
	if p.peek() == '@' {
		return p.errorf(p.pos, "@NAME can only be given for a stream (a file, or an open connection) or a tcp-socket (an open connection), and this is %s", article(t.Kind))
	}
	return p.errorf(p.pos, "the standard input can only be given for a stream, and this is %s", article(t.Kind))
}
