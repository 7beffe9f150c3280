package component

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

// Program is a loaded component: its definition, and the core modules that the engine has compiled. It does not change, and
// all its stores share it.
type Program struct {
	*definition
	composite  *engine.Composite // which has the definition; with one holder
	engine     *engine.Engine
	modules    []*engine.Module // by the numbers of the steps; each with one holder
	startBytes int64

	mu      sync.Mutex
	holders int // whoever loaded it, and the processes that run
}

// definition is what a component is, apart from its compiled core modules. It does not change. The engine keeps it for a while
// after its last use, as it keeps compiled modules: most components are run again, and reading a large one takes longer than
// starting it.
//
// Core functions that the host calls (lifted ones, realloc, post-return, destructors) have numbers here, and a store has
// what they stand for.
type definition struct {
	abi         *ABI
	description *abi.Description
	bytes       int64 // of memory, about

	steps     []step
	functions []coreExport
	lifts     []lift
	canons    []canon
	exports   map[string]int // by full names, in lifts
	links     []linkImport   // what other workloads give
	run       int            // wasi:cli/run, in lifts; -1: there is none
	resources map[*types.Resource]*resource
	instances int
	sources   []coreSource // by step.source

	hosts []*engine.HostModule
}

// Close frees the host modules.
func (d *definition) Close() error {
	var errs []error
	for _, h := range d.hosts {
		errs = append(errs, h.Close())
	}
	return errors.Join(errs...)
}

// storeBytes returns the memory that a store takes for what the component is made of, without its core instances. There may be
// a million component instances.
func (d *definition) storeBytes() int64 {
	const pointer = 8
	return int64(unsafe.Sizeof(instance{}))*int64(d.instances) + pointer*int64(len(d.functions))
}

// step makes a core instance.
type step struct {
	source    int
	linking   engine.Linking
	providers []provider
	calls     []coreExport // when the instance is there
}

// provider is what a module imports from: one of its numbers is not negative.
type provider struct {
	core    int // of a step before
	context int // of a component instance, whose context slots they are
	host    int // in definition.hosts
}

// coreExport is a function that a core instance exports.
type coreExport struct {
	core int
	name string
}

// coreFunc is a core function: one of definition.functions by its number, or of definition.canons.
type coreFunc struct {
	number    int
	canonical bool
}

// canonFunc is a function that is defined by the canonical ABI. The stack is as wazero's: arguments in, results out.
type canonFunc func(s *Store, stack []uint64) error

// resource is a resource type of a component, or of the host.
type resource struct {
	instance int                       // the component instance that defines it, or plan.Host
	dtor     *lift                     // nil: there is none
	host     *types.Resource           // that it is; nil: it is the component's own
	drop     func(c *Call, rep uint32) // of the host's
}

// Description implements abi.Program.
func (p *Program) Description() *abi.Description {
	d := *p.description
	return &d
}

// StartBytes implements abi.Program.
func (p *Program) StartBytes() int64 { return p.startBytes }

// retain adds a holder.
func (p *Program) retain() {
	p.mu.Lock()
	p.holders++
	p.mu.Unlock()
}

// Release implements abi.Program.
func (p *Program) Release() {
	p.mu.Lock()
	p.holders--
	last := p.holders == 0
	p.mu.Unlock()
	if last {
		p.composite.Release(p.modules)
	}
}
