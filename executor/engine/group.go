package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"weak"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Group is the core instances of one guest, linked with each other. They have one Host, one memory account, one fuel counter
// and one bound of the call stack. Like an Instance it belongs to one goroutine at a time, or to several of which one runs.
//
// In a guest that calls host functions which call the guest again, each call has a call stack of its own; all count against
// the bound.
type Group struct {
	shared
	cores      []*CoreInstance
	byInstance map[api.Module]*CoreInstance
	contexts   []*ContextStorage
	fuel       groupFuel
	stack      stackBudget
	stacked    []*CoreInstance // that may have stack left
	recent     [3]recent       // of a call with values: of realloc, of the function, and of its callback or what frees its result
	depth      int             // calls in progress
	done       bool            // closed, or left to Offload, which frees it
}

// NewGroup makes a group without instances. The caller must Close it. Errors are those of Module.Instantiate.
func (e *Engine) NewGroup(config InstanceConfig) (*Group, error) {
	g := &Group{stack: newStackBudget(config.StackBytes), byInstance: map[api.Module]*CoreInstance{}}
	g.stack.granted = 0 // the memory for the first is there, but no core instance has it yet
	if err := g.open(e, config, g); err != nil {
		return nil, err
	}
	if !g.account.Reserve(groupBytes + config.HeldBytes) {
		defer g.Close()
		return nil, refusal(g.account)
	}
	return g, nil
}

// What wazero and the engine keep on the Go heap, about.
const (
	groupBytes        = 1 << 10
	coreInstanceBytes = 4 << 10
	contextBytes      = 3 << 10
)

// Instantiate adds an instance of a module to the group, with the imports that its Linking takes from the providers, and
// starts it: it gives tables and memory the module's active segments and calls its start function. That is work of the
// guest, charged and preempted like the rest, so that the group must have fuel.
//
// Errors are those of Call and of Module.Instantiate, and a *LinkError. After an error only Close may be called.
func (g *Group) Instantiate(m *Module, providers ...Provider) (*CoreInstance, error) {
	if g.ended {
		return nil, errEnded
	}
	if m.linking == nil {
		return nil, &LinkError{errors.New("it was not loaded for that")}
	}
	m.retain()
	c := &CoreInstance{shared: &g.shared, module: m, member: &member{group: g, providers: providers}}
	g.cores = append(g.cores, c)
	abandoned, err := c.make(0)
	if abandoned {
		g.done = true
		g.host.binding().release(&g.shared)
		return nil, err
	}
	if err == nil {
		g.byInstance[c.guest] = c
		if err = c.initialize(); err == nil && m.info.HasStart {
			err = c.start().CallOnce()
		}
	}
	c.member.providers, c.member.globals = nil, nil
	if err != nil {
		g.ended = true
		return nil, err
	}
	return c, nil
}

// start returns the start function. If that is a function of another instance it is called there: of a component made from C,
// it is. So its handle is copied (see handles).
func (c *CoreInstance) start() *Function {
	if info := c.module.info; info.StartImported {
		s := c.module.linking[info.StartImport]
		if provider, ok := c.member.providers[s.Provider].(*CoreInstance); ok {
			return provider.Function(s.Name)
		}
	}
	return c.Function(meter.StartFunction)
}

// LinkError means that a module can't be linked with its providers, since one has no such export or one of another type.
type LinkError struct{ Err error }

func (e *LinkError) Error() string { return fmt.Sprintf("the module can't be linked: %v", e.Err) }

func (e *LinkError) Unwrap() error { return e.Err }

// Close frees the group with its instances and their memory. It may be called more than once, but not while guest code runs.
func (g *Group) Close() {
	if g.done {
		return
	}
	g.done = true
	g.host.binding().release(&g.shared)
	g.free()
}

// free implements owner. wazero frees the memory of an instance with every instance that imports it,
// so that all are closed together.
func (g *Group) free() {
	for len(g.cores) > 0 {
		last := len(g.cores) - 1
		g.cores[last].close()
		g.cores = g.cores[:last]
	}
	for _, c := range g.contexts {
		g.engine.context.put(c)
	}
	for _, r := range g.recent {
		if r.handle != nil {
			r.function.recycle(r.handle)
		}
	}
	g.contexts, g.byInstance, g.recent = nil, nil, [3]recent{}
	g.fuel, g.stacked = groupFuel{}, nil
	g.release()
}

// closeInstance closes an instance of wazero.
func closeInstance(instance api.Module) {
	// It could only fail in closing a file system, which instances don't have.
	_ = instance.Close(context.Background())
}

// frame implements namer.
func (g *Group) frame(traced string) (Frame, bool) {
	for _, c := range g.cores {
		if f, ours, ok := c.module.frame(traced); ours {
			return f, ok
		}
	}
	return hostFrame(traced)
}

// Function is an exported function of a core instance. A call of it checks out a handle, since handles of wazero are not
// re-entrant, and new ones are costly. Once the guest waits (Group.Rest) the collector takes those that are idle: they have a call
// stack each, and most guests that wait will not call the function again for long, or at all.
type Function struct {
	core   *CoreInstance
	export string
	idle   []weak.Pointer[handle]
}

// handle is a handle of wazero.
type handle struct {
	api.Function
	weak weak.Pointer[handle] // to itself, once it has been idle
}

// Function returns an exported function. Whether there is one shows when it is called.
func (c *CoreInstance) Function(export string) *Function {
	return &Function{core: c, export: export}
}

