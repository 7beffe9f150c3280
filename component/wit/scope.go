package wit

import (
	"fmt"

	"github.com/reactord/reactord/component/types"
)

// Scope holds interfaces that use each other's types.
type Scope struct {
	table      *types.Table
	interfaces map[string]*Interface
}

// NewScope makes an empty Scope with types of a table.
func NewScope(table *types.Table) *Scope {
	return &Scope{table: table, interfaces: map[string]*Interface{}}
}

// Interface holds the types of an interface by their names, those that it uses of others included.
type Interface struct {
	Types     map[string]*types.Type
	Resources map[string]*types.Resource
	table     *types.Table
}

// Define reads the body of an interface, which may use the types of those defined before. The name is that by which others
// use it, such as "wasi:io/poll". The error is an *Error, or one of types.Table.
func (s *Scope) Define(name, text string) (*Interface, error) {
	i := &Interface{Types: map[string]*types.Type{}, Resources: map[string]*types.Resource{}, table: s.table}
	p := &parser{lex: lexer{text, 1}, scope: s, in: i, name: name}
	if err := p.advance(); err != nil {
		return nil, err
	}
	for p.tok.text != "" {
		if err := p.item(); err != nil {
			return nil, err
		}
	}
	s.interfaces[name] = i
	return i, nil
}

// Func reads the type of a function.
func (i *Interface) Func(text string) (*types.Func, error) {
	p := &parser{lex: lexer{text, 1}, in: i}
	if err := p.advance(); err != nil {
		return nil, err
	}
	f, err := p.function()
	if err != nil {
		return nil, err
	}
	if p.tok.text != "" {
		return nil, p.unexpected("the end")
	}
	return f, nil
}

// define binds a name to a type.
func (p *parser) define(name string, t *types.Type) error {
	if p.in.Types[name] != nil || p.in.Resources[name] != nil {
		return p.fault("%q is defined twice", name)
	}
	p.in.Types[name] = t
	return nil
}

// defineResource binds a name to a resource type.
func (p *parser) defineResource(name string, r *types.Resource) error {
	if p.in.Types[name] != nil || p.in.Resources[name] != nil {
		return p.fault("%q is defined twice", name)
	}
	p.in.Resources[name] = r
	return nil
}

func (p *parser) fault(format string, a ...any) error {
	return &Error{p.tok.line, fmt.Sprintf(format, a...)}
}
