package wit

import (
	"github.com/reactord/reactord/component/types"
)

// parser reads one text by recursive descent.
type parser struct {
	lex   lexer
	tok   token // the next one
	scope *Scope
	in    *Interface
	name  string // of the interface
	depth int
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) unexpected(want string) error { return p.fault("expected %s, found %v", want, p.tok) }

// accept takes the next token if it is text.
func (p *parser) accept(text string) (bool, error) {
	if !p.tok.is(text) {
		return false, nil
	}
	return true, p.advance()
}

// expect takes the next token, which has to be text.
func (p *parser) expect(text string) error {
	if !p.tok.is(text) {
		return p.unexpected(`"` + text + `"`)
	}
	return p.advance()
}

// word takes a name.
func (p *parser) word() (string, error) {
	if !p.tok.word {
		return "", p.unexpected("a name")
	}
	name := p.tok.name()
	return name, p.advance()
}

// list reads items between brackets, separated by commas; a comma may follow the last one.
func (p *parser) list(open, end string, item func() error) error {
	if err := p.expect(open); err != nil {
		return err
	}
	for {
		if ended, err := p.accept(end); ended || err != nil {
			return err
		}
		if err := item(); err != nil {
			return err
		}
		more, err := p.accept(",")
		if err != nil {
			return err
		}
		if !more {
			return p.expect(end)
		}
	}
}

// item reads one definition of an interface.
func (p *parser) item() error {
	keyword := p.tok
	if err := p.advance(); err != nil {
		return err
	}
	if keyword.is("use") {
		return p.use()
	}
	name, err := p.word()
	if err != nil {
		return err
	}
	var t *types.Type
	switch keyword.text {
	case "resource":
		if err := p.defineResource(name, &types.Resource{Name: p.name + "#" + name}); err != nil {
			return err
		}
		return p.expect(";")
	case "type":
		if err := p.expect("="); err != nil {
			return err
		}
		if r := p.in.Resources[p.tok.name()]; r != nil && p.tok.word { // another name for it
			if err := p.defineResource(name, r); err != nil {
				return err
			}
			if err := p.advance(); err != nil {
				return err
			}
			return p.expect(";")
		}
		if t, err = p.typ(); err == nil {
			err = p.expect(";")
		}
	case "record":
		t, err = p.record()
	case "variant":
		t, err = p.variant()
	case "enum":
		t, err = labels(p, p.in.table.Enum)
	case "flags":
		t, err = labels(p, p.in.table.Flags)
	default:
		return &Error{keyword.line, "expected a definition, found " + keyword.String()}
	}
	if err != nil {
		return err
	}
	return p.define(name, t)
}

// use reads what follows the keyword: the types of another interface.
func (p *parser) use() error {
	from, err := p.path()
	if err != nil {
		return err
	}
	i := p.scope.interfaces[from]
	if i == nil {
		return p.fault("there is no interface %q", from)
	}
	if err := p.expect("."); err != nil {
		return err
	}
	if err := p.list("{", "}", func() error { return p.useOf(i, from) }); err != nil {
		return err
	}
	return p.expect(";")
}

// useOf reads one name that is used of an interface, and perhaps the name that it has here.
func (p *parser) useOf(i *Interface, from string) error {
	name, err := p.word()
	if err != nil {
		return err
	}
	as := name
	if renamed, err := p.accept("as"); err != nil {
		return err
	} else if renamed {
		if as, err = p.word(); err != nil {
			return err
		}
	}
	if r := i.Resources[name]; r != nil {
		return p.defineResource(as, r)
	}
	t := i.Types[name]
	if t == nil {
		return p.fault("%q has no type %q", from, name)
	}
	return p.define(as, t)
}

// path reads the name of an interface: namespace:package/name.
func (p *parser) path() (string, error) {
	path, err := p.word()
	for _, separator := range [...]string{":", "/"} {
		if err == nil {
			err = p.expect(separator)
		}
		if err != nil {
			return "", err
		}
		var part string
		part, err = p.word()
		path += separator + part
	}
	return path, err
}

func (p *parser) record() (*types.Type, error) {
	var fields []types.Field
	if err := p.list("{", "}", func() error { return p.field(&fields) }); err != nil {
		return nil, err
	}
	return p.in.table.Record(fields)
}

// field reads a name and its type.
func (p *parser) field(fields *[]types.Field) error {
	name, err := p.word()
	if err != nil {
		return err
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	t, err := p.typ()
	*fields = append(*fields, types.Field{Name: name, Type: t})
	return err
}

func (p *parser) variant() (*types.Type, error) {
	var cases []types.Case
	err := p.list("{", "}", func() error {
		name, err := p.word()
		if err != nil {
			return err
		}
		c := types.Case{Name: name}
		if payload, err := p.accept("("); err != nil {
			return err
		} else if payload {
			if c.Type, err = p.typ(); err != nil {
				return err
			}
			if err := p.expect(")"); err != nil {
				return err
			}
		}
		cases = append(cases, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.in.table.Variant(cases)
}

// labels reads the labels of an enum or of flags.
func labels(p *parser, build func([]string) (*types.Type, error)) (*types.Type, error) {
	var labels []string
	err := p.list("{", "}", func() error {
		label, err := p.word()
		labels = append(labels, label)
		return err
	})
	if err != nil {
		return nil, err
	}
	return build(labels)
}

// function reads the type of a function.
func (p *parser) function() (*types.Func, error) {
	f := &types.Func{}
	var err error
	if f.Async, err = p.accept("async"); err != nil {
		return nil, err
	}
	if err := p.expect("func"); err != nil {
		return nil, err
	}
	if err := p.list("(", ")", func() error { return p.field(&f.Params) }); err != nil {
		return nil, err
	}
	if result, err := p.accept("->"); err != nil || !result {
		return f, err
	}
	f.Result, err = p.typ()
	return f, err
}
