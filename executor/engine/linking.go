package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Linking says how a module is linked with others: where each of its imports comes from, in the order of its import section.
// It is never nil: a module without imports has an empty Linking.
type Linking []meter.Source

// Digest returns what Load knows a module of a digest by when it is linked so. Discard, CodeBytes and CodeModules know it by
// that, too. Modules that are linked alike share their code, whatever else they are part of.
func (l Linking) Digest(digest string) string {
	sum := sha256.New()
	for _, s := range l {
		fmt.Fprintf(sum, "%d %t %d %q\n", s.Provider, s.Host, s.Builtin, s.Name)
	}
	return digest + linkedMark + hex.EncodeToString(sum.Sum(nil)[:16])
}

// IsLinked reports whether a digest is that of a linked module.
func IsLinked(digest string) bool { return strings.Contains(digest, linkedMark) }

const linkedMark = ".linked"

// LoadLinked is Load for a module that becomes part of a Group. Its imports need not be functions, and are looked up when an
// instance is made.
func (e *Engine) LoadLinked(ctx context.Context, digest string, linking Linking, read func() ([]byte, error)) (*Module, error) {
	if linking == nil {
		linking = Linking{}
	}
	return e.load(ctx, linking.Digest(digest), source{read: read, linking: linking, name: nameInTraces(digest), original: digest})
}

// nameInTraces returns the name of a linked module in wazero's stack traces, where it tells modules apart.
func nameInTraces(digest string) string {
	sum := sha256.Sum256([]byte(digest))
	return hex.EncodeToString(sum[:8])
}

// Provider is what a linked module imports from: a *CoreInstance or a *HostModule.
type Provider interface {
	exports() api.Module
}

// HostFunction is a function that linked modules import from the host. Its context is the Host of the group that calls it.
type HostFunction struct {
	Name string
	Type meter.FuncType
	Call api.GoModuleFunction
}

// HostModule is functions of the host, for any number of groups at a time.
type HostModule struct {
	runtime  wazero.Runtime // nil: the engine's
	compiled wazero.CompiledModule
	instance api.Module
}

// NewHostModule makes a host module, which the caller must Close. name and the names of functions appear in stack traces.
func (e *Engine) NewHostModule(name string, functions []HostFunction) (_ *HostModule, err error) {
	h := &HostModule{}
	r := e.linker
	if e.types.possible {
		h.runtime = wazero.NewRuntimeWithConfig(e.ctx, e.settings)
		r = h.runtime
	}
	defer func() {
		if err != nil {
			err = &InternalError{Err: errors.Join(err, h.Close())}
		}
	}()
	builder := r.NewHostModuleBuilder(name)
	for _, f := range functions {
		builder = builder.NewFunctionBuilder().WithGoModuleFunction(f.Call, valueTypes(f.Type.Params), valueTypes(f.Type.Results)).
			WithName(f.Name).Export(f.Name)
	}
	if h.compiled, err = builder.Compile(e.ctx); err != nil {
		return nil, err
	}
	if h.instance, err = r.InstantiateModule(e.ctx, h.compiled, e.instances); err != nil {
		return nil, err
	}
	if e.types.possible {
		forgetTypes(h.instance)
	}
	return h, nil
}

func (h *HostModule) exports() api.Module { return h.instance }

// Close frees the host module. No group may use it any more.
func (h *HostModule) Close() error {
	var errs []error
	ctx := context.Background()
	if h.instance != nil {
		errs = append(errs, h.instance.Close(ctx))
	}
	if h.compiled != nil {
		errs = append(errs, h.compiled.Close(ctx))
	}
	if h.runtime != nil {
		errs = append(errs, h.runtime.Close(ctx))
	}
	return errors.Join(errs...)
}

func valueTypes(types []meter.ValType) (list []api.ValueType) {
	for _, t := range types {
		list = append(list, api.ValueType(t)) // both have the codes of the binary format
	}
	return list
}

// functionTypes numbers the types of functions. wazero does so in each runtime, and compares the numbers when code calls a
// function of a table. Each module has a runtime of its own, so that what it leaves behind goes with it. So the engine gives
// the types of linked modules numbers that are the same in all runtimes, and takes them back with the last module that uses
// them.
//
// The numbers are a private field of a private struct. If it is not as expected, linked modules and host modules share one
// runtime, which keeps every type. TestTypesAreNumbered fails when wazero has changed.
type functionTypes struct {
	possible bool

	mu     sync.Mutex // guards the fields below
	byType map[string]*numberedType
	free   []uint32
	most   uint32
}

type numberedType struct {
	number uint32
	users  int
}

// canNumberTypes reports whether the numbers of types are where they are expected, in modules and host modules, of which it
// gets one.
func (e *Engine) canNumberTypes(host api.Module) bool {
	empty, err := e.linker.NewHostModuleBuilder("probe").Compile(e.ctx)
	if err != nil {
		return false
	}
	ids, ok := field(reflect.ValueOf(empty), "typeIDs")
	defer func() { _ = empty.Close(e.ctx) }() // which can't fail
	if !ok || ids.Kind() != reflect.Slice || ids.Type().Elem().Kind() != reflect.Uint32 {
		return false
	}
	hosts, ok := numbersOf(host)
	return ok && hosts.CanSet() && hosts.Kind() == reflect.Slice
}

