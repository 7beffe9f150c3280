package wit

import (
	"github.com/reactord/reactord/component/types"
)

var primitives = map[string]types.Kind{
	"bool": types.Bool, "s8": types.S8, "u8": types.U8, "s16": types.S16, "u16": types.U16, "s32": types.S32, "u32": types.U32,
	"s64": types.S64, "u64": types.U64, "f32": types.F32, "f64": types.F64, "char": types.Char, "string": types.String,
	"error-context": types.ErrorContext,
}

// maxDepth bounds the nesting of a type as it is written.
const maxDepth = 100

// typ reads a type.
func (p *parser) typ() (*types.Type, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fault("a type is nested too deeply")
	}
	defer func() { p.depth-- }()
	word := p.tok
	name, err := p.word()
	if err != nil {
		return nil, err
	}
	if kind, ok := primitives[word.text]; ok {
		return p.in.table.Prim(kind), nil
	}
	switch word.text {
	case "list", "option", "stream", "future", "tuple", "map", "result":
		args, err := p.args()
		if err != nil {
			return nil, err
		}
		return p.build(word, args)
	case "own", "borrow":
		return p.handle(word.is("borrow"))
	}
	if t := p.in.Types[name]; t != nil {
		return t, nil
	}
	if r := p.in.Resources[name]; r != nil {
		return p.in.table.Own(r)
	}
	return nil, &Error{word.line, "there is no type " + word.String()}
}

// args reads the arguments of a type; nil stands for an argument that is "_".
func (p *parser) args() (args []*types.Type, err error) {
	if !p.tok.is("<") {
		return nil, nil
	}
	err = p.list("<", ">", func() error {
		var t *types.Type
		none, err := p.accept("_")
		if err == nil && !none {
			t, err = p.typ()
		}
		args = append(args, t)
		return err
	})
	return args, err
}

// build makes a type of its arguments.
func (p *parser) build(word token, args []*types.Type) (*types.Type, error) {
	t := p.in.table
	least, most := 1, 1
	switch word.text {
	case "tuple":
		most = len(args)
	case "map":
		least, most = 2, 2
	case "result":
		least, most = 0, 2
	case "stream", "future":
		least = 0
	}
	if len(args) < least || len(args) > most {
		return nil, &Error{word.line, "wrong number of arguments of " + word.String()}
	}
	for i, arg := range args {
		if arg == nil && (word.text != "result" || i > 0) {
			return nil, &Error{word.line, "an argument of " + word.String() + " is missing"}
		}
	}
	args = append(args, nil, nil)
	switch word.text {
	case "list":
		return t.List(args[0])
	case "option":
		return t.Option(args[0])
	case "stream":
		return t.Stream(args[0])
	case "future":
		return t.Future(args[0])
	case "map":
		return t.Map(args[0], args[1])
	case "result":
		return t.Result(args[0], args[1])
	default:
		return t.Tuple(args[:len(args)-2])
	}
}

// handle reads the resource type of a handle.
func (p *parser) handle(borrow bool) (*types.Type, error) {
	if err := p.expect("<"); err != nil {
		return nil, err
	}
	word := p.tok
	name, err := p.word()
	if err != nil {
		return nil, err
	}
	if err := p.expect(">"); err != nil {
		return nil, err
	}
	r := p.in.Resources[name]
	switch {
	case r == nil:
		return nil, &Error{word.line, "there is no resource " + word.String()}
	case borrow:
		return p.in.table.Borrow(r)
	default:
		return p.in.table.Own(r)
	}
}
