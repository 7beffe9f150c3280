package compose

import (
	"fmt"
	"slices"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// Part is a component that is to be joined with others.
type Part struct {
	Name   string // for messages
	Binary []byte
}

// Plug is a component that gives another one what it imports.
type Plug struct {
	Part
	// Import is the import of the socket that the plug is for, or empty: then it is for each that it has an export for.
	Import string
}

// Options say which components are accepted.
type Options struct {
	Limits   binary.Limits
	Features types.Features
}

// Join returns a component that is the socket with its plugs: it has the exports of the socket, and imports what the parts
// import and no plug exports. An export is for an import of the same name, or of the same interface in a compatible
// version, and has to have its type. Of several exports for one import that of the first plug is taken.
//
// Plugs of the same bytes are one instance. A plug that is for no import is an error, and so are parts and a result that
// are not valid components.
func Join(socket Part, plugs []Plug, options Options) ([]byte, error) {
	j := &joiner{options: options, groups: map[string]*group{}}
	var err error
	if j.socket, err = j.part(socket); err != nil {
		return nil, err
	}
	for _, p := range plugs {
		if err := j.plug(p); err != nil {
			return nil, err
		}
	}
	if err := j.declareImports(); err != nil {
		return nil, err
	}
	j.instantiate()
	j.export()
	joined := binary.Encode(&binary.Component{Definitions: j.to.defs})
	return joined, j.check(joined)
}

// joiner writes the component that holds the parts.
type joiner struct {
	options Options
	to      target
	socket  *part
	plugs   []*part
	groups  map[string]*group
	order   []*group
}

// parts returns the parts, the socket last.
func (j *joiner) parts() []*part { return append(slices.Clone(j.plugs), j.socket) }

// plugged is an import that a plug is for.
type plugged struct {
	by     *part
	export *binary.Export
	index  *uint32 // in the result, once it is there
}

// plug finds what a plug is for.
func (j *joiner) plug(p Plug) error {
	by, err := j.plugPart(p.Part)
	if err != nil {
		return err
	}
	used, taken := false, ""
	for _, i := range j.socket.imports {
		if p.Import != "" && p.Import != i.Name.Text {
			continue
		}
		export := by.exportFor(i)
		if export == nil {
			continue
		}
		if j.socket.plugged[i] == nil {
			j.socket.plugged[i] = &plugged{by: by, export: export}
		}
		if other := j.socket.plugged[i].by; other != by {
			taken = fmt.Sprintf("%s gives %s already", other.Name, i.Name.Text)
		} else {
			used = true
		}
	}
	switch {
	case used:
		return nil
	case taken != "":
		return fmt.Errorf("%s is of no use: %s", p.Name, taken)
	case p.Import == "":
		return fmt.Errorf("%s exports nothing that %s imports: it exports %s; %s imports %s",
			p.Name, j.socket.Name, list(by.exportNames()), j.socket.Name, list(j.socket.importNames()))
	case !slices.Contains(j.socket.importNames(), p.Import):
		return fmt.Errorf("%s does not import %s; it imports %s", j.socket.Name, p.Import, list(j.socket.importNames()))
	}
	return fmt.Errorf("%s does not export %s; it exports %s", p.Name, p.Import, list(by.exportNames()))
}

// plugPart returns the part of a plug, the same one for the same bytes.
func (j *joiner) plugPart(p Part) (*part, error) {
	for _, other := range j.plugs {
		if string(other.Binary) == string(p.Binary) {
			return other, nil
		}
	}
	d, err := j.part(p)
	if err == nil {
		j.plugs = append(j.plugs, d)
	}
	return d, err
}

// instantiate adds the components and their instances, that of the socket last.
func (j *joiner) instantiate() {
	for _, p := range j.parts() {
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
		p.instance = j.to.add(&binary.Instance{Component: component, Args: args})
	}
}

// alias adds an alias of what the instance of a part exports.
func (j *joiner) alias(p *part, e *binary.Export) uint32 {
	return j.to.add(&binary.Alias{Kind: binary.ExportAlias, Sort: e.Sort, Instance: p.instance, Name: e.Name.Text})
}
