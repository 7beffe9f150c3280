package component

import (
	"errors"
	"fmt"
	"sync/atomic"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/refusal"
)

// Store is a root component instance with all below it: its core instances, which are one engine.Group with one account of
// memory and fuel, and its component instances, which have a table of handles each. It is the context of the group's host
// calls.
//
// How it runs is told at loop.
type Store struct {
	hostcalls.Guest
	hostcalls.Call
	task      *executor.Task
	loaded    *Program
	program   *definition                  // of loaded
	startup   *abi.Config                  // nil once it has started
	group     atomic.Pointer[engine.Group] // nil before the start; for PeakMemory
	cores     []*engine.CoreInstance       // by the numbers of the steps
	functions []*engine.Function           // by the numbers of Program.functions; nil until they are called
	instances []instance

	scheduler   async.Store
	current     *activation   // whose code runs; nil: none does
	activations []*activation // by number
	idle        []*activation // of them, to be used again
	crossings   []*crossing   // to be used again before the store waits
	subtasks    []*subtask    // to be used again
	lends       int           // of handles, by calls in progress
	transit     transit
	hostEnds    map[*end]*HostEnd
	relays      int // between two of them
	operations  operations
	links       []linked                 // by the numbers of definition.links; nil: none is linked yet
	unread      map[*linkSink]struct{}   // that the component has ended
	invocations map[*Invocation]struct{} // by the host, that have not exited
	inbox       inbox
	loop        loop
	looks       looks
	watchers    []Watcher // of OnStop
	mark        uint64    // of calls that the host starts
	marked      uint64    // what lastRun is
	lastRun     atomic.Uint64
	calls       atomic.Int32 // in progress, but those whose callers wait for them on the same fiber
	idleEnds    func() bool  // ends the store, if it is to end when nothing is ready, and says so; nil: it is not
	closed      bool

	host      Host // nil if there are no host interfaces
	objects   objectList
	refused   refusal.Last
	heldBytes int64 // by the host, before there is a group
}

// instance is a component instance.
type instance struct {
	async.Instance
	confined bool // it runs realloc or post-return, and may not call out
	handles  handleTable
	context  *engine.ContextStorage // where the code of the instance has context slots; nil: none of its code uses them
	slots    *activation            // whose they are; nil: nobody's
}

// giveContext makes the context slots those of a call, whose code is about to run.
func (i *instance) giveContext(a *activation) {
	if i.context == nil || i.slots == a {
		return
	}
	if i.slots != nil {
		i.slots.slots = i.context.Get()
	}
	i.context.Set(a.slots)
	i.slots = a
}

// forgetContext is called when a call has ended.
func (i *instance) forgetContext(a *activation) {
	if i.slots == a {
		i.slots = nil
	}
}

// beginRealloc gives realloc context slots of its own, and returns what they were, if they are a call's.
func (i *instance) beginRealloc() (before [2]uint32) {
	if i.context == nil {
		return before
	}
	if i.slots != nil {
		before = i.context.Get()
	}
	i.context.Set([2]uint32{})
	return before
}

// endRealloc gives a call its context slots again.
func (i *instance) endRealloc(before [2]uint32) {
	if i.context != nil && i.slots != nil {
		i.context.Set(before)
	}
}

// Host is what the host interfaces keep for one store, such as what it has open. NewHost makes it.
type Host interface {
	// Open opens what the store was granted. It is called once, on the store's fiber, before the component is
	// instantiated, and may wait. Its errors are those of abi.Process.Run.
	Open() error
	// Close gives up what the host holds for the store. It is called on the fiber, after all objects were dropped, and
	// does not wait.
	Close()
	// ListenAddresses is that of abi.Process. It may be called from any goroutine.
	ListenAddresses() []string
}

// NewStore makes a store, whose grants are not opened yet. The config is the store's from then on; what it says of the entry
// does not matter. An error is a fault of the config.
func (p *Program) NewStore(config *abi.Config) (*Store, error) {
	s := &Store{}
	if err := s.init(p, config); err != nil {
		return nil, err
	}
	return s, nil
}

// init sets a zero Store up.
func (s *Store) init(p *Program, config *abi.Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	config.SetDefaults()
	s.loaded, s.program, s.startup = p, p.definition, config
	if p.abi.config.NewHost == nil {
		return nil
	}
	var err error
	s.host, err = p.abi.config.NewHost(s, config)
	return err
}

// Host returns what the ABI's NewHost made for the store.
func (s *Store) Host() Host { return s.host }

// Start opens what the store was granted and makes its instances, on the fiber that it is to run on from then on. The caller
// must Close it, also after an error. Errors are those of abi.Process.Run, and an *Exit if the component exits already.
func (s *Store) Start(f *executor.Fiber) error {
	config := s.startup
	s.startup = nil
	s.loaded.retain()
	s.Guest.Init(config.Driver, config.Owner)
	s.Call.Init(&s.Guest, f)
	s.Call.SetParker(wholeStore{s})
	s.OnPreempt(s.tellStopped)
	s.looks.run()
	s.task = f.Task()
	f.SetMeter(s)
	if s.host != nil {
		if err := s.host.Open(); err != nil {
			return err
		}
	}
	s.heldBytes += s.program.storeBytes()
	group, err := s.loaded.engine.NewGroup(s.limits(config))
	if err != nil {
		return err
	}
	s.instances = make([]instance, s.program.instances)
	for i := range s.instances {
		s.instances[i].Number = i
		s.instances[i].Init(&s.scheduler)
	}
	s.group.Store(group)
	f.SetMeter(s) // only now there is a counter of fuel
	return s.instantiate(group, config.OnStart)
}

