package component

import (
	"fmt"
	"sync/atomic"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/refusal"
)

// Store is a root component instance with all below it: its core instances, which are one engine.Group with one account of
// memory and fuel, and its component instances, which have a table of handles each. It is the context of the group's host
// calls.
//
// How it runs, while all calls are synchronous: the store has one fiber, on which the whole chain of calls from the host
// through components and back is one stack. A host function that waits parks it. So each component instance is entered by
// one call at a time, and what a call lends or borrows is over when it returns. Asynchronous calls will give a store more
// threads with fibers of their own, of which one runs at a time; then crossings are no stack any more.
type Store struct {
	hostcalls.Guest
	hostcalls.Call
	program   *definition
	group     atomic.Pointer[engine.Group] // nil before the start; for PeakMemory
	cores     []*engine.CoreInstance       // by the numbers of the steps
	functions []*engine.Function           // by the numbers of Program.functions; nil until they are called
	instances []instance
	contexts  map[int]*engine.ContextStorage // by component instance

	crossings []*crossing // those in use first, from the outermost call on
	depth     int         // how many are in use
	ended     bool

	host      Host // nil if there are no host interfaces
	objects   objectList
	refused   refusal.Last
	heldBytes int64 // by the host, before there is a group
}

// instance is a component instance.
type instance struct {
	number   int
	confined bool // it runs realloc or post-return, and may not call out
	handles  handleTable
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

// init sets a zero Store up.
func (s *Store) init(p *definition) {
	s.program = p
	s.instances = make([]instance, p.instances)
	for i := range s.instances {
		s.instances[i].number = i
	}
}

// start makes the store's instances. onStart is called before code of the component runs for the first time. Errors are those
// of engine.Group.Instantiate.
func (s *Store) start(p *Program, config engine.InstanceConfig, onStart func()) error {
	group, err := p.engine.NewGroup(config)
	if err != nil {
		return err
	}
	s.group.Store(group)
	s.Fiber().SetMeter(s) // only now there is a counter of fuel
	s.cores, s.functions = make([]*engine.CoreInstance, 0, len(p.steps)), make([]*engine.Function, len(p.functions))
	for i := range p.steps {
		providers, err := s.providers(p.steps[i].providers)
		if err != nil {
			return err
		}
		if onStart != nil && p.modules[i].Info().HasStart {
			onStart()
			onStart = nil
		}
		core, err := group.Instantiate(p.modules[i], providers...)
		if err != nil {
			return err
		}
		s.cores = append(s.cores, core)
	}
	if onStart != nil {
		onStart()
	}
	return nil
}

// providers returns what a core module is linked with.
func (s *Store) providers(from []provider) ([]engine.Provider, error) {
	providers := make([]engine.Provider, len(from))
	for i, p := range from {
		switch {
		case p.host != nil:
			providers[i] = p.host
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
	if storage := s.contexts[instance]; storage != nil {
		return storage, nil
	}
	storage, err := s.group.Load().NewContextStorage()
	if err != nil {
		return nil, err
	}
	if s.contexts == nil {
		s.contexts = map[int]*engine.ContextStorage{}
	}
	s.contexts[instance] = storage
	return storage, nil
}

// call calls an export of the root component. After an error only close may be called.
func (s *Store) call(export string, args []value.Value) ([]value.Value, error) {
	number, ok := s.program.exports[export]
	switch {
	case s.ended:
		return nil, errEnded
	case !ok:
		return nil, fmt.Errorf("component: no function %q is exported", export)
	}
	results, err := s.invoke(&s.program.lifts[number], export, args)
	s.ended = err != nil
	return results, err
}

// close frees the instances, and then drops what the host holds. No code of the component runs.
func (s *Store) close() {
	s.ended = true
	if group := s.group.Load(); group != nil {
		s.Fiber().SetMeter(nil)
		group.Close()
		s.Fiber().SetMeter(s)
	}
	s.objects.dropAll(s.YieldIfSpent)
	if s.host != nil {
		s.host.Close()
	}
	s.Fiber().SetMeter(nil)
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

// Free stops counting bytes of Hold.
func (s *Store) Free(bytes int64) {
	if group := s.group.Load(); group != nil && !s.ended {
		group.Free(bytes)
		return
	}
	s.heldBytes -= bytes
}

// Refused notes what the component is refused. It is used on the fiber.
func (s *Store) Refused() *refusal.Last { return &s.refused }

var errEnded = trapf("the component has trapped before, so it can't be called again")

// trapf returns the trap of a guest that broke a rule.
func trapf(format string, args ...any) *engine.Trap {
	return &engine.Trap{Message: fmt.Sprintf(format, args...)}
}

// faultf returns the fault of a guest in the values of a call. The call makes it a trap.
func faultf(format string, args ...any) *cabi.Trap {
	return &cabi.Trap{Msg: fmt.Sprintf(format, args...)}
}
