package abi

import (
	"context"
	"errors"
	"fmt"

	"github.com/reactord/reactord/executor/engine"
)

// Set is the ABIs of a node. It does not change.
type Set struct {
	abis   []ABI
	byKind map[Kind]ABI
}

// NewSet makes a set. No kind may belong to two of its ABIs, and it has one ABI at least.
func NewSet(abis ...ABI) (*Set, error) {
	if len(abis) == 0 {
		return nil, errors.New("there is no ABI")
	}
	s := &Set{abis: abis, byKind: map[Kind]ABI{}}
	for _, a := range abis {
		for _, kind := range a.Kinds() {
			if other := s.byKind[kind]; other != nil {
				return nil, fmt.Errorf("modules of kind %d are run by two ABIs, %T and %T", kind, other, a)
			}
			s.byKind[kind] = a
		}
	}
	return s, nil
}

// Define adds the host modules of all ABIs to an engine.
func (s *Set) Define(ctx context.Context, e *engine.Engine) error {
	for _, a := range s.abis {
		if err := e.AddHost(ctx, a.Define); err != nil {
			return err
		}
	}
	return nil
}

// Of returns the ABI that runs a kind of modules, or an *UnknownKindError.
func (s *Set) Of(kind Kind) (ABI, error) {
	if a := s.byKind[kind]; a != nil {
		return a, nil
	}
	return nil, &UnknownKindError{kind}
}

// Load returns the program of a module whose kind is not known yet: that of the first ABI that takes it. If
// none does the error is the first one's. Otherwise it is ABI.Load.
func (s *Set) Load(ctx context.Context, e *engine.Engine, source Source) (Program, error) {
	var refusal error
	for _, a := range s.abis {
		program, err := a.Load(ctx, e, source)
		if _, foreign := errors.AsType[*ForeignError](err); !foreign {
			return program, err
		}
		if refusal == nil {
			refusal = err
		}
	}
	return nil, refusal
}