// limits returns the limits of the store's instances.
func (s *Store) limits(config *abi.Config) engine.InstanceConfig {
	limits := engine.InstanceConfig{
		Host: s, MemoryBytes: config.MemoryBytes, StackBytes: config.StackBytes, HeldBytes: config.HeldBytes + s.heldBytes,
		Offload: s.offload, OnGrowRefused: s.refused.Memory(&s.Call, config.MemoryBytes),
	}
	if memory := config.Memory; memory != nil {
		limits.Allowance = memory.Allowance()
		limits.Allowance.Ask = func(bytes int64) error { return s.Grow(memory, bytes) }
	}
	return limits
}

// offload runs a job of the engine on the blocking pool.
func (s *Store) offload(job, discard func()) error {
	return s.Blocking(hostcalls.Op{Kind: hostcalls.OpInstantiate}, driver.Lane{Kind: hostcalls.OpInstantiate.String()}, job, discard)
}

// instantiate makes the core instances. onStart, unless nil, is called before code of the component runs for the first time.
func (s *Store) instantiate(group *engine.Group, onStart func()) error {
	p := s.loaded
	s.cores, s.functions = make([]*engine.CoreInstance, 0, len(p.steps)), make([]*engine.Function, len(p.functions))
	started := func() {
		if onStart != nil {
			onStart()
			onStart = nil
		}
	}
	for i := range p.steps {
		providers, err := s.providers(p.steps[i].providers)
		if err != nil {
			return err
		}
		if p.modules[i].Info().HasStart {
			started()
		}
		core, err := group.Instantiate(p.modules[i], providers...)
		if err != nil {
			return err
		}
		s.cores = append(s.cores, core)
		for _, f := range p.steps[i].calls {
			started()
			if err := s.cores[f.core].Function(f.name).CallOnce(); err != nil {
				return err
			}
		}
	}
	started()
	return nil
}

// providers returns what a core module is linked with.
func (s *Store) providers(from []provider) ([]engine.Provider, error) {
	providers := make([]engine.Provider, len(from))
	for i, p := range from {
		switch {
		case p.host >= 0:
			providers[i] = s.program.hosts[p.host]
		case p.core >= 0:
			providers[i] = s.cores[p.core]
		default:
			storage, err := s.contextStorage(p.context)
			if err != nil {
				return nil, err
			}
			providers[i] = storage
		}
	}
	return providers, nil
}

// contextStorage returns the context slots of a component instance.
func (s *Store) contextStorage(instance int) (*engine.ContextStorage, error) {
	in := &s.instances[instance]
	if in.context != nil {
		return in.context, nil
	}
	var err error
	in.context, err = s.group.Load().NewContextStorage()
	return in.context, err
}

// Close frees the instances, and then drops what the host holds. No code of the component runs. It is called on the fiber.
func (s *Store) Close() {
	s.closed = true
	s.loop.over = true
	s.endInvocations()
	for _, h := range s.hostEnds {
		h.close(false)
		s.closedOne()
	}
	s.dropUnread()
	s.abandonOperations()
	s.giveCrossings()
	f := s.Fiber()
	if group := s.group.Load(); group != nil {
		f.SetMeter(nil)
		group.Close()
		f.SetMeter(s)
	}
	s.objects.dropAll(s.YieldIfSpent)
	if s.host != nil {
		s.host.Close()
	}
	f.SetMeter(nil)
	s.loaded.Release()
}

// closedOne is called when one of many things was closed: it gives the worker up in between.
func (s *Store) closedOne() {
	_ = s.Charge(callCost) // the rest is closed too if the task was cancelled
	s.YieldIfSpent()
}

// PeakMemory returns the most bytes of memory that the store has held. It may be called from any goroutine.
func (s *Store) PeakMemory() int64 {
	if group := s.group.Load(); group != nil {
		return group.PeakMemory()
	}
	return 0
}

// Hold counts bytes that the host holds for the store as memory of the component, and reports whether its limit has room
// for them. It is called on the fiber, in a host call or by Host.Open.
func (s *Store) Hold(bytes int64) bool {
	if group := s.group.Load(); group != nil {
		return group.Hold(bytes)
	}
	s.heldBytes += bytes
	return true
}

// tryHold is Hold, also when no code of the component runs: if its memory is denied it returns the error, with which the store
// ends.
func (s *Store) tryHold(bytes int64) (ok bool, err error) {
	if group := s.group.Load(); group != nil {
		return group.TryHold(bytes)
	}
	s.heldBytes += bytes
	return true, nil
}

// Free stops counting bytes of Hold.
func (s *Store) Free(bytes int64) {
	if group := s.group.Load(); group != nil && !s.closed {
		group.Free(bytes)
		return
	}
	s.heldBytes -= bytes
}

// Refused notes what the component is refused. It is used on the fiber.
func (s *Store) Refused() *refusal.Last { return &s.refused }

// errPanicked ends a store in whose turn the host has panicked. The executor has the panic.
var errPanicked = errors.New("component: the host has panicked")

var errEnded = trapf("the component has trapped before, so it can't be called again")

// trapf returns the trap of a guest that broke a rule.
func trapf(format string, args ...any) *engine.Trap {
	return &engine.Trap{Message: fmt.Sprintf(format, args...)}
}

// faultf returns the fault of a guest in the values of a call. The call makes it a trap.
func faultf(format string, args ...any) *cabi.Trap {
	return &cabi.Trap{Msg: fmt.Sprintf(format, args...)}
}
