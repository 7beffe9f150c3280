package plan

import "github.com/reactord/reactord/component/binary"

// canon adds a function that is defined by the canonical ABI.
func (s *scope) canon(d *binary.Canon) error {
	options, err := s.options(d)
	if err != nil {
		return err
	}
	if d.Builtin == binary.Lift {
		return s.lift(d, options)
	}
	c := Canon{Def: d, Instance: s.instance, Options: options}
	switch d.Builtin {
	case binary.Lower:
		it, err := s.get(binary.FuncSort, d.Func, d.Pos())
		if err != nil {
			return err
		}
		c.Func, c.Target = it.fn.typ, it.fn.target
	case binary.ResourceNew, binary.ResourceDrop, binary.ResourceRep:
		it, err := s.get(binary.TypeSort, d.Type, d.Pos())
		if err != nil {
			return err
		}
		var ok bool
		if c.Resource, ok = s.resources[it.typ.resource]; !ok {
			return fault(d.Pos(), "type index %d is not a resource type", d.Type)
		}
	case binary.StreamNew, binary.StreamRead, binary.StreamWrite, binary.StreamCancelRead, binary.StreamCancelWrite,
		binary.StreamDropReadable, binary.StreamDropWritable, binary.FutureNew, binary.FutureRead, binary.FutureWrite,
		binary.FutureCancelRead, binary.FutureCancelWrite, binary.FutureDropReadable, binary.FutureDropWritable:
		it, err := s.get(binary.TypeSort, d.Type, d.Pos())
		if err != nil {
			return err
		}
		c.Type = it.typ.value
	case binary.TaskReturn:
		if c.Type, err = s.valueType(d.Result, d.Pos()); err != nil {
			return err
		}
	}
	if c.Func != nil {
		if err := s.spendParts(len(c.Func.Params), d.Pos()); err != nil {
			return err
		}
	}
	s.add(item{sort: binary.CoreFuncSort, core: CoreDef{Sort: binary.CoreFuncSort, Instance: Canonical, Canon: len(s.plan.Canons)}})
	s.plan.Canons = append(s.plan.Canons, c)
	return nil
}

// lift adds a function that a component lifts.
func (s *scope) lift(d *binary.Canon, options Options) error {
	core, err := s.get(binary.CoreFuncSort, d.Func, d.Pos())
	if err != nil {
		return err
	}
	typ, err := s.get(binary.TypeSort, d.Type, d.Pos())
	if err != nil {
		return err
	}
	if typ.typ.fn == nil {
		return fault(d.Pos(), "type index %d is not a function type", d.Type)
	}
	if err := s.spendParts(len(typ.typ.fn.Params), d.Pos()); err != nil {
		return err
	}
	s.add(item{sort: binary.FuncSort, fn: function{typ.typ.fn, Target{Lift: len(s.plan.Lifts)}}})
	s.plan.Lifts = append(s.plan.Lifts, Lift{Instance: s.instance, Func: typ.typ.fn, Core: core.core, Options: options, Offset: d.Pos()})
	return nil
}

// options returns the options of a canonical function.
func (s *scope) options(d *binary.Canon) (Options, error) {
	o := Options{Encoding: binary.UTF8Opt}
	for _, opt := range d.Options {
		var to **CoreDef
		sort := binary.CoreFuncSort
		switch opt.Kind {
		case binary.UTF8Opt, binary.UTF16Opt, binary.Latin1UTF16Opt:
			o.Encoding = opt.Kind
			continue
		case binary.AsyncOpt:
			o.Async = true
			continue
		case binary.MemoryOpt:
			to, sort = &o.Memory, binary.CoreMemorySort
		case binary.ReallocOpt:
			to = &o.Realloc
		case binary.PostReturnOpt:
			to = &o.PostReturn
		case binary.CallbackOpt:
			to = &o.Callback
		default:
			return o, fault(d.Pos(), "the canonical option 0x%02x is not supported", byte(opt.Kind))
		}
		it, err := s.get(sort, opt.Index, d.Pos())
		if err != nil {
			return o, err
		}
		def := it.core
		*to = &def
	}
	switch d.Builtin {
	case binary.WaitableSetWait, binary.WaitableSetPoll:
		it, err := s.get(binary.CoreMemorySort, d.Memory, d.Pos())
		if err != nil {
			return o, err
		}
		def := it.core
		o.Memory = &def
	}
	return o, nil
}
