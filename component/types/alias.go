package types

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

func (s *scope) alias(d *binary.Alias) error {
	if s.kind != componentScope && !inType(d) {
		return errors.New("a type has aliases of types, and of exported instances, only")
	}
	switch d.Kind {
	case binary.ExportAlias:
		return s.aliasExport(d)
	case binary.CoreExportAlias:
		return s.aliasCoreExport(d)
	default:
		return s.aliasOuter(d)
	}
}

// inType reports whether a component's or instance's type can have the alias.
func inType(d *binary.Alias) bool {
	switch d.Kind {
	case binary.ExportAlias:
		return d.Sort == binary.TypeSort || d.Sort == binary.InstanceSort
	case binary.OuterAlias:
		return d.Sort == binary.TypeSort || d.Sort == binary.CoreTypeSort
	}
	return false
}

var externSorts = map[binary.ExternKind]binary.Sort{
	binary.CoreModuleExtern: binary.CoreModuleSort, binary.FuncExtern: binary.FuncSort, binary.TypeExtern: binary.TypeSort,
	binary.ComponentExtern: binary.ComponentSort, binary.InstanceExtern: binary.InstanceSort,
}

func (s *scope) aliasExport(d *binary.Alias) error {
	i, err := at(s.instances, "instance", d.Instance)
	if err != nil {
		return err
	}
	e, ok := i.Export(d.Name)
	if !ok {
		return fmt.Errorf("instance %d has no export named %s", d.Instance, quote(d.Name))
	}
	if externSorts[e.Kind] != d.Sort {
		return fmt.Errorf("the export %s of instance %d is %s, not %s", quote(d.Name), d.Instance, describeKind(e.Kind), article(d.Sort))
	}
	s.add(e)
	return nil
}

func (s *scope) aliasCoreExport(d *binary.Alias) error {
	exports, err := at(s.coreInstances, "core instance", d.Instance)
	if err != nil {
		return err
	}
	e, ok := exports[d.Name]
	if !ok {
		return fmt.Errorf("core instance %d has no export named %s", d.Instance, quote(d.Name))
	}
	if e.sort != d.Sort {
		return fmt.Errorf("the export %s of core instance %d is a %v, not a %v", quote(d.Name), d.Instance, e.sort, d.Sort)
	}
	s.addCore(e)
	return nil
}

// article returns the sort with its article.
func article(sort binary.Sort) string {
	if sort == binary.InstanceSort {
		return "an instance"
	}
	return "a " + sort.String()
}

// aliasOuter makes a definition of a component or type around this one a definition here. Nothing that depends on
// resource types crosses the boundary of a component, which so is closed in itself.
func (s *scope) aliasOuter(d *binary.Alias) error {
	target, inner := s, (*scope)(nil)
	for range d.Count {
		if inner, target = target, target.outer; target == nil {
			return fmt.Errorf("nothing is %d components outwards", d.Count)
		}
	}
	switch d.Sort {
	case binary.CoreModuleSort:
		m, err := at(target.coreModules, "core module", d.Index)
		s.coreModules = append(s.coreModules, m)
		return err
	case binary.ComponentSort:
		c, err := at(target.components, "component", d.Index)
		s.components = append(s.components, c)
		return err
	case binary.CoreTypeSort:
		t, err := at(target.coreTypes, "core type", d.Index)
		s.coreTypes = append(s.coreTypes, t)
		return err
	case binary.TypeSort:
		t, err := target.typeAt(d.Index)
		if err != nil {
			return err
		}
		if inner != nil && inner.kind == componentScope {
			closed, err := s.isClosed(t)
			if err != nil {
				return err
			}
			if !closed {
				return fmt.Errorf("the alias of type index %d outside of the component depends on resource types there", d.Index)
			}
		}
		s.types = append(s.types, t)
		return nil
	}
	return fmt.Errorf("there are no aliases of an outer %v", d.Sort)
}
