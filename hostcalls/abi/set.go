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

// NewSet makes a set of one or more ABIs. A kind must not belong to two of them.
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

// Load is ABI.Load for a module whose kind is not known yet. It returns the program of the first ABI that
// accepts the module. If none does, the error is that of the first ABI.
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
