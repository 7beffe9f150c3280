package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/executor/engine"
)

// lift is a core function that a component instance makes a component function.
type lift struct {
	instance int
	mode     async.Lift
	plan     *cabi.Plan
	core     coreFunc
	options  options
	name     string // of the core function, for messages
}

// callCore calls a core function.
func (s *Store) callCore(f *coreFunc, stack []uint64) error {
	if f.canonical {
		return s.callCanonical(f.number, stack)
	}
	function := s.functions[f.number]
	if function == nil {
		function = s.function(f.number)
	}
	return function.Call(stack)
}

// function looks up a core function that is called for the first time.
//
//go:noinline
func (s *Store) function(number int) *engine.Function {
	export := s.program.functions[number]
	s.functions[number] = s.cores[export.core].Function(export.name)
	return s.functions[number]
}

// callCanonical calls a canonical function that is lifted, or is an option of another one. Nobody's tools make such components,
// in which thousands of such calls can be in each other without any guest code.
//
//go:noinline
func (s *Store) callCanonical(number int, stack []uint64) error {
	return s.group.Load().Nest(func() error { return s.program.canons[number].call(s, stack) })
}
