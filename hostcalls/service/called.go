package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/internal/clip"
)

// This file serves calls of other workloads. To the pool they are requests, whose answers are results.

// called is a call of another workload.
type called struct {
	link.Call
	answer func(link.Answer) // for the one answer
	export *component.Export // of the component that has it, and the arguments; set before the request is sent
	why    error             // that it is given up, for the workload that has called; guarded by supervisor.mu
}

var _ link.Provider = (*supervisor)(nil)

// Exports implements link.Provider.
func (s *supervisor) Exports() *link.Exports { return s.offered }

// Call implements link.Provider. A call has no deadline of the service's own: who calls ends it.
func (s *supervisor) Call(c link.Call, answer func(link.Answer)) (cancel func()) {
	r := &request{start: time.Now(), called: &called{Call: c, answer: answer}}
	if !s.admit(r) {
		err := s.refusedCall()
		r.called.Args.Discard()
		r.logCall(err)
		answer(link.Answer{Err: err})
		return func() {}
	}
	return r.giveUp
}

// refusedCall says why there is no room for a call.
func (s *supervisor) refusedCall() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errEnding
	}
	return s.fullError()
}

// errEnding is the answer of a service that is ending.
var errEnding = errors.New("it is ending")

// errGivenUp is what becomes of a call whose caller does not wait for the answer.
var errGivenUp = errors.New("its caller gave it up")

// endedError is the answer of an instance that has ended by itself.
func endedError(why error) error {
	const most = 1 << 10
	return fmt.Errorf("the instance that had the call has ended: %s", clip.Text(why.Error(), most))
}

// String is the call for people.
func (c *called) String() string {
	if c.Caller == "" {
		return c.Function + " for a call without a workload"
	}
	return c.Function + " for workload " + c.Caller
}

// tell answers. The lock of the service is held.
func (c *called) tell(a answer) {
	a.returned.Err = a.err
	c.answer(a.returned)
}

// callExport has the component called, on the fiber of its store.
func (r *request) callExport(store *component.Store) (component.Ongoing, error) {
	e := &component.Export{
		Caller: r.called.Caller, Args: r.called.Args,
		Returned: func(results link.Parcel, held int64) { r.returned(store, results, held) },
		Exited: func(err error) {
			if err == nil {
				r.Done()
			}
		},
		Lost: r.lost,
	}
	r.called.Args, r.called.export = link.Parcel{}, e
	return exporting{e, r}, store.StartExport(r.called.Function, e)
}

// exporting is a call of an export that the component has, as a component.Ongoing.
type exporting struct {
	*component.Export
	request *request
}

// Cancel implements component.Ongoing.
func (e exporting) Cancel() error { return e.Export.Cancel(e.request.why()) }

// why is why the call is given up, for the workload that has called.
func (r *request) why() error {
	r.service.mu.Lock()
	defer r.service.mu.Unlock()
	return r.called.why
}

// lost words why the instance ends that has the call.
func (r *request) lost(failure error) error {
	s := r.service
	s.mu.Lock()
	defer s.mu.Unlock()
	switch i := r.instance; {
	case i == nil:
		failure = nil
	case i.told:
		failure = i.lost
	}
	return r.lostTo(failure)
}

// lostTo is the answer if the instance that had the call has ended; failure is nil if it was told to. mu is held.
func (r *request) lostTo(failure error) error {
	switch {
	case failure != nil:
		return endedError(failure)
	case r.service.stopping:
		return errEnding
	default:
		return errAbandoned
	}
}

// errIdle is the end of streams and futures in which nothing has moved for as long as a request may take.
var errIdle = errors.New("it has returned, and nothing has moved since for as long as a request may take")

// idle reports whether the call, which has returned, is to end, since nothing has moved in its streams and futures since idle was asked
// last. mu is held.
func (c *called) idle() bool {
	if c.export.Moved() {
		return false
	}
	c.why = errIdle
	return true
}

// returned is called when the component's function has returned, on the fiber: the component may go on for as long as a request may take,
// and then as long again as its streams and futures move something. What it has returned counts as its memory until the caller has it.
func (r *request) returned(store *component.Store, results link.Parcel, held int64) {
	a := answer{returned: link.Answer{Results: results}}
	if held > 0 {
		a.returned.Taken = func() {
			store.Do(func() error {
				store.Free(held)
				return nil
			})
		}
	}
	s := r.service
	s.mu.Lock()
	s.answers = true
	r.sent, r.due = true, time.Now().Add(s.timeout)
	took := r.tell(a)
	s.mu.Unlock()
	if !took {
		results.Discard()
		store.Free(held)
		return
	}
	r.logCall(nil)
}

// logCall writes a line about a call that is over, with why it has not returned, unless that is nil. Requests of HTTP have lines of their
// own.
func (r *request) logCall(failure error) {
	if r.called == nil || !r.service.config.Serve.AccessLog {
		return
	}
	result := "returned"
	if failure != nil {
		result = "failed: " + failure.Error() + ","
	}
	r.service.tell("call %s %s in %v", r, result, time.Since(r.start).Round(time.Microsecond))
}

// refuseCalls answers the calls that still wait for an instance of a service that ends, and returns them. Requests of HTTP end with their
// connections. mu is held.
func (s *supervisor) refuseCalls() (ended []*request) {
	for t := range s.pool.waiting.all() {
		if t.request.called != nil {
			ended = append(ended, t.request)
		}
	}
	for _, r := range ended {
		s.pool.withdraw(&r.ticket)
		r.over = true
		r.called.Args.Discard()
		r.tell(answer{err: errEnding})
	}
	return ended
}

// hasCalls reports whether calls of other workloads are under way, or wait.
func (s *supervisor) hasCalls() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.instances {
		for r := range i.requests {
			if r.called != nil {
				return true
			}
		}
	}
	for t := range s.pool.waiting.all() {
		if t.request.called != nil {
			return true
		}
	}
	return false
}
