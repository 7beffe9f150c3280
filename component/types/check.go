package types

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/internal/clip"
)

// Bounds of what a check may take, for a component and all those within it.
const (
	// maxDefs bounds the definitions that the check makes, those that come from instantiating types included.
	maxDefs = 500_000
	// maxSteps bounds the work: a step is a part of a type that is looked at.
	maxSteps = 5_000_000
)

// Check checks a decoded component by the rules of the specification, and returns its type.
//
// A component that uses what is not in features is refused with the name of the feature. The error is a *[binary.Error]
// with the offset of the definition at fault. Core modules are checked as far as they are linked: the bodies of their
// functions are not looked at.
func Check(c *binary.Component, features Features) (*Component, error) {
	return newChecker(features).component(c, nil)
}

// checker is what the check of a component and of all those within it share.
type checker struct {
	features Features
	table    *Table
	prims    [ErrorContext + 1]*Def

	coreFuncs map[string]*coreFunc   // interned
	fits      map[[2]ExternType]bool // what is known to be a subtype of what
	closed    map[ExternType]bool    // whether a type is without resource types from outside

	defs, steps int
}

func newChecker(features Features) *checker {
	return &checker{
		features: features, table: NewTable(),
		coreFuncs: map[string]*coreFunc{}, fits: map[[2]ExternType]bool{}, closed: map[ExternType]bool{},
	}
}

// component checks a component within another, or within none.
func (c *checker) component(b *binary.Component, outer *scope) (*Component, error) {
	s := newScope(c, componentScope, outer)
	for _, d := range b.Definitions {
		if err := s.define(d); err != nil {
			return nil, locate(err, d.Pos())
		}
	}
	typ, err := s.finish()
	if err != nil {
		return nil, locate(err, b.Offset+b.Size)
	}
	return typ, nil
}

// define checks one definition, and adds it to the index space of its sort.
func (s *scope) define(d binary.Definition) error {
	if err := s.charge(1); err != nil {
		return err
	}
	switch d := d.(type) {
	case *binary.CoreModule:
		return s.coreModule(d)
	case *binary.CoreInstance:
		return s.coreInstance(d)
	case *binary.CoreType:
		return s.coreType(d)
	case *binary.NestedComponent:
		c, err := s.component(d.Component, s)
		if err != nil {
			return err
		}
		s.components = append(s.components, c)
		return nil
	case *binary.Instance:
		return s.instance(d)
	case *binary.Alias:
		return s.alias(d)
	case *binary.Type:
		return s.typeDefinition(d)
	case *binary.Canon:
		return s.canon(d)
	case *binary.Import:
		return s.importDefinition(d.Name, d.Desc)
	case *binary.Export:
		return s.export(d)
	case *binary.ExportDecl:
		return s.exportDecl(d)
	default:
		return fmt.Errorf("a definition of this kind is not possible here")
	}
}

// charge counts steps.
func (c *checker) charge(steps int) error {
	if c.steps += steps; c.steps > maxSteps {
		return &tooLarge{"checking the component takes too many steps"}
	}
	return nil
}

// make counts definitions, parameters, imports and exports that are made.
func (c *checker) make(defs int) error {
	if c.defs += defs; c.defs > maxDefs {
		return &tooLarge{"the component has too many types"}
	}
	return nil
}

func (c *checker) newDef(d Def) (*Def, error) {
	if err := c.make(1); err != nil {
		return nil, err
	}
	return &d, nil
}

// prim returns the definition of a primitive type that is referred to without one.
func (c *checker) prim(kind Kind) *Def {
	if c.prims[kind] == nil {
		c.prims[kind] = &Def{Type: c.table.Prim(kind)}
	}
	return c.prims[kind]
}

// unsupported and tooLarge are errors whose binary.Error is not of kind Invalid.
type (
	unsupported struct{ feature, msg string }
	tooLarge    struct{ msg string }
)

func (e *unsupported) Error() string { return e.msg }
func (e *tooLarge) Error() string    { return e.msg }

// need returns an error unless a feature is on.
func need(on bool, feature, format string, args ...any) error {
	if on {
		return nil
	}
	return &unsupported{feature, fmt.Sprintf(format, args...)}
}

// locate makes a fault of a definition the error for the component, with its offset.
func locate(err error, offset int) error {
	var (
		located *binary.Error
		feature *unsupported
		large   *tooLarge
	)
	e := &binary.Error{Kind: binary.Invalid, Offset: offset, Msg: clip.Text(err.Error(), maxMessage)}
	switch {
	case errors.As(err, &located):
		return err
	case errors.As(err, &feature):
		e.Kind, e.Feature = binary.Unsupported, feature.feature
	case errors.As(err, &large), errors.Is(err, errNodes), errors.Is(err, errDepth), errors.Is(err, errExpanded):
		e.Kind = binary.TooLarge
	}
	return e
}
