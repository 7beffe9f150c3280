package abi

import (
	"github.com/reactord/reactord/component/types"
)

// Plan is how the values of a function cross to one guest, and back.
type Plan struct {
	types.Signature
	Func    *types.Func
	Lowered bool // for the guest, which calls it

	params types.Type // the tuple of all, which is not interned and may be larger than a type
	size   int        // of it
	result types.Type // the tuple of the one
}

// Lift returns the plan of a function that a guest offers. With other modes than Sync it returns no result: that is the
// parameter of task.return, whose plan is Lower's of a function with that parameter.
func Lift(f *types.Func, mode types.Mode) *Plan {
	return newPlan(&Plan{Signature: types.LiftSignature(f, mode), Func: f})
}

// Lower returns the plan of a function that a guest calls.
func Lower(f *types.Func, mode types.Mode) *Plan {
	return newPlan(&Plan{Signature: types.LowerSignature(f, mode), Func: f, Lowered: true})
}

func newPlan(p *Plan) *Plan {
	p.params = types.Type{Kind: types.Tuple, Align: 1, Fields: make([]types.Field, len(p.Func.Params))}
	for i, f := range p.Func.Params {
		p.size = alignTo(p.size, f.Type.Align)
		f.Offset = uint32(p.size) // one that does not fit is of no account: there is no memory with so much room
		p.size += int(f.Type.Size)
		p.params.Align = max(p.params.Align, f.Type.Align)
		p.params.Fields[i] = f
	}
	p.size = alignTo(p.size, p.params.Align)
	p.result = types.Type{Kind: types.Tuple, Fields: []types.Field{{Type: p.Func.Result}}}
	return p
}

// Slots returns the length that a stack must have for a call of the core function.
func (p *Plan) Slots() int { return max(len(p.Core.Params), len(p.Core.Results)) }

func alignTo(n int, align uint32) int { return (n + int(align) - 1) &^ (int(align) - 1) }
