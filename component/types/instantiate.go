package types

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

func (s *scope) instance(d *binary.Instance) error {
	var (
		i   *Instance
		err error
	)
	if d.Inline {
		i, err = s.bundle(d.Exports)
	} else {
		i, err = s.instantiate(d.Component, d.Args)
	}
	if err != nil {
		return err
	}
	s.instances = append(s.instances, i)
	return nil
}

// bundle returns the type of an instance that has definitions as its exports.
func (s *scope) bundle(exports []binary.InlineExport) (*Instance, error) {
	side := newSide(false)
	for _, x := range exports {
		e, err := s.externAt(x.Ref)
		if err != nil {
			return nil, err
		}
		e.Name = x.Name
		if err := side.append(e, s.features); err != nil {
			return nil, err
		}
	}
	i := &Instance{Exports: side.externs, index: side.index, extent: extentOf(side.externs)}
	return i, i.check()
}

// instantiate returns the type of an instance of a component: what the component imports is replaced by the arguments,
// and the resource types that it defines are new ones.
func (s *scope) instantiate(component uint32, args []binary.Arg) (*Instance, error) {
	c, err := at(s.components, "component", component)
	if err != nil {
		return nil, err
	}
	given := make(map[string]Extern, len(args))
	for _, arg := range args {
		if _, ok := given[arg.Name]; ok {
			return nil, fmt.Errorf("argument %s is given twice", quote(arg.Name))
		}
		if given[arg.Name], err = s.externAt(arg.Ref); err != nil {
			return nil, err
		}
	}
	sub, err := s.satisfy(func(name string) (Extern, bool) { e, ok := given[name]; return e, ok }, c.Imports, c.imported)
	if err != nil {
		return nil, fmt.Errorf("component %d cannot be instantiated with these arguments: %w", component, err)
	}
	resources, err := sub.fresh(c.defined)
	if err != nil {
		return nil, err
	}
	exports, err := sub.externs(c.Exports)
	if err != nil {
		return nil, err
	}
	s.defined = append(s.defined, resources...)
	i := &Instance{Exports: exports, index: c.exportIndex, extent: extentOf(exports)}
	return i, i.check()
}
