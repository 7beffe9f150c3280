package compose

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
)

// group is the imports of several parts that become one import of the result.
type group struct {
	name    binary.Name // of the newest version
	members []member
	state   groupState
	index   uint32 // in the result
}

type member struct {
	of        *part
	imp       *binary.Import
	typesOnly bool // only the types that the instance exports
}

type groupState uint8

const (
	waiting groupState = iota
	declaring
	declared
)

// declareImports adds the imports of the result.
func (j *joiner) declareImports() error {
	for _, p := range j.parts {
		for _, i := range p.imports {
			if p.plugged[i] != nil {
				continue
			}
			g, err := j.join(member{of: p, imp: i})
			if err != nil {
				return err
			}
			p.groups[i] = g
		}
	}
	for _, g := range j.order {
		if err := j.declare(g); err != nil {
			return err
		}
	}
	return nil
}

// join adds an import to the group of its name.
func (j *joiner) join(m member) (*group, error) {
	key := compatibleKey(m.imp.Name.Text)
	g := j.groups[key]
	if g == nil {
		g = &group{name: m.imp.Name}
		j.groups[key] = g
		j.order = append(j.order, g)
	}
	if len(g.members) > 0 {
		if first := g.members[0]; first.imp.Desc.Kind != m.imp.Desc.Kind {
			return nil, fmt.Errorf("%s and %s import different things as %s", first.of.Name, m.of.Name, m.imp.Name.Text)
		}
		if isNewer(m.imp.Name.Text, g.name.Text) {
			g.name = m.imp.Name
		}
	}
	g.members = append(g.members, m)
	return g, nil
}

// isNewer reports whether a name of an interface has a newer version than another one.
func isNewer(name, than string) bool {
	a, err1 := names.Parse(name)
	b, err2 := names.Parse(than)
	return err1 == nil && err2 == nil && names.Newer(a.Version, b.Version)
}

// importIndex returns the index in the result of an import that the type of another one refers to.
func (j *joiner) importIndex(p *part, i *binary.Import) (uint32, error) {
	if plug := p.plugged[i]; plug != nil && plug.index != nil {
		return *plug.index, nil
	}
	g := p.groups[i]
	if g == nil { // plugged, and the result needs its types all the same
		var err error
		if g, err = j.join(member{of: p, imp: i, typesOnly: true}); err != nil {
			return 0, err
		}
		p.groups[i] = g
	}
	return g.index, j.declare(g)
}

// declare adds the import that a group has become, unless it is there.
func (j *joiner) declare(g *group) error {
	switch g.state {
	case declaring:
		return fmt.Errorf("the types of %s need each other", g.name.Text)
	case declared:
		return nil
	}
	g.state = declaring
	desc, err := j.typeOf(g)
	if err != nil {
		return err
	}
	g.index = j.to.add(&binary.Import{Name: g.name, Desc: desc})
	g.state = declared
	return nil
}

// typeOf adds the type of a group's import.
func (j *joiner) typeOf(g *group) (binary.ExternDesc, error) {
	first := g.members[0]
	if first.imp.Desc.Kind != binary.InstanceExtern || len(g.members) == 1 && !first.typesOnly {
		desc, err := first.of.scope.externDesc(first.imp.Desc)
		return desc, first.locate(err)
	}
	merged := newMerger()
	for _, m := range g.members {
		if err := merged.add(m); err != nil {
			return binary.ExternDesc{}, m.locate(err)
		}
	}
	index := j.to.add(&binary.Type{Def: &binary.InstanceType{Decls: merged.to.defs}})
	return binary.ExternDesc{Kind: binary.InstanceExtern, Index: index}, nil
}

// locate says of which import an error is. That of an import behind others is about the first one of these.
func (m member) locate(err error) error {
	if err == nil || m.typesOnly {
		return err
	}
	return fmt.Errorf("the import %s of %s cannot be one of the joined component: %w", m.imp.Name.Text, m.of.Name, err)
}

// merger writes an instance type with the exports of several.
type merger struct {
	to      target
	exports map[string]exported
}

type exported struct {
	kind  binary.ExternKind
	index uint32
}

func newMerger() *merger { return &merger{exports: map[string]exported{}} }

// add adds the exports of an instance type that are not there by their name.
func (m *merger) add(of member) error {
	def, err := of.of.scope.instanceType(of.imp.Desc.Index)
	if err != nil {
		return err
	}
	s := newScope(def.Decls, &m.to, of.of.scope)
	var next [sorts]uint32 // index in the source of the next declaration of a sort
	for _, decl := range def.Decls {
		ref := binary.Ref{Sort: sortOf(decl)}
		ref.Index, next[ref.Sort] = next[ref.Sort], next[ref.Sort]+1
		e, ok := decl.(*binary.ExportDecl)
		if !ok || of.typesOnly && e.Desc.Kind != binary.TypeExtern {
			continue
		}
		if of.typesOnly && e.Desc.Bound == binary.SubResource {
			return fmt.Errorf("it needs the resource %s of %s, which is plugged: plug it, too", e.Name.Text, of.imp.Name.Text)
		}
		there, ok := m.exports[e.Name.Text]
		if !ok {
			desc, err := s.externDesc(e.Desc)
			if err != nil {
				return err
			}
			there = exported{desc.Kind, m.to.add(&binary.ExportDecl{Name: e.Name, Desc: desc})}
			m.exports[e.Name.Text] = there
		}
		if there.kind != e.Desc.Kind {
			return fmt.Errorf("what it exports as %s is something else in another part", e.Name.Text)
		}
		s.copied[ref] = there.index
	}
	return nil
}

// instanceType returns the instance type of an index in a component.
func (s *scope) instanceType(index uint32) (*binary.InstanceType, error) {
	for range s.spaces[binary.TypeSort] {
		if int(index) >= len(s.spaces[binary.TypeSort]) {
			break
		}
		switch def := s.spaces[binary.TypeSort][index].(type) {
		case *binary.Type:
			if t, ok := def.Def.(*binary.InstanceType); ok {
				return t, nil
			}
			return nil, errors.New("its type is not that of an instance")
		case *binary.Export:
			index = def.Index
		case *binary.Alias:
			if def.Kind != binary.OuterAlias || def.Count != 0 {
				return nil, errOwnType
			}
			index = def.Index
		default:
			return nil, errOwnType
		}
	}
	return nil, errors.New("an index of its type is out of bounds")
}