// Call calls the function. The stack has the arguments, is as long as the larger of the numbers of arguments and results, and
// receives the results. See the package comment for errors. After an error the guest has ended: a host function that called it
// passes the error to Abort.
func (f *Function) Call(stack []uint64) error {
	h, err := f.begin()
	if err != nil {
		return err
	}
	return f.end(h, h.CallWithStack(f.core.member.group.host, stack))
}

// CallOnce calls a function without parameters and results, which is not called again: a start function. Errors are those of Call.
func (f *Function) CallOnce() error {
	if err := f.Call(nil); err != nil {
		return err
	}
	if h, ok := f.takeRecent(); ok {
		f.recycle(h)
	}
	return nil
}

// What a call has on the stack is there as long as the guest waits, and twice in a call from within a host function. So what is
// done before and after it is apart, and there is no recover: handles of wazero turn panics into errors.

// begin begins a call, with a handle that end gives back.
//
//go:noinline
func (f *Function) begin() (h *handle, err error) {
	g := f.core.member.group
	if g.ended {
		return nil, errEnded
	}
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
		g.ended = err != nil
	}()
	if h, err = f.checkOut(); err != nil {
		return nil, err
	}
	return h, g.enter()
}

// end ends a call, and returns its error if the call of the handle has returned one.
//
//go:noinline
func (f *Function) end(h *handle, err error) error {
	g := f.core.member.group
	if err != nil {
		g.ended = true
		return outcome(err, g)
	}
	g.leave()
	for i := range g.recent {
		if r := &g.recent[i]; r.handle == nil {
			*r = recent{f, h}
			return nil
		}
	}
	f.rest(h)
	return nil
}

// rest leaves an idle handle to the collector.
func (f *Function) rest(h *handle) {
	if h.weak == (weak.Pointer[handle]{}) {
		h.weak = weak.Make(h)
	}
	f.idle = append(f.idle, h.weak)
}

// recent is an idle handle of a function that was called since the guest has last waited, and may be called again soon.
type recent struct {
	function *Function
	handle   *handle
}

// takeRecent takes a recent handle of the function.
func (f *Function) takeRecent() (h *handle, ok bool) {
	for i := range f.core.member.group.recent {
		if r := &f.core.member.group.recent[i]; r.function == f {
			h = r.handle
			*r = recent{}
			return h, true
		}
	}
	return nil, false
}

// recycle gives up a handle that nobody uses any more.
func (f *Function) recycle(h *handle) {
	f.core.engine.stacks.recycle(h.Function, f.core.module.handles.confirmed(f.export))
}

// Rest leaves all idle handles to the collector: the guest is going to wait.
func (g *Group) Rest() {
	for i := range g.recent {
		if r := &g.recent[i]; r.handle != nil {
			r.function.rest(r.handle)
			*r = recent{}
		}
	}
}

// checkOut returns a handle that nobody uses.
func (f *Function) checkOut() (*handle, error) {
	if h, ok := f.takeRecent(); ok {
		return h, nil
	}
	for last := len(f.idle) - 1; last >= 0; last-- {
		h := f.idle[last].Value()
		f.idle = f.idle[:last]
		if h != nil {
			return h, nil
		}
	}
	function := f.core.handle(f.export)
	if function == nil {
		return nil, fmt.Errorf("engine: no function %q is exported", f.export)
	}
	return &handle{Function: function}, nil
}

const (
	// callCost is the fuel for a call from the host.
	callCost = 100
	// nestedStack is what a call from within a call takes of the guest's call stack: the red zone of the stack that it begins,
	// and about as much of the host's.
	nestedStack = 2 * meter.RedZone
)

// Nest calls f, in which the host works for the guest, and guest code may run in turn. It counts as a call of guest code: f
// may nest itself without an end. Errors are f's, and those of Call.
func (g *Group) Nest(f func() error) error {
	if err := g.enter(); err != nil {
		return err
	}
	if err := Protect(f); err != nil {
		return err
	}
	g.leave()
	return nil
}

// enter charges for a call.
func (g *Group) enter() error {
	if g.depth > 0 {
		if _, err := g.takeStack(nestedStack, 0); errors.Is(err, errStackOverflow) {
			return &Trap{Code: StackOverflow, Message: StackOverflow.String()}
		} else if err != nil {
			return err
		}
	}
	g.depth++
	return g.burn(callCost)
}

func (g *Group) leave() {
	if g.depth--; g.depth > 0 {
		g.stack.granted -= nestedStack
	}
}

// ContextStorage is the context slots of a component instance, from which the modules that are part of it import their
// builtins.
type ContextStorage struct {
	instance api.Module
	slots    [2]api.MutableGlobal
}

// NewContextStorage makes the context slots of a component instance. They are part of the group. Errors are those of
// Module.Instantiate.
func (g *Group) NewContextStorage() (*ContextStorage, error) {
	if !g.account.Reserve(contextBytes) {
		return nil, refusal(g.account)
	}
	c, err := g.engine.context.take(g.engine)
	if err != nil {
		return nil, err
	}
	g.contexts = append(g.contexts, c)
	return c, nil
}

func (c *ContextStorage) exports() api.Module { return c.instance }

// Get returns what the slots hold.
func (c *ContextStorage) Get() (slots [2]uint32) {
	for i, s := range c.slots {
		slots[i] = uint32(s.Get())
	}
	return slots
}

// Set sets the slots.
func (c *ContextStorage) Set(slots [2]uint32) {
	for i, s := range c.slots {
		s.Set(uint64(slots[i]))
	}
}
