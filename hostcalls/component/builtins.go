package component

import (
	"fmt"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine/meter"
)

// coreTypes are the types of built-ins of asynchronous calls, by the numbers of their i32 parameters and results.
func builtinType(params, results int) (t meter.FuncType) {
	for range params {
		t.Params = append(t.Params, i32)
	}
	for range results {
		t.Results = append(t.Results, i32)
	}
	return t
}

// builtinCost is the fuel for a built-in.
const builtinCost = 100

// asynchronous makes a built-in of asynchronous calls.
func (l *loader) asynchronous(c *plan.Canon) (canon, error) {
	made, err := l.asyncBuiltin(c)
	call := made.call
	made.call = func(s *Store, stack []uint64) error {
		if err := s.Charge(builtinCost); err != nil {
			return err
		}
		return call(s, stack)
	}
	return made, err
}

func (l *loader) asyncBuiltin(c *plan.Canon) (canon, error) {
	instance := c.Instance
	switch c.Def.Builtin {
	case binary.TaskReturn:
		return l.taskReturn(c), nil
	case binary.TaskCancel:
		return canon{typ: builtinType(0, 0), call: taskCancel(instance)}, nil
	case binary.SubtaskCancel:
		return canon{typ: builtinType(1, 1), call: subtaskCancel(instance, c.Def.Async)}, nil
	case binary.SubtaskDrop:
		return canon{typ: builtinType(1, 0), call: subtaskDrop(instance)}, nil
	case binary.WaitableSetNew:
		return canon{typ: builtinType(0, 1), call: setNew(instance)}, nil
	case binary.WaitableSetWait:
		return canon{typ: builtinType(2, 1), call: setWait(instance, c.Options.Memory.Instance)}, nil
	case binary.WaitableSetPoll:
		return canon{typ: builtinType(2, 1), call: setPoll(instance, c.Options.Memory.Instance)}, nil
	case binary.WaitableSetDrop:
		return canon{typ: builtinType(1, 0), call: setDrop(instance)}, nil
	case binary.WaitableJoin:
		return canon{typ: builtinType(2, 0), call: waitableJoin(instance)}, nil
	case binary.BackpressureInc:
		return canon{typ: builtinType(0, 0), call: backpressure(instance, "backpressure.inc", (*async.Instance).IncBackpressure)}, nil
	case binary.BackpressureDec:
		return canon{typ: builtinType(0, 0), call: backpressure(instance, "backpressure.dec", (*async.Instance).DecBackpressure)}, nil
	case binary.ThreadYield:
		return canon{typ: builtinType(0, 1), call: threadYield(instance)}, nil
	default:
		return l.ofEnds(c)
	}
}

// taskReturn makes task.return, whose parameter is the result of the function that runs.
func (l *loader) taskReturn(c *plan.Canon) canon {
	f := &types.Func{}
	if c.Type != nil {
		f.Params = []types.Field{{Name: "result", Type: c.Type}}
	}
	p, o := cabi.Lower(f, types.Sync), l.options(&c.Options)
	return canon{typ: coreType(p), call: taskReturn(c.Instance, p, &o, c.Type)}
}

// ofEnds makes a built-in of streams or futures.
func (l *loader) ofEnds(c *plan.Canon) (canon, error) {
	name, ok := endBuiltins[c.Def.Builtin]
	if !ok {
		return canon{}, unsupported(c.Def.Pos(), fmt.Sprintf("it imports the built-in 0x%02x", byte(c.Def.Builtin)), "threads and error contexts of components")
	}
	ch := channel{instance: c.Instance, name: name.text, typ: c.Type, writable: name.writable}
	switch name.does {
	case newEnds:
		return canon{typ: meter.FuncType{Results: []meter.ValType{meter.I64}}, call: endsNew(ch)}, nil
	case copyItems:
		params := 3
		if c.Type.Kind == types.Future {
			params = 2
		}
		o := l.options(&c.Options)
		return canon{typ: builtinType(params, 1), call: endCopy(ch, &o, c.Options.Async)}, nil
	case cancelCopy:
		return canon{typ: builtinType(1, 1), call: endCancel(ch, c.Def.Async)}, nil
	default:
		return canon{typ: builtinType(1, 0), call: endDrop(ch)}, nil
	}
}

// endBuiltin is a built-in of streams or futures.
type endBuiltin struct {
	text     string
	does     endWork
	writable bool
}

type endWork uint8

const (
	newEnds endWork = iota
	copyItems
	cancelCopy
	dropEnd
)

var endBuiltins = map[binary.Builtin]endBuiltin{
	binary.StreamNew:          {text: "stream.new"},
	binary.StreamRead:         {"stream.read", copyItems, false},
	binary.StreamWrite:        {"stream.write", copyItems, true},
	binary.StreamCancelRead:   {"stream.cancel-read", cancelCopy, false},
	binary.StreamCancelWrite:  {"stream.cancel-write", cancelCopy, true},
	binary.StreamDropReadable: {"stream.drop-readable", dropEnd, false},
	binary.StreamDropWritable: {"stream.drop-writable", dropEnd, true},
	binary.FutureNew:          {text: "future.new"},
	binary.FutureRead:         {"future.read", copyItems, false},
	binary.FutureWrite:        {"future.write", copyItems, true},
	binary.FutureCancelRead:   {"future.cancel-read", cancelCopy, false},
	binary.FutureCancelWrite:  {"future.cancel-write", cancelCopy, true},
	binary.FutureDropReadable: {"future.drop-readable", dropEnd, false},
	binary.FutureDropWritable: {"future.drop-writable", dropEnd, true},
}
