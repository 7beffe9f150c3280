package component

import (
	"fmt"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
)

// loader makes the definition of a plan.
type loader struct {
	*definition
	engine   *engine.Engine
	plan     *plan.Plan
	imported []*Function        // from the host, by the numbers of plan.Imports
	numbers  map[coreExport]int // in Program.functions
	cores    coreModules

	hostFunctionCount int // of all host modules
}

// maxCanonical bounds the lifted functions and the canonical ones of a component: those within it count with each instance.
const maxCanonical = 1 << 16

// define makes everything of the program but its core modules.
func (l *loader) define() error {
	p := l.plan
	if n := len(p.Lifts) + len(p.Canons); n > maxCanonical {
		return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf("the component lifts and lowers %d functions, the limit is %d", n, maxCanonical)}
	}
	l.instances, l.lifts = p.Instances, make([]lift, len(p.Lifts))
	for i := range p.Resources {
		if r := &p.Resources[i]; r.Instance != plan.Host {
			l.resources[r.Type] = &resource{instance: r.Instance, dtor: l.destructor(r)}
		}
	}
	for i := range p.Lifts {
		f := &p.Lifts[i]
		mode, coreMode := liftMode(&f.Options)
		l.lifts[i] = lift{
			instance: f.Instance, mode: mode, plan: cabi.Lift(f.Func, coreMode), core: *l.coreFunc(&f.Core), options: l.options(&f.Options),
			name: f.Core.Export,
		}
	}
	for i := range p.Canons {
		made, err := l.canon(&p.Canons[i])
		if err != nil {
			return err
		}
		l.canons = append(l.canons, made)
	}
	for i := range p.Exports {
		if e := &p.Exports[i]; e.Target.Lift != plan.Host {
			l.exports[fullName(e.Interface, e.Name)] = e.Target.Lift
		}
	}
	return nil
}

// liftMode returns how a function is lifted.
func liftMode(o *plan.Options) (async.Lift, types.Mode) {
	switch {
	case !o.Async:
		return async.Synchronous, types.Sync
	case o.Callback != nil:
		return async.WithCallback, types.Async
	default:
		return async.Stackful, types.Stackful
	}
}

// destructor returns the destructor of a resource type as a function, or nil.
func (l *loader) destructor(r *plan.Resource) *lift {
	if r.Dtor == nil {
		return nil
	}
	return &lift{instance: r.Instance, plan: cabi.Lift(&types.Func{}, types.Sync), core: *l.coreFunc(r.Dtor), name: "the destructor of " + resourceName(r.Type)}
}

// coreFunc returns a core function, with a number if it is one of a core instance.
func (l *loader) coreFunc(d *plan.CoreDef) *coreFunc {
	if d == nil {
		return nil
	}
	if d.Instance == plan.Canonical {
		return &coreFunc{canonical: true, number: d.Canon}
	}
	export := coreExport{d.Instance, d.Export}
	number, ok := l.numbers[export]
	if !ok {
		number = len(l.functions)
		l.numbers[export] = number
		l.functions = append(l.functions, export)
	}
	return &coreFunc{number: number}
}

var encodings = map[binary.CanonOptKind]cabi.Encoding{
	binary.UTF8Opt: cabi.UTF8, binary.UTF16Opt: cabi.UTF16, binary.Latin1UTF16Opt: cabi.Latin1UTF16,
}

func (l *loader) options(o *plan.Options) options {
	made := options{encoding: encodings[o.Encoding], memory: -1, realloc: l.coreFunc(o.Realloc), postReturn: l.coreFunc(o.PostReturn), callback: l.coreFunc(o.Callback)}
	if o.Memory != nil {
		made.memory = o.Memory.Instance
	}
	return made
}

// canon is a canonical function that core code imports.
type canon struct {
	typ  meter.FuncType
	call canonFunc
	// Of context.get and context.set, which the engine has itself, for the context slots of a component instance.
	builtin  meter.Builtin
	instance int
}

const i32 = meter.I32

func (l *loader) canon(c *plan.Canon) (canon, error) {
	handle := meter.FuncType{Params: []meter.ValType{i32}, Results: []meter.ValType{i32}}
	switch c.Def.Builtin {
	case binary.Lower:
		return l.lower(c)
	case binary.ResourceNew:
		return canon{typ: handle, call: resourceNew(c.Instance, l.plan.Resources[c.Resource].Type)}, nil
	case binary.ResourceRep:
		return canon{typ: handle, call: resourceRep(c.Instance, l.plan.Resources[c.Resource].Type)}, nil
	case binary.ResourceDrop:
		r := l.plan.Resources[c.Resource].Type
		return canon{typ: meter.FuncType{Params: handle.Params}, call: resourceDrop(c.Instance, r, l.resources[r])}, nil
	case binary.ContextGet, binary.ContextSet:
		return l.context(c)
	default:
		return l.asynchronous(c)
	}
}

func (l *loader) lower(c *plan.Canon) (canon, error) {
	mode := types.Sync
	if c.Options.Async {
		mode = types.Async
	}
	low := &lowering{instance: c.Instance, plan: cabi.Lower(c.Func, mode), options: l.options(&c.Options), async: c.Options.Async}
	made := canon{typ: coreType(low.plan)}
	if c.Target.Lift == plan.Host {
		imported := &l.plan.Imports[c.Target.Host]
		low.name = fullName(imported.Interface, imported.Name)
		if c.Func.Async {
			made.call = lowerHostAsync(low, l.imported[c.Target.Host])
		} else {
			made.call = lowerHost(c.Instance, low.plan, &low.options, l.imported[c.Target.Host], low.name)
		}
		return made, nil
	}
	to := &l.lifts[c.Target.Lift]
	low.name = to.name
	if c.Func.Async {
		made.call = lowerAsync(low, to)
	} else {
		made.call = lowerLift(c.Instance, low.plan, &low.options, to)
	}
	return made, nil
}

// coreType returns the type of the core function of a plan.
func coreType(p *cabi.Plan) (t meter.FuncType) {
	for _, v := range p.Core.Params {
		t.Params = append(t.Params, meter.ValType(v)) // both have the codes of the binary format
	}
	for _, v := range p.Core.Results {
		t.Results = append(t.Results, meter.ValType(v))
	}
	return t
}

// context makes context.get or context.set.
func (l *loader) context(c *plan.Canon) (canon, error) {
	if c.Def.SlotType != binary.CoreValType(i32) || c.Def.Slot > 1 {
		return canon{}, unsupported(c.Def.Pos(), "a context slot is not one of two i32", "64-bit memories")
	}
	made := canon{instance: c.Instance, builtin: meter.ContextGet0 + meter.Builtin(c.Def.Slot)}
	instance, slot, set := c.Instance, c.Def.Slot, c.Def.Builtin == binary.ContextSet // the plan is not kept
	if set {
		made.builtin = meter.ContextSet0 + meter.Builtin(c.Def.Slot)
	}
	_, made.typ = made.builtin.Function()
	made.call = func(s *Store, stack []uint64) error { // if it is lifted, or an option: nobody does that
		storage, err := s.contextStorage(instance)
		if err != nil {
			return err
		}
		slots := storage.Get()
		if !set {
			stack[0] = uint64(slots[slot])
			return nil
		}
		slots[slot] = uint32(stack[0])
		storage.Set(slots)
		return nil
	}
	return made, nil
}
