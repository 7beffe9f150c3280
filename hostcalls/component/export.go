package component

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/component/signature"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/link"
)

// This file has what other workloads call.

// Export is a call of a function by another workload.
type Export struct {
	Caller string // the id of the workload
	Args   link.Parcel
	// Returned is called with the results, on the store's fiber, unless the call is cancelled before, or the store ends. They count as
	// the component's memory, so many bytes, until Store.Free is called on the fiber.
	Returned func(results link.Parcel, held int64)
	// Exited is called on the store's fiber when the call has exited, and the streams and futures that cross with its values have ended; or
	// when the store is closed before the call has exited.
	Exited func(err error)
	// Lost says for the caller why its streams and futures end when the store is closed. It is called on the fiber.
	Lost func(failure error) error

	call      *Invocation
	side      linkSide
	cancelled bool
}

// StartExport is StartCall for such a call, which has its arguments from then on.
func (s *Store) StartExport(name string, e *Export) error {
	e.side = linkSide{store: s, function: name, peer: e.Caller, serves: true, lost: e.Lost}
	e.call = &Invocation{}
	number, ok := s.program.exports[name]
	if !ok {
		e.Args.Discard()
		return &abi.EntryError{Export: name, Msg: "the component exports no such function"}
	}
	return s.StartCall(name, e.call, &exported{Export: e, function: s.program.lifts[number].plan.Func})
}

// exported is the Invoker of an Export.
type exported struct {
	*Export
	function *types.Func
	results  link.Parcel
}

// Pass implements Invoker.
func (e *exported) Pass(c *Call) {
	for i := range e.Args.Values {
		v := &e.Args.Values[i]
		if err := e.side.incoming(e.function.Params[i].Type, v, e.Args.Streams); err != nil {
			engine.Abort(err)
		}
		c.Results.Value(*v)
	}
	e.Args = link.Parcel{}
}

// Take implements Invoker.
func (e *exported) Take(c *Call) {
	var err error
	if e.results, err = e.side.outgoingAll([]types.Field{{Type: e.function.Result}}, c.Args.Values()); err != nil {
		engine.Abort(err)
	}
}

// keep implements keeper.
func (e *exported) keep(held int64) {
	e.Returned(e.results, held)
	e.results = link.Parcel{}
}

// Exited implements Invoker.
func (e *exported) Exited(err error) { e.exited(err) }

// exited is called when the call has exited, or the store is closed.
func (e *Export) exited(err error) {
	e.Args.Discard()
	s := e.side.store
	if s.closed || len(e.side.ends) == 0 {
		e.Exited(err)
		return
	}
	e.side.over = func() { e.Exited(nil) }
	if e.cancelled {
		s.Do(func() error { return e.side.cut(nil) })
	}
}

// Cancel asks the call to end, as Invocation.Cancel does. If it has returned, its streams and futures end, and those who wait for them in
// the workload that has called are told why, unless that is nil.
func (e *Export) Cancel(why error) error {
	if e.call.of == nil || e.call.of.Resolved() {
		return e.side.cut(why)
	}
	e.cancelled = true
	return e.call.Cancel()
}

// Begun reports whether the call has begun. It may be called from any goroutine when StartExport has returned.
func (e *Export) Begun() bool { return e.call.Begun() }

// Withdraw takes the call back as Invocation.Withdraw does. The arguments are in Args again.
func (e *Export) Withdraw() bool { return e.call.Withdraw() }

// Moved reports whether something has crossed in a stream or future since it was asked last. It may be called from any goroutine.
func (e *Export) Moved() bool { return e.side.moved.Swap(false) }

// Offered returns the functions that the component exports and other workloads may call, and names those that they can't call, with
// the reason.
func (p *Program) Offered() (offered *link.Exports, withheld []string) {
	var all []link.Function
	for name, number := range p.exports {
		f := p.lifts[number].plan.Func
		if barrier := link.Barrier(f); barrier != nil {
			if !strings.HasPrefix(name, "wasi:") { // nobody expects that
				withheld = append(withheld, fmt.Sprintf("%s (%s)", name, barrier))
			}
			continue
		}
		of := signature.Named(name)
		all = append(all, link.Function{Interface: of.Interface, Name: of.Name, Type: f})
	}
	slices.Sort(withheld)
	return link.NewExports(all), withheld
}
