package types

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

func (s *scope) importDefinition(name binary.Name, desc binary.ExternDesc) error {
	if s.kind == instanceTypeScope {
		return errors.New("the type of an instance has no imports")
	}
	e, err := s.extern(desc, name.Text)
	if err != nil {
		return err
	}
	e.Name = name
	return s.enter(&s.imports, e)
}

func (s *scope) exportDecl(d *binary.ExportDecl) error {
	e, err := s.extern(d.Desc, d.Name.Text)
	if err != nil {
		return err
	}
	e.Name = d.Name
	return s.enter(&s.exports, e)
}

// export exports a definition, as what it is or as the supertype that is ascribed to it.
func (s *scope) export(d *binary.Export) error {
	e, err := s.externAt(d.Ref)
	if err != nil {
		return err
	}
	if e.Kind == binary.TypeExtern {
		if e.Type, err = s.renamed(e.Type); err != nil {
			return err
		}
	}
	if d.Desc != nil {
		ascribed, err := s.extern(*d.Desc, d.Name.Text)
		if err != nil {
			return err
		}
		if err := s.subtype(e, ascribed); err != nil {
			return fmt.Errorf("what is exported as %s does not have the type that is given: %w", quote(d.Name.Text), err)
		}
		e = ascribed
	}
	e.Name = d.Name
	return s.enter(&s.exports, e)
}

// enter adds an import or export to the scope.
func (s *scope) enter(side *side, e Extern) error {
	imported := side.imports
	switch t := e.Type.(type) {
	case *Instance:
		if e.Kind != binary.InstanceExtern {
			break
		}
		i, resources, err := s.freshInstance(t)
		if err != nil {
			return err
		}
		e.Type = i
		if imported {
			s.imported = append(s.imported, resources...)
			break
		}
		s.defined = append(s.defined, resources...)
		if err := s.explore(i); err != nil {
			return err
		}
	case *Def:
		switch fresh := t.Alias == nil; {
		case t.Resource == nil:
		case imported && fresh:
			s.imported = append(s.imported, t.Resource)
		case !imported:
			if fresh {
				s.defined = append(s.defined, t.Resource)
			}
			s.explicit[t.Resource] = true
		}
	}
	s.add(e)
	if err := s.name(side, e); err != nil {
		return err
	}
	return side.append(e, s.features)
}

// freshInstance returns the type of an instance of a type: the resource types that the type brings in are new ones.
func (s *scope) freshInstance(i *Instance) (*Instance, []*Resource, error) {
	if len(i.defined) == 0 {
		return i, nil, nil
	}
	sub := newSubstitution(s.checker)
	resources, err := sub.fresh(i.defined)
	if err != nil {
		return nil, nil, err
	}
	exports, err := sub.externs(i.Exports)
	if err != nil {
		return nil, nil, err
	}
	return i.with(exports, nil), resources, nil
}

// explore notes the resource types that an exported instance exports.
func (s *scope) explore(i *Instance) error {
	if s.explored[i] {
		return nil
	}
	s.explored[i] = true
	if err := s.charge(1 + len(i.Exports)); err != nil {
		return err
	}
	for _, e := range i.Exports {
		switch t := e.Type.(type) {
		case *Instance:
			if e.Kind != binary.InstanceExtern {
				continue
			}
			if err := s.explore(t); err != nil {
				return err
			}
		case *Def:
			if t.Resource != nil {
				s.explicit[t.Resource] = true
			}
		}
	}
	return nil
}

// finish returns the type of the component, or of the component that has the type, after its last definition.
func (s *scope) finish() (*Component, error) {
	c := &Component{
		Imports: s.imports.externs, Exports: s.exports.externs,
		importIndex: s.imports.index, exportIndex: s.exports.index,
		imported: s.imported,
	}
	free, err := s.freeIn(c.Imports)
	if err != nil {
		return nil, err
	}
	for _, r := range s.defined {
		if free[r] {
			return nil, errors.New("an import refers to a resource type that the component defines")
		}
	}
	if free, err = s.freeIn(c.Exports); err != nil {
		return nil, err
	}
	for _, r := range s.defined {
		if !free[r] {
			continue
		}
		if !s.explicit[r] {
			return nil, errors.New("an export refers to a resource type of the component that is not exported itself")
		}
		c.defined = append(c.defined, r)
	}
	c.extent = extentOf(c.Imports, c.Exports)
	return c, c.check()
}

// finishInstance returns the instance type after its last declaration.
func (s *scope) finishInstance() (*Instance, error) {
	i := &Instance{Exports: s.exports.externs, index: s.exports.index, defined: s.defined, extent: extentOf(s.exports.externs)}
	return i, i.check()
}
