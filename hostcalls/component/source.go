package component

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"unsafe"
	"weak"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// reader reads the core modules of a component. It does not keep their bytes while they wait to be compiled, since they may
// wait for long, but what somebody still has in use is not read again. The engine calls it from any goroutine.
type reader struct {
	component func() ([]byte, error)

	mu   sync.Mutex
	last weak.Pointer[byte] // the first byte of what component returned last
	size int                // of that
}

// read returns the bytes of the component.
func (r *reader) read() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.last.Value(); first != nil {
		return unsafe.Slice(first, r.size), nil
	}
	b, err := r.component()
	if err == nil && len(b) > 0 {
		r.last, r.size = weak.Make(&b[0]), len(b)
	}
	return b, err
}

// module returns the bytes of a core module.
func (r *reader) module(m *coreSource) ([]byte, error) {
	whole, err := r.read()
	if err != nil {
		return nil, err
	}
	if m.offset+m.size > len(whole) {
		return nil, errors.New("component: its bytes have changed")
	}
	return whole[m.offset:][:m.size], nil
}

// coreSource is where a core module is.
type coreSource struct {
	offset, size int
	digest       string
	coreModule
}

func newSource(m *binary.CoreModule, core *coreModule) coreSource {
	sum := sha256.Sum256(m.Binary)
	kept := *core
	kept.imports, kept.form = nil, plan.Form{} // once the steps are linked, nobody needs them
	return coreSource{m.Offset, len(m.Binary), hex.EncodeToString(sum[:]), kept}
}

// fault returns an error of loading a core module, with the offset in the component.
func (m *coreSource) fault(err error) error {
	if refused, ok := errors.AsType[*meter.Error](err); ok {
		moved := *refused
		moved.Offset += int64(m.offset)
		return &moved
	}
	return err
}

// coreModule is what linking needs to know of a core module.
type coreModule struct {
	imports   []plan.CoreImport
	form      plan.Form
	functions int
	memory    int64 // that its instances begin with
}

// coreModules are the core modules that were decoded.
type coreModules map[*binary.CoreModule]*coreModule

// imports decodes a core module. It is a plan.Imports.
func (c coreModules) imports(m *binary.CoreModule) ([]plan.CoreImport, error) {
	module, err := wasm.Decode(m.Binary, wasm.Limits{})
	if err != nil {
		source := coreSource{offset: m.Offset}
		return nil, source.fault(err)
	}
	made := &coreModule{form: formOf(module), functions: len(module.Functions), imports: make([]plan.CoreImport, len(module.Imports))}
	for _, memory := range module.Memories {
		made.memory += int64(memory.Size.Min) << 16
	}
	sorts := map[wasm.ExternKind]binary.Sort{
		wasm.FuncExtern: binary.CoreFuncSort, wasm.TableExtern: binary.CoreTableSort,
		wasm.MemoryExtern: binary.CoreMemorySort, wasm.GlobalExtern: binary.CoreGlobalSort,
	}
	for i := range module.Imports {
		im := &module.Imports[i]
		made.imports[i] = plan.CoreImport{Module: im.Module, Name: im.Name, Sort: sorts[im.Kind]}
	}
	c[m] = made
	return made.imports, nil
}

// form returns the form of a core module that was decoded.
func (c coreModules) form(m *binary.CoreModule) plan.Form { return c[m].form }
