package types

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

// coreType defines a core type.
func (s *scope) coreType(d *binary.CoreType) error {
	if d.Func != nil {
		s.coreTypes = append(s.coreTypes, coreType{fn: s.coreFuncType(d.Func)})
		return nil
	}
	m := moduleType{scope: s, t: newCoreModule(), names: importSet{}}
	for _, decl := range d.Module.Decls {
		if err := m.declare(decl); err != nil {
			return locate(err, decl.Pos())
		}
	}
	s.coreTypes = append(s.coreTypes, coreType{module: m.t})
	return nil
}

func (c *checker) coreFuncType(f *binary.CoreFuncType) *coreFunc {
	return c.coreFunc(valueBytes(f.Params), valueBytes(f.Results))
}

// moduleType is the type of a core module while it is checked. It has an index space of its own, of function types.
type moduleType struct {
	*scope
	types []*coreFunc
	t     *CoreModule
	names importSet
}

func (m *moduleType) declare(d binary.Definition) error {
	if err := m.charge(1); err != nil {
		return err
	}
	switch d := d.(type) {
	case *binary.CoreType:
		m.types = append(m.types, m.coreFuncType(d.Func))
		return nil
	case *binary.Alias:
		return m.alias(d)
	case *binary.CoreImportDecl:
		e, err := m.extern(&d.CoreExtern)
		if err != nil {
			return err
		}
		m.t.imports = append(m.t.imports, coreImport{d.Module, d.Name, e})
		return m.names.add(d.Module, d.Name)
	case *binary.CoreExportDecl:
		e, err := m.extern(&d.CoreExtern)
		if err != nil {
			return err
		}
		return m.t.export(d.Name, e)
	}
	return errors.New("a declaration of this kind is not possible here")
}

func (m *moduleType) alias(d *binary.Alias) error {
	if d.Count == 0 {
		f, err := at(m.types, "core type", d.Index)
		m.types = append(m.types, f)
		return err
	}
	target := m.scope
	for range d.Count - 1 {
		if target = target.outer; target == nil {
			return fmt.Errorf("nothing is %d components outwards", d.Count)
		}
	}
	t, err := at(target.coreTypes, "core type", d.Index)
	if err != nil {
		return err
	}
	if t.fn == nil {
		return errors.New("the type of a core module cannot have types of core modules")
	}
	m.types = append(m.types, t.fn)
	return nil
}

const maxPages = 1 << 16

// extern returns the type of an import or export.
func (m *moduleType) extern(x *binary.CoreExtern) (*coreExtern, error) {
	e := &coreExtern{sort: x.Sort, value: x.Value, mutable: x.Mutable, min: x.Min}
	if x.Max != nil {
		e.max, e.bounded = *x.Max, true
	}
	if err := errors.Join(
		need(!x.Shared, featureShared, "type"), need(!x.Index64, featureMemory64, "type"),
		need(x.Sort != binary.CoreTagSort, featureExceptions, "tag"),
	); err != nil {
		return nil, err
	}
	switch x.Sort {
	case binary.CoreFuncSort:
		var err error
		e.fn, err = at(m.types, "core type", x.Type)
		return e, err
	case binary.CoreMemorySort:
		if e.min > maxPages || e.bounded && e.max > maxPages {
			return nil, fmt.Errorf("a memory has at most %d pages", maxPages)
		}
	}
	if e.bounded && e.max < e.min {
		return nil, errors.New("the maximum is below the minimum")
	}
	return e, nil
}

// coreSubtype returns nil if what is have can be imported as want, and else why not.
func coreSubtype(have, want *coreExtern) error {
	if have.sort != want.sort {
		return fmt.Errorf("it is a %v, not a %v", have.sort, want.sort)
	}
	switch want.sort {
	case binary.CoreFuncSort:
		if have.fn != want.fn && *have.fn != *want.fn {
			return fmt.Errorf("it is a %v, not a %v", have.fn, want.fn)
		}
	case binary.CoreGlobalSort:
		if have.mutable != want.mutable {
			return errors.New("one of the globals can change, the other cannot")
		}
		if have.value != want.value {
			return errors.New("the globals are of different types")
		}
	case binary.CoreTableSort:
		if have.value != want.value {
			return errors.New("the elements of the tables are of different types")
		}
		return sizeFits(have, want)
	case binary.CoreMemorySort:
		return sizeFits(have, want)
	}
	return nil
}

func sizeFits(have, want *coreExtern) error {
	switch {
	case have.min < want.min:
		return fmt.Errorf("its size is at least %d, not %d", have.min, want.min)
	case want.bounded && !have.bounded:
		return fmt.Errorf("its size has no bound, where %d is wanted", want.max)
	case want.bounded && have.max > want.max:
		return fmt.Errorf("its size is at most %d, not %d", have.max, want.max)
	}
	return nil
}

// compareModules compares the types of core modules: one can import less and export more.
func (c *checker) compareModules(have, want *CoreModule) error {
	if err := c.charge(len(have.imports) + len(want.imports) + len(want.exports)); err != nil {
		return err
	}
	given := make(map[[2]string]*coreExtern, len(want.imports))
	for _, im := range want.imports {
		given[[2]string{im.module, im.name}] = im.coreExtern
	}
	for _, im := range have.imports {
		e := given[[2]string{im.module, im.name}]
		if e == nil {
			return fmt.Errorf("it imports %s from %s", quote(im.name), quote(im.module))
		}
		if err := coreSubtype(e, im.coreExtern); err != nil {
			return fmt.Errorf("import of %s from %s: %w", quote(im.name), quote(im.module), err)
		}
	}
	for _, name := range want.names {
		h, w := have.exports[name], want.exports[name]
		if h == nil {
			return fmt.Errorf("it does not export %s", quote(name))
		}
		if err := coreSubtype(h, w); err != nil {
			return fmt.Errorf("export %s: %w", quote(name), err)
		}
	}
	return nil
}
