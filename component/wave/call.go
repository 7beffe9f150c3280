package wave

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Function returns the name of the function that a call is of: what comes before its arguments.
func Function(call string) (string, error) {
	p, err := newParser(call)
	if err != nil {
		return "", err
	}
	name, _, err := p.function()
	return name, err
}

// function reads the name of a function, and stays before its arguments.
func (p *parser) function() (name string, offset int, err error) {
	rest := p.rest()
	offset = p.pos
	n := strings.IndexByte(rest, '(')
	if n < 0 {
		n = len(rest)
	}
	name = strings.TrimSpace(rest[:n])
	switch {
	case name == "":
		return "", offset, p.unexpected("the name of a function")
	case strings.ContainsAny(name, " \t\r\n\"'{},"):
		return "", offset, p.errorf(offset, "a call is the name of a function, and its arguments in parentheses: area(1, 2)")
	case n == len(rest):
		return "", offset, p.errorf(offset+len(name), "the arguments of %s are missing: %s(...)", short(name), short(name))
	}
	p.pos += n
	return name, offset, nil
}

// ParseCall returns the arguments of a call of a function. Arguments at the end that are options may be left out. An
// error is an *Error. Streams and futures can be written if open is not nil, which is told of each.
func ParseCall(f *types.Func, call string, open Opener) ([]value.Value, error) {
	p, err := newParser(call)
	if err != nil {
		return nil, err
	}
	p.open = open
	name, offset, err := p.function()
	if err != nil {
		return nil, err
	}
	args := make([]value.Value, 0, len(f.Params))
	err = p.sequence('(', ')', "arguments", func(i int) error {
		if i == len(f.Params) {
			return p.errorf(p.pos, "%s takes %s", short(name), arguments(f))
		}
		arg, err := p.value(f.Params[i].Type)
		args = append(args, arg)
		return in(fmt.Sprintf("args[%d]", i), err)
	})
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	for _, missing := range f.Params[len(args):] {
		if missing.Type.Kind != types.Option {
			return nil, p.errorf(offset, "%s takes %s, and %s is missing", short(name), arguments(f), short(missing.Name))
		}
		args = append(args, value.Value{})
	}
	return args, nil
}

// arguments says what a function takes.
func arguments(f *types.Func) string {
	switch len(f.Params) {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	default:
		return fmt.Sprintf("%d arguments", len(f.Params))
	}
}
