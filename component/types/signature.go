package types

import "github.com/reactord/reactord/component/binary"

// Mode is how a function is lifted or lowered.
type Mode uint8

// The modes.
const (
	Sync     Mode = iota
	Async         // a lifted function has a callback
	Stackful      // lifted only: async, without a callback
)

// Numbers of core values up to which they are not passed in memory, as MaxFlat.
const (
	maxFlatAsyncParams = 4
	maxFlatResults     = 1
)

// Signature is a function type as core code has it.
type Signature struct {
	Core           binary.CoreFuncType
	ParamsInMemory bool // the only parameter points to all of them
	ResultInMemory bool // a lifted function returns a pointer to it; a lowered one is given one as its last parameter
}

// LiftSignature returns what the core function must be that is lifted to f.
func LiftSignature(f *Func, mode Mode) (s Signature) {
	s.flattenParams(f, MaxFlat)
	switch mode {
	case Async:
		s.Core.Results = []binary.CoreValType{binary.CoreI32}
	case Stackful:
	case Sync:
		if s.flattenResult(f, maxFlatResults); s.ResultInMemory {
			s.Core.Results = []binary.CoreValType{binary.CoreI32}
		}
	}
	return s
}

// LowerSignature returns the core function that f is lowered to.
func LowerSignature(f *Func, mode Mode) (s Signature) {
	maxParams, maxResults := MaxFlat, maxFlatResults
	if mode != Sync {
		maxParams, maxResults = maxFlatAsyncParams, 0
	}
	s.flattenParams(f, maxParams)
	if s.flattenResult(f, maxResults); s.ResultInMemory {
		s.Core.Params = append(s.Core.Params, binary.CoreI32)
	}
	if mode != Sync {
		s.Core.Results = []binary.CoreValType{binary.CoreI32} // the state of the subtask
	}
	return s
}

func (s *Signature) flattenParams(f *Func, limit int) {
	flat := 0
	for i := range f.Params {
		flat += int(f.Params[i].Type.Flat)
	}
	if s.ParamsInMemory = flat > limit; s.ParamsInMemory {
		s.Core.Params = []binary.CoreValType{binary.CoreI32}
		return
	}
	for i := range f.Params {
		s.Core.Params = append(s.Core.Params, f.Params[i].Type.core...)
	}
}

func (s *Signature) flattenResult(f *Func, limit int) {
	if f.Result == nil {
		return
	}
	if s.ResultInMemory = int(f.Result.Flat) > limit; !s.ResultInMemory {
		s.Core.Results = f.Result.core
	}
}
