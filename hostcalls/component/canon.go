package component

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
)

// The canonical functions. Each checks that its instance may call out: neither realloc nor post-return may.

// Call implements api.GoModuleFunction, for host modules, whose context is the Store.
func (f canonFunc) Call(ctx context.Context, _ api.Module, stack []uint64) {
	if err := f(ctx.(*Store), stack); err != nil {
		engine.Abort(err)
	}
}

// leaving returns the component instance that calls out, or a trap if it may not.
func (s *Store) leaving(number int) (*instance, error) {
	in := &s.instances[number]
	if in.confined {
		return nil, trapf("cannot leave component instance: its realloc or post-return has called an import")
	}
	return in, nil
}

// lowerHost lowers a function of the host.
func lowerHost(instance int, p *cabi.Plan, o *options, f *Function, name string) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		s.Begin(&name)
		if err := s.Charge(callCost); err != nil {
			return err
		}
		x := s.enter(in, o, name)
		x.beginHostCall(p, stack)
		f.Call(&x.call)
		return x.endHostCall()
	}
}

// What surrounds a wait is on the stack of the guest's goroutine as long as it waits. So the functions that are left before it
// are apart from those that are not, here and in invoke. (BenchmarkWaiting)

//go:noinline
func (x *crossing) beginHostCall(p *cabi.Plan, stack []uint64) {
	x.OnError = x.abort // so that no host function works on what could not be read
	x.call.Args = p.ReadParams(&x.Context, stack)
	x.call.Results = p.WriteResult(&x.Context, stack)
}

func (x *crossing) endHostCall() error {
	if err := x.endValues(); err != nil {
		return err
	}
	x.store.leave(x)
	return nil
}

// endValues ends the writing of results.
func (x *crossing) endValues() error {
	if err := x.call.Results.End(); err != nil {
		return x.fault(err)
	}
	if x.held > 0 {
		x.store.Free(x.held)
	}
	return nil
}

// lowerLift lowers a synchronous function that another component lifts: values go from one memory to the other, and the call
// runs on the caller's fiber.
func lowerLift(instance int, p *cabi.Plan, o *options, l *lift) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		from := s.enter(in, o, l.name)
		a, err := s.activate(l, l.name, nil, nil)
		if err != nil {
			return err
		}
		to := s.enter(a.in(), &l.options, l.name)
		to.called = a
		a.Start()
		args, params := p.ReadParams(&from.Context, stack), l.plan.WriteParams(&to.Context, to.stack[:])
		if err := copyValues(&params, &args, from, to); err != nil {
			return err
		}
		if err := a.callCore(&l.core, to.stack[:]); err != nil {
			return err
		}
		returned, result := l.plan.ReadResult(&to.Context, to.stack[:]), p.WriteResult(&from.Context, stack)
		if err := copyValues(&result, &returned, to, from); err != nil {
			return err
		}
		if err := a.finish(to); err != nil {
			return err
		}
		s.leave(from)
		return nil
	}
}

// copyValues copies values of a call from one of its sides to the other.
func copyValues(w *cabi.Writer, r *cabi.Reader, from, to *crossing) error {
	cabi.Copy(w, r)
	if err := from.Err(); err != nil {
		return from.fault(err)
	}
	if err := w.End(); err != nil {
		return to.fault(err)
	}
	return nil
}

// resourceNew makes an own handle of a representation.
func resourceNew(instance int, r *types.Resource) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		index, err := s.addHandle(in, handle{kind: ownHandle, resource: r, rep: uint32(stack[0])})
		stack[0] = uint64(index)
		return builtinFault("resource.new", err)
	}
}

// resourceRep returns what a handle represents, to the component that defines the resource.
func resourceRep(instance int, r *types.Resource) canonFunc {
	return func(s *Store, stack []uint64) error {
		h, err := s.instances[instance].handles.get(uint32(stack[0]), r)
		if err != nil {
			return builtinFault("resource.rep", err)
		}
		stack[0] = uint64(h.rep)
		return nil
	}
}

// resourceDrop drops a handle. That of an own handle calls the destructor, in the component that defines the resource.
func resourceDrop(instance int, r *types.Resource, of *resource) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		h, err := in.handles.take(uint32(stack[0]), r)
		if err != nil {
			return builtinFault("resource.drop", err)
		}
		switch {
		case h.kind == borrowHandle:
			s.activations[h.scope].DropBorrow()
		case of.drop != nil:
			return s.dropObject(of, h.rep)
		case of.dtor != nil:
			return s.destroy(of, h.rep)
		}
		return nil
	}
}

// destroy calls the destructor of a resource, which is a synchronous call.
func (s *Store) destroy(of *resource, rep uint32) error {
	a, err := s.activate(of.dtor, of.dtor.name, nil, nil)
	if err != nil {
		return err
	}
	a.Start()
	stack := [1]uint64{uint64(rep)}
	if err := a.callCore(&of.dtor.core, stack[:]); err != nil {
		return err
	}
	if err := a.CanReturn(); err != nil {
		return a.fault(err)
	}
	a.Return()
	return a.settle()
}

// builtinFault says in which canonical function a guest was at fault.
func builtinFault(name string, err error) error {
	if err == nil {
		return nil
	}
	return trapf("%s: %v", name, err)
}

// dropObject drops an object of the host.
func (s *Store) dropObject(of *resource, rep uint32) error {
	if err := s.Charge(callCost); err != nil {
		return err
	}
	of.drop(&Call{store: s, waits: &s.Call}, rep)
	return nil
}

// fullName is the name of a function, by which components call it and it is called: "f", or "ns:pkg/iface@1.0.0#f".
func fullName(iface, name string) string {
	if iface == "" {
		return name
	}
	return iface + "#" + name
}
