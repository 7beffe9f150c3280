package compose

import (
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// Part is a component that is to be joined with others.
type Part struct {
	Name   string // for messages
	Binary []byte
}

// Plug is a component that gives others what they import.
type Plug struct {
	Part
	// Import is the import that the plug is for, with or without its version, or empty: then it is for each that it has an
	// export for.
	Import string
}

// Options say which components are accepted.
type Options struct {
	Limits   binary.Limits
	Features types.Features
}

// Join returns a component that is the socket with its plugs: it has the exports of the socket, and imports what the parts
// import and no plug exports. An export is for an import of the same name, or of the same interface in a compatible
// version, and has to have its type.
//
// A plug is for imports of the socket and of other plugs. Of several plugs for one import the first one is taken; for that
// of a plug, the first one after it, else the first one of those before it that does not need it itself. So plugs can
// stand around each other, the outermost first. Plugs of the same bytes are one instance.
//
// A plug that is for no import is an error, and so are parts and a result that are not valid components.
func Join(socket Part, plugs []Plug, options Options) ([]byte, error) {
	j := &joiner{options: options, groups: map[string]*group{}}
	if err := j.decode(socket, plugs); err != nil {
		return nil, err
	}
	j.plug()
	if err := j.checkUse(plugs); err != nil {
		return nil, err
	}
	if err := j.declareImports(); err != nil {
		return nil, err
	}
	j.instantiate(j.socket())
	j.export()
	joined := binary.Encode(&binary.Component{Definitions: j.to.defs})
	return joined, j.check(joined)
}

// joiner writes the component that holds the parts.
type joiner struct {
	options   Options
	to        target
	parts     []*part // the socket first
	instances []*part // in the order of their instances in the result
	groups    map[string]*group
	order     []*group
}

func (j *joiner) socket() *part { return j.parts[0] }

// instantiate adds a component and its instance, and before it those of the plugs that it needs.
func (j *joiner) instantiate(p *part) {
	for _, i := range p.imports {
		if plug := p.plugged[i]; plug != nil && plug.by.instance == nil {
			j.instantiate(plug.by)
		}
	}
	component := j.to.add(&binary.NestedComponent{Binary: p.Binary})
	args := make([]binary.Arg, len(p.imports))
	for i, imp := range p.imports {
		ref := binary.Ref{Sort: sortOfExtern(imp.Desc.Kind)}
		if plug := p.plugged[imp]; plug != nil {
			ref.Index = j.alias(plug.by, plug.export)
			plug.index = &ref.Index
		} else {
			ref.Index = p.groups[imp].index
		}
		args[i] = binary.Arg{Name: imp.Name.Text, Ref: ref}
	}
	p.instance = new(j.to.add(&binary.Instance{Component: component, Args: args}))
	j.instances = append(j.instances, p)
}

// alias adds an alias of what the instance of a part exports.
func (j *joiner) alias(p *part, e *binary.Export) uint32 {
	return j.to.add(&binary.Alias{Kind: binary.ExportAlias, Sort: e.Sort, Instance: *p.instance, Name: e.Name.Text})
}
