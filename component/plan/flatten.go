package plan

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// Bounds of a plan. A component that has instances of instances multiplies, so its size does not bound them.
const (
	maxSteps = 10_000
	maxDepth = 100 // of instantiations within instantiations
)

// CoreImport is an import of a core module.
type CoreImport struct {
	Module, Name string
	Sort         binary.Sort
}

// Imports returns the imports of a core module, in order.
type Imports func(*binary.CoreModule) ([]CoreImport, error)

// Error says why a component has no plan.
type Error struct {
	Offset int // of the definition, from the beginning of the outermost component
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("at offset %d: %s", e.Offset, e.Msg) }

// Flatten makes the plan of a component that types.Check has accepted. An error is an *Error, for a component that is too
// large or imports what a host can't provide, or is one of imports.
func Flatten(root *binary.Component, imports Imports) (*Plan, error) {
	f := &flattener{
		plan:      &Plan{Types: types.NewTable()},
		imports:   imports,
		modules:   map[*binary.CoreModule]int{},
		core:      map[*binary.CoreModule][]CoreImport{},
		resources: map[*types.Resource]int{},
	}
	exports, err := f.instantiate(root, nil, Host, f.hostImport)
	if err != nil {
		return nil, err
	}
	f.export("", exports)
	return f.plan, nil
}

// flattener makes one plan.
type flattener struct {
	plan      *Plan
	imports   Imports
	modules   map[*binary.CoreModule]int // in plan.Modules
	core      map[*binary.CoreModule][]CoreImport
	resources map[*types.Resource]int // in plan.Resources
	work      int                     // of maxWork
	depth     int
}

// provider returns what an import of a component is bound to.
type provider func(s *scope, i *binary.Import) (item, error)

// instantiate carries out the definitions of a component, and returns its exports. outer is the scope that it is defined in,
// parent the component instance that instantiates it.
func (f *flattener) instantiate(c *binary.Component, outer *scope, parent int, bind provider) (*instance, error) {
	if f.depth++; f.depth > maxDepth {
		return nil, fault(c.Offset, "components are instantiated by more than %d others", maxDepth)
	}
	defer func() { f.depth-- }()
	s := &scope{flattener: f, outer: outer, instance: f.plan.Instances, exports: &instance{}}
	f.plan.Instances++
	f.plan.Parents = append(f.plan.Parents, parent)
	for _, d := range c.Definitions {
		if err := f.spend(d); err != nil {
			return nil, err
		}
		if err := s.define(d, bind); err != nil {
			return nil, err
		}
	}
	return s.exports, nil
}

// define carries out one definition.
func (s *scope) define(d binary.Definition, bind provider) error {
	switch d := d.(type) {
	case *binary.CoreModule:
		s.add(item{sort: binary.CoreModuleSort, module: d})
	case *binary.CoreType:
		s.add(item{sort: binary.CoreTypeSort})
	case *binary.NestedComponent:
		s.add(item{sort: binary.ComponentSort, component: &closure{d.Component, s}})
	case *binary.CoreInstance:
		return s.coreInstance(d)
	case *binary.Instance:
		return s.componentInstance(d)
	case *binary.Alias:
		return s.alias(d)
	case *binary.Type:
		return s.typeDefinition(d)
	case *binary.Canon:
		return s.canon(d)
	case *binary.Import:
		it, err := bind(s, d)
		if err != nil {
			return err
		}
		s.add(it)
	case *binary.Export:
		it, err := s.get(d.Sort, d.Index, d.Pos())
		if err != nil {
			return err
		}
		if r := it.typ.resource; r != nil && r.Name == "" {
			r.Name = d.Name.Text
		}
		s.exports.add(d.Name.Text, it)
		s.add(it)
	default:
		return fault(d.Pos(), "%T is not supported", d)
	}
	return nil
}

