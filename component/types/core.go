package types

import (
	"errors"
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// coreFunc is the type of a core function, interned by a checker. Its values are the bytes of binary.CoreValType.
type coreFunc struct{ params, results string }

func (f *coreFunc) is(params, results string) bool { return f.params == params && f.results == results }

// String returns the type in text notation.
func (f *coreFunc) String() string {
	var t wasm.FuncType
	for _, v := range []byte(f.params) {
		t.Params = append(t.Params, wasm.ValType(v))
	}
	for _, v := range []byte(f.results) {
		t.Results = append(t.Results, wasm.ValType(v))
	}
	return t.String()
}

// coreType is a definition of the index space of core types.
type coreType struct {
	fn     *coreFunc // or
	module *CoreModule
}

// coreExtern is the type of something that core modules import and export.
type coreExtern struct {
	sort    binary.Sort
	fn      *coreFunc          // of a function
	value   binary.CoreValType // of a global, or of the elements of a table
	mutable bool               // of a global
	min     uint64             // of a table or memory
	max     uint64             // of a table or memory
	bounded bool               // there is a max
}

type coreImport struct {
	module, name string
	*coreExtern
}

// coreFunc returns the interned type.
func (c *checker) coreFunc(params, results string) *coreFunc {
	key := params + "\x00" + results
	f := c.coreFuncs[key]
	if f == nil {
		f = &coreFunc{params, results}
		c.coreFuncs[key] = f
	}
	return f
}

// addCore adds an export of a core instance to the index space of its sort.
func (s *scope) addCore(e *coreExtern) {
	switch e.sort {
	case binary.CoreFuncSort:
		s.coreFuncs = append(s.coreFuncs, e.fn)
	case binary.CoreTableSort:
		s.coreTables = append(s.coreTables, e)
	case binary.CoreMemorySort:
		s.coreMemories = append(s.coreMemories, e)
	case binary.CoreGlobalSort:
		s.coreGlobals = append(s.coreGlobals, e)
	}
}

// coreExternAt returns what a reference of a sort that core modules can import refers to.
func (s *scope) coreExternAt(ref binary.Ref) (*coreExtern, error) {
	switch ref.Sort {
	case binary.CoreFuncSort:
		f, err := at(s.coreFuncs, "core function", ref.Index)
		return &coreExtern{sort: ref.Sort, fn: f}, err
	case binary.CoreTableSort:
		return at(s.coreTables, "core table", ref.Index)
	case binary.CoreMemorySort:
		return at(s.coreMemories, "core memory", ref.Index)
	case binary.CoreGlobalSort:
		return at(s.coreGlobals, "core global", ref.Index)
	case binary.CoreTagSort: // nothing that is accepted has tags
		return nil, fmt.Errorf("core tag index %d is out of bounds", ref.Index)
	}
	return nil, fmt.Errorf("a core module cannot import a %v", ref.Sort)
}

func (s *scope) coreInstance(d *binary.CoreInstance) error {
	if d.Inline {
		return s.coreBundle(d)
	}
	m, err := at(s.coreModules, "core module", d.Module)
	if err != nil {
		return err
	}
	args := make(map[string]map[string]*coreExtern, len(d.Args))
	for _, arg := range d.Args {
		if _, ok := args[arg.Name]; ok {
			return fmt.Errorf("argument %s is given twice", quote(arg.Name))
		}
		if args[arg.Name], err = at(s.coreInstances, "core instance", arg.Instance); err != nil {
			return err
		}
	}
	if err := s.charge(len(m.imports)); err != nil {
		return err
	}
	for _, im := range m.imports {
		exports, ok := args[im.module]
		if !ok {
			return fmt.Errorf("core module %d imports from %s, which is not given", d.Module, quote(im.module))
		}
		e, ok := exports[im.name]
		if !ok {
			return fmt.Errorf("core module %d imports %s from %s, which the given instance does not export", d.Module, quote(im.name), quote(im.module))
		}
		if err := coreSubtype(e, im.coreExtern); err != nil {
			return fmt.Errorf("what core module %d imports as %s from %s does not fit: %w", d.Module, quote(im.name), quote(im.module), err)
		}
	}
	s.coreInstances = append(s.coreInstances, m.exports)
	return nil
}

// coreBundle adds a core instance that has definitions as its exports.
func (s *scope) coreBundle(d *binary.CoreInstance) error {
	exports := make(map[string]*coreExtern, len(d.Exports))
	for _, x := range d.Exports {
		if exports[x.Name] != nil {
			return fmt.Errorf("export %s is given twice", quote(x.Name))
		}
		e, err := s.coreExternAt(x.Ref)
		if err != nil {
			return err
		}
		exports[x.Name] = e
	}
	s.coreInstances = append(s.coreInstances, exports)
	return nil
}

// coreModule reads the imports and exports of a core module.
func (s *scope) coreModule(d *binary.CoreModule) error {
	m, err := wasm.Decode(d.Binary, wasm.Limits{})
	if err != nil {
		return locateCore(err, d)
	}
	r := coreReader{s.checker, m, make([]*coreFunc, len(m.Types))}
	t := newCoreModule()
	if err := r.imports(t); err != nil {
		return err
	}
	if err := r.exports(t); err != nil {
		return err
	}
	s.coreModules = append(s.coreModules, t)
	return nil
}

// locateCore makes a fault of a core module one of the component.
func locateCore(err error, d *binary.CoreModule) error {
	var fault *wasm.Error
	if !errors.As(err, &fault) {
		return err
	}
	e := &binary.Error{Kind: binary.Malformed, Offset: d.Offset + int(fault.Offset), Msg: "core module: " + fault.Msg}
	switch fault.Kind {
	case wasm.Unsupported:
		e.Kind, e.Feature = binary.Unsupported, fault.Feature
	case wasm.TooLarge:
		e.Kind = binary.TooLarge
	}
	return e
}

// coreReader reads the type of a core module from the module.
type coreReader struct {
	*checker
	*wasm.Module
	types []*coreFunc // those of the module's types that were needed
}

func (r coreReader) imports(t *CoreModule) error {
	imports := importSet{}
	for i := range r.Imports {
		im := &r.Imports[i]
		if err := imports.add(im.Module, im.Name); err != nil {
			return err
		}
		e := &coreExtern{}
		switch im.Kind {
		case wasm.FuncExtern:
			f, err := r.function(im.Func)
			if err != nil {
				return err
			}
			e.sort, e.fn = binary.CoreFuncSort, f
		case wasm.TableExtern:
			e = table(im.Table)
		case wasm.MemoryExtern:
			e = memory(im.Memory)
		case wasm.GlobalExtern:
			e = global(im.Global)
		}
		t.imports = append(t.imports, coreImport{im.Module, im.Name, e})
	}
	return nil
}

func (r coreReader) exports(t *CoreModule) error {
	functions, tables, globals := r.FunctionTypeIndices(), r.TableTypes(), r.GlobalTypes()
	for i := range r.Exports {
		x := &r.Exports[i]
		var (
			e   *coreExtern
			err error
		)
		switch x.Kind {
		case wasm.FuncExtern:
			e = &coreExtern{sort: binary.CoreFuncSort}
			var index uint32
			if index, err = at(functions, "function", x.Index); err == nil {
				e.fn, err = r.function(index)
			}
		case wasm.TableExtern:
			var typ wasm.TableType
			typ, err = at(tables, "table", x.Index)
			e = table(typ)
		case wasm.MemoryExtern:
			typ, ok := r.Memory()
			if !ok || x.Index != 0 {
				err = fmt.Errorf("memory index %d is out of bounds", x.Index)
			}
			e = memory(typ)
		case wasm.GlobalExtern:
			var typ wasm.GlobalType
			typ, err = at(globals, "global", x.Index)
			e = global(typ)
		}
		if err != nil {
			return fmt.Errorf("core module: %w", err)
		}
		if err := t.export(x.Name, e); err != nil {
			return err
		}
	}
	return nil
}

func (r coreReader) function(index uint32) (*coreFunc, error) {
	f, err := at(r.types, "type", index)
	if err != nil {
		return nil, err
	}
	if f == nil {
		t := &r.Types[index]
		f = r.coreFunc(valueBytes(t.Params), valueBytes(t.Results))
		r.types[index] = f
	}
	return f, nil
}

// valueBytes returns core value types as coreFunc has them.
func valueBytes[T ~byte](types []T) string {
	var b strings.Builder
	for _, t := range types {
		b.WriteByte(byte(t))
	}
	return b.String()
}

func table(t wasm.TableType) *coreExtern {
	return &coreExtern{
		sort: binary.CoreTableSort, value: binary.CoreValType(t.Elem),
		min: uint64(t.Size.Min), max: uint64(t.Size.Max), bounded: t.Size.HasMax,
	}
}

func memory(t wasm.MemoryType) *coreExtern {
	return &coreExtern{
		sort: binary.CoreMemorySort, min: uint64(t.Size.Min), max: uint64(t.Size.Max), bounded: t.Size.HasMax,
	}
}

func global(t wasm.GlobalType) *coreExtern {
	return &coreExtern{sort: binary.CoreGlobalSort, value: binary.CoreValType(t.Type), mutable: t.Mutable}
}

// importSet finds imports of one name, which components do not have.
type importSet map[[2]string]bool

func (s importSet) add(module, name string) error {
	if s[[2]string{module, name}] {
		return fmt.Errorf("the core module imports %s from %s twice", quote(name), quote(module))
	}
	s[[2]string{module, name}] = true
	return nil
}