// forgetTypes makes wazero compare the types of a host module's functions themselves, and not their numbers.
func forgetTypes(host api.Module) {
	if ids, ok := numbersOf(host); ok {
		ids.SetZero()
	}
}

// numbersOf returns the numbers that an instance has for its types.
func numbersOf(instance api.Module) (numbers reflect.Value, ok bool) {
	v := reflect.ValueOf(instance)
	if wrapped, ok := field(v, "Module"); ok { // of a host module
		v = wrapped
	}
	return field(v, "TypeIDs")
}

// number gives the types of a compiled module their numbers. The caller must release the keys.
func (t *functionTypes) number(compiled wazero.CompiledModule, types []meter.FuncType) (keys []string, err error) {
	field, _ := field(reflect.ValueOf(compiled), "typeIDs")
	numbers, ok := viewOf[uint32](field)
	if !ok || len(numbers) != len(types) {
		return nil, &InternalError{Err: fmt.Errorf("%d types have %d numbers", len(types), len(numbers))}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byType == nil {
		t.byType = map[string]*numberedType{}
	}
	for i, typ := range types {
		key := typ.Key()
		n := t.byType[key]
		if n == nil {
			n = &numberedType{number: t.unused()}
			t.byType[key] = n
		}
		n.users++
		numbers[i] = n.number
		keys = append(keys, key)
	}
	return keys, nil
}

// unused returns a number that no type has.
func (t *functionTypes) unused() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		n := t.free[last]
		t.free = t.free[:last]
		return n
	}
	t.most++
	return t.most
}

// release takes numbers back.
func (t *functionTypes) release(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		n := t.byType[key]
		if n.users--; n.users == 0 {
			delete(t.byType, key)
			t.free = append(t.free, n.number)
		}
	}
}

// contextModule is the module of instances that have the context slots of a component instance. It is compiled when the
// first group needs it.
type contextModule struct {
	once     sync.Once
	err      error
	runtime  wazero.Runtime // without a cache, so that it leaves no file
	compiled wazero.CompiledModule

	mu     sync.Mutex // guards unused
	unused []*ContextStorage
}

// mostContexts bounds the context slots that are kept while no group has them.
const mostContexts = 64

// take returns context slots that nobody has. They hold zeroes.
func (c *contextModule) take(e *Engine) (*ContextStorage, error) {
	c.mu.Lock()
	if last := len(c.unused) - 1; last >= 0 {
		s := c.unused[last]
		c.unused = c.unused[:last]
		c.mu.Unlock()
		return s, nil
	}
	c.mu.Unlock()
	instance, err := c.instantiate(e)
	if err != nil {
		return nil, err
	}
	s := &ContextStorage{instance: instance}
	for i := range s.slots {
		s.slots[i] = instance.ExportedGlobal(meter.ContextGlobal(i)).(api.MutableGlobal)
	}
	return s, nil
}

// put takes context slots back, from which no instance imports any more.
func (c *contextModule) put(s *ContextStorage) {
	s.Set([2]uint32{})
	c.mu.Lock()
	keep := len(c.unused) < mostContexts
	if keep {
		c.unused = append(c.unused, s)
	}
	c.mu.Unlock()
	if !keep {
		closeInstance(s.instance)
	}
}

// instantiate makes an instance.
func (c *contextModule) instantiate(e *Engine) (api.Module, error) {
	c.once.Do(func() {
		c.runtime = e.linker
		if e.types.possible {
			c.runtime = wazero.NewRuntimeWithConfig(e.ctx, runtimeConfig())
		}
		c.compiled, c.err = c.runtime.CompileModule(e.ctx, meter.ContextStorage())
	})
	if c.err != nil {
		return nil, &InternalError{Err: c.err}
	}
	instance, err := c.runtime.InstantiateModule(context.Background(), c.compiled, e.instances)
	if err != nil {
		return nil, &InternalError{Err: err}
	}
	e.fields.dropWASIState(instance)
	if e.types.possible {
		forgetTypes(instance)
	}
	return instance, nil
}

func (c *contextModule) close(ctx context.Context) error {
	c.once.Do(func() { c.err = ErrClosed })
	if c.runtime == nil {
		return nil
	}
	return c.runtime.Close(ctx)
}

// resolver finds the instances that a module is linked with. Each runtime has meter.HostModule, which is no number.
func resolver(providers []Provider) func(module string) api.Module {
	return func(module string) api.Module {
		if module == meter.HostModule {
			return nil
		}
		n, err := strconv.Atoi(module)
		if err != nil || n < 0 || n >= len(providers) {
			return nil
		}
		return providers[n].exports()
	}
}