// coreInstance adds a step, or a bundle.
func (s *scope) coreInstance(d *binary.CoreInstance) error {
	if d.Inline {
		bundle := map[string]CoreDef{}
		for _, e := range d.Exports {
			it, err := s.get(e.Sort, e.Index, d.Pos())
			if err != nil {
				return err
			}
			bundle[e.Name] = it.core
		}
		s.add(item{sort: binary.CoreInstanceSort, bundle: bundle})
		return nil
	}
	it, err := s.get(binary.CoreModuleSort, d.Module, d.Pos())
	if err != nil {
		return err
	}
	imports, err := s.importsOf(it.module)
	if err != nil {
		return err
	}
	if err := s.spendParts(len(imports), d.Pos()); err != nil {
		return err
	}
	args := map[string]item{}
	for _, a := range d.Args {
		if args[a.Name], err = s.get(binary.CoreInstanceSort, a.Instance, d.Pos()); err != nil {
			return err
		}
	}
	step := Step{Module: s.moduleNumber(it.module), Instance: s.instance, Imports: make([]CoreDef, len(imports))}
	for i, want := range imports {
		arg, ok := args[want.Module]
		if !ok {
			return fault(d.Pos(), "nothing is given for the module %q", want.Module)
		}
		if step.Imports[i], ok = arg.coreExport(want.Name, want.Sort); !ok {
			return fault(d.Pos(), "the instance given for the module %q has no export %q", want.Module, want.Name)
		}
	}
	if len(s.plan.Steps) == maxSteps {
		return fault(d.Pos(), "the component has more than %d core instances", maxSteps)
	}
	s.add(item{sort: binary.CoreInstanceSort, step: len(s.plan.Steps)})
	s.plan.Steps = append(s.plan.Steps, step)
	return nil
}

// importsOf returns the imports of a core module, which is read once.
func (f *flattener) importsOf(m *binary.CoreModule) ([]CoreImport, error) {
	imports, ok := f.core[m]
	if !ok {
		var err error
		if imports, err = f.imports(m); err != nil {
			return nil, err
		}
		f.core[m] = imports
	}
	return imports, nil
}

// moduleNumber returns the number of a core module in the plan.
func (f *flattener) moduleNumber(m *binary.CoreModule) int {
	n, ok := f.modules[m]
	if !ok {
		n = len(f.plan.Modules)
		f.modules[m] = n
		f.plan.Modules = append(f.plan.Modules, m)
	}
	return n
}

// componentInstance instantiates a component, or bundles exports.
func (s *scope) componentInstance(d *binary.Instance) error {
	if d.Inline {
		bundle := &instance{}
		for _, e := range d.Exports {
			it, err := s.get(e.Sort, e.Index, d.Pos())
			if err != nil {
				return err
			}
			bundle.add(e.Name.Text, it)
		}
		s.add(item{sort: binary.InstanceSort, instance: bundle})
		return nil
	}
	it, err := s.get(binary.ComponentSort, d.Component, d.Pos())
	if err != nil {
		return err
	}
	if it.component == nil {
		return fault(d.Pos(), "a component that the host would have to provide can't be instantiated")
	}
	args := &instance{}
	for _, a := range d.Args {
		arg, err := s.get(a.Sort, a.Index, d.Pos())
		if err != nil {
			return err
		}
		args.add(a.Name, arg)
	}
	exports, err := s.instantiate(it.component.component, it.component.scope, s.instance, func(_ *scope, i *binary.Import) (item, error) {
		arg, ok := args.get(i.Name.Text)
		if !ok {
			return item{}, fault(d.Pos(), "nothing is given for the import %q", i.Name.Text)
		}
		return arg, nil
	})
	if err != nil {
		return err
	}
	s.add(item{sort: binary.InstanceSort, instance: exports})
	return nil
}

// alias adds what an alias leads to.
func (s *scope) alias(d *binary.Alias) error {
	switch d.Kind {
	case binary.CoreExportAlias:
		it, err := s.get(binary.CoreInstanceSort, d.Instance, d.Pos())
		if err != nil {
			return err
		}
		def, ok := it.coreExport(d.Name, d.Sort)
		if !ok {
			return fault(d.Pos(), "the core instance has no export %q", d.Name)
		}
		s.add(item{sort: d.Sort, core: def})
	case binary.ExportAlias:
		it, err := s.get(binary.InstanceSort, d.Instance, d.Pos())
		if err != nil {
			return err
		}
		export, ok := it.instance.get(d.Name)
		if !ok || export.sort != d.Sort {
			return fault(d.Pos(), "the instance has no such export %q", d.Name)
		}
		s.add(export)
	case binary.OuterAlias:
		from := s
		for range d.Count {
			if from = from.outer; from == nil {
				return fault(d.Pos(), "there is no component %d levels out", d.Count)
			}
		}
		it, err := from.get(d.Sort, d.Index, d.Pos())
		if err != nil {
			return err
		}
		s.add(it)
	}
	return nil
}

// export adds the functions of an instance that the root exports to the plan.
func (f *flattener) export(path string, exports *instance) {
	for _, e := range exports.list {
		switch e.sort {
		case binary.FuncSort:
			f.plan.Exports = append(f.plan.Exports, Export{Interface: path, Name: e.name, Func: e.fn.typ, Target: e.fn.target})
		case binary.InstanceSort:
			name := e.name
			if path != "" {
				name = path + "#" + name
			}
			f.export(name, e.instance)
		}
	}
}
