package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// request is a request on its way through the service. Its connection's goroutine waits for the answer, and then for the body;
// everything else happens on the fiber of the instance that has it.
type request struct {
	ticket
	service  *supervisor
	number   uint64 // of the service's, from 1 on: the mark of the component's calls for it
	start    time.Time
	due      time.Time // when it is to be over
	message  wasihttp.Request
	exchange wasihttp.Exchange
	answered chan answer // for the one answer
	in       *upload
	out      *response
	called   *called // it is a call of another workload; nil: it is of HTTP
	traced   wasihttp.Traced

	// Guarded by supervisor.mu.
	instance *instance         // nil while it waits
	handled  bool              // the instance's store has it
	call     component.Ongoing // of the component for it; nil: there is none, or none that can be asked
	leaving  bool              // it is about to be withdrawn
	passed   bool              // the component did not have it when it was looked after
	told     bool              // answered has got an answer
	sent     bool              // the answer has gone out
	gone     bool              // nobody waits for the answer, or for the component to end
	since    time.Time         // gone is true
	over     bool              // the component has it no more, and the pool does not know it
}

// answer is what the component has answered: a response, or the results of a call, or why there is none.
type answer struct {
	response *wasihttp.Response
	returned link.Answer
	err      error
}

// caller says whose turn it is: each workload that calls has turns of its own, and so have all requests of HTTP together, and all calls
// without a workload.
func (r *request) caller() string {
	if r.called != nil {
		return "call " + r.called.Caller
	}
	return "HTTP"
}

// fullError says that there is no room for a request. mu is held.
func (s *supervisor) fullError() error {
	return fmt.Errorf("%w: %d, while all its instances are busy", errFull, s.pool.policy.Queue)
}

// String is the request for people: "GET /path".
func (r *request) String() string {
	if r.called != nil {
		return r.called.String()
	}
	return name(r.out.from)
}

var (
	// errAbandoned is the answer of an instance that has ended.
	errAbandoned = errors.New("the instance that had the request has ended")
	// errFull is the answer if there is no room for the request.
	errFull = errors.New("as many requests wait as may wait")
	// errLate is the answer if there is none when the request is due.
	errLate = errors.New("the component has not answered in time")
	// errSlow is the answer to a client that is too slow.
	errSlow = errors.New("the client is too slow")
)

// admit takes a request. It reports false if there is no room for it.
func (s *supervisor) admit(r *request) bool {
	r.service, r.ticket.request, r.ticket.caller = s, r, r.caller()
	r.answered = make(chan answer, 1)
	r.exchange = wasihttp.Exchange{Request: &r.message, Asker: r}
	s.mu.Lock()
	s.counts.Requests++
	r.number = s.counts.Requests
	v, instead := refused, (*ticket)(nil)
	if !s.stopping {
		v, instead = s.pool.admit(&r.ticket)
	}
	var full error
	if instead != nil {
		full = s.fullError()
		s.counts.Refused++
		instead.request.over = true
		if c := instead.request.called; c != nil {
			c.Args.Discard()
		}
		instead.request.tell(answer{err: full})
	}
	s.tendBy(r.start.Add(min(tendEvery, s.timeout)))
	var p placed
	switch v {
	case refused:
		s.counts.Refused++
	case given, made:
		p = s.give(r, v == made)
	}
	s.mu.Unlock()
	if instead != nil {
		instead.request.logCall(full)
	}
	if p.request != nil {
		s.dispatchOne(p)
	}
	return v != refused
}

// queues reports whether a request waits for an instance.
func (s *supervisor) queues(r *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.instance == nil
}

// placed is a request that has got an instance, which is to be started if made.
type placed struct {
	*request
	to   *instance
	made bool
}

// give notes that a request has got an instance. mu is held.
func (s *supervisor) give(r *request, made bool) placed {
	m := r.ticket.member
	if made {
		s.addInstance(m)
	}
	r.instance, r.passed = m.instance, false
	r.instance.requests[r] = struct{}{}
	return placed{r, m.instance, made}
}

// assign gives instances to requests that wait; dispatch follows. mu is held.
func (s *supervisor) assign() (all []placed) {
	for !s.stopping {
		t, v := s.pool.next()
		if t == nil {
			return all
		}
		all = append(all, s.give(t.request, v == made))
	}
	return all
}

// dispatch hands requests to the instances that they have got.
func (s *supervisor) dispatch(all []placed) {
	for _, p := range all {
		s.dispatchOne(p)
	}
}

func (s *supervisor) dispatchOne(p placed) {
	p.to.do(p.handle)
	if p.made {
		p.to.start()
	}
}

// handle gives the request to the component, unless it was taken back. It is a job of the instance's store.
func (p placed) handle() (err error) {
	r, s := p.request, p.service
	s.mu.Lock()
	if p.to.gate == 0 {
		p.to.member.stalled = false
	}
	begins := r.instance == p.to && !r.handled
	r.handled = r.handled || begins
	s.mu.Unlock()
	if !begins {
		return nil
	}
	p.to.store.Mark(r.number)
	var call component.Ongoing
	if r.called != nil {
		call, err = r.callExport(p.to.store)
	} else {
		call, err = s.handler.Handle(p.to.store, &r.exchange)
	}
	if err == nil {
		s.mu.Lock()
		r.call = call
		s.mu.Unlock()
	}
	return err
}

// begun reports whether the component has begun with the request. mu is held.
func (r *request) begun() bool { return r.handled && (r.call == nil || r.call.Begun()) }

// takeCall takes back what the store has of a request that the component has not begun with, and does not begin with any more. mu is held.
func (r *request) takeCall() {
	r.handled, r.call = false, nil
	if c := r.called; c != nil && c.export != nil {
		c.Args, c.export.Args, c.export = c.export.Args, link.Parcel{}, nil
	}
}

// Answer implements wasihttp.Asker.
func (r *request) Answer(response *wasihttp.Response, err error) {
	if response != nil {
		response.Body.Describe(r)
	}
	r.service.mu.Lock()
	took := r.tell(answer{response: response, err: err})
	r.service.mu.Unlock()
	if !took && response != nil {
		response.Body.Close(errGone)
	}
}

// tell answers the goroutine that waits. It reports false if that has an answer, or does not wait any more. mu is held.
func (r *request) tell(a answer) bool {
	if r.gone || r.told {
		return false
	}
	r.told = true
	if r.called != nil {
		if a.err != nil && !errors.Is(a.err, errFull) {
			r.service.counts.Failed++
		}
		r.called.tell(a)
	} else {
		r.answered <- a // the only one
	}
	return true
}

// errGone is what the component gets of a body that nobody wants any more.
var errGone = &wasihttp.Error{Code: wasihttp.ConnectionTerminated}

// Done implements wasihttp.Asker: the instance may get another request.
func (r *request) Done() {
	s, i := r.service, r.instance
	if i.store.Ended() {
		s.mu.Lock()
		i.member.retired = true // onEnded follows
		s.mu.Unlock()
		return
	}
	now := time.Now()
	s.mu.Lock()
	r.over = true
	delete(i.requests, r)
	end := s.pool.done(&r.ticket, now)
	all := s.assign()
	s.mu.Unlock()
	if end {
		i.stop()
	}
	s.dispatch(all)
}

// giveUp is called when nobody waits for the answer or its body any more, or the component goes on for too long after it. A
// component that has the request is asked to end, and has some time for that.
func (r *request) giveUp() {
	s := r.service
	s.mu.Lock()
	var unread answer
	select {
	case unread = <-r.answered:
	default:
	}
	first := !r.gone
	unanswered := first && r.called != nil && !r.told
	if unanswered {
		s.counts.Failed++
	}
	r.gone, r.since = true, time.Now()
	i := r.instance
	var all []placed
	switch {
	case r.over:
	case s.pool.withdraw(&r.ticket):
		r.over = true
	case !r.handled:
		r.over, r.instance = true, nil
		delete(i.requests, r)
		if s.pool.done(&r.ticket, r.since) {
			i.kill()
		}
		all = s.assign()
	}
	over := r.over
	if over && r.called != nil {
		r.called.Args.Discard()
	}
	if first && !over {
		i.look(r.since)
	}
	s.mu.Unlock()
	if unread.response != nil {
		unread.response.Body.Close(errGone)
	}
	s.dispatch(all)
	if unanswered {
		r.logCall(errGivenUp)
	}
	if first && !over {
		i.do(r.ask)
	}
}

// ask asks the component to give the request up, unless it has trapped because of that: it would again, and with the requests of the
// instance that others wait for. It is a job of the instance's store.
func (r *request) ask() error {
	s := r.service
	s.mu.Lock()
	r.instance.looked = time.Time{}
	not, call := r.over || s.unaskable, r.call
	s.mu.Unlock()
	if not || call == nil {
		return nil
	}
	err := call.Cancel()
	if _, ok := errors.AsType[*engine.Trap](err); ok {
		s.mu.Lock()
		first := !s.unaskable
		s.unaskable = true
		s.mu.Unlock()
		if first {
			s.tell("%s: the component traps when it is asked to give a request up, so it is not asked again", r)
		}
	}
	return err
}

// breakOff ends a request whose client is too slow.
func (r *request) breakOff() {
	r.service.mu.Lock()
	r.tell(answer{err: errSlow})
	r.service.mu.Unlock()
	r.out.breakOff()
}

// leave is called when the answer has gone out: the component may go on until the request is due.
func (r *request) leave() {
	r.service.mu.Lock()
	r.sent = true
	r.service.mu.Unlock()
}

// move has a request begin elsewhere, if that is better than to wait until its instance does. One that the store has already is withdrawn
// first. mu is held; dispatch follows.
func (s *supervisor) move(r *request) []placed {
	switch {
	case !s.pool.moves(&r.ticket):
	case !r.handled:
		return s.sendBack(r)
	case !r.leaving:
		r.leaving = true
		r.instance.store.Do(r.withdraw)
	}
	return nil
}

// sendBack makes a request the first that waits. mu is held; dispatch follows.
func (s *supervisor) sendBack(r *request) []placed {
	i := r.instance
	r.instance = nil
	delete(i.requests, r)
	if s.pool.giveBack(&r.ticket, time.Now()) {
		i.kill()
	}
	return s.assign()
}

// withdraw takes a request back that the component does not begin with, if it still has a better place. It is a job of the instance's store.
func (r *request) withdraw() error {
	s := r.service
	s.mu.Lock()
	call := r.call
	r.leaving = false
	stays := r.over || r.gone || call == nil || !s.pool.moves(&r.ticket)
	s.mu.Unlock()
	if stays || !call.Withdraw() {
		return nil
	}
	s.mu.Lock()
	r.takeCall()
	i := r.instance
	i.gate = max(i.gate, r.number)
	if !r.gone {
		all := s.sendBack(r)
		s.mu.Unlock()
		s.dispatch(all)
		return nil
	}
	s.mu.Unlock()
	if r.called != nil { // it was given up meanwhile
		r.called.Args.Discard()
	}
	r.Done()
	return nil
}

// takeBack takes the requests of an instance that has ended. Those that the component did not have wait for another one; the others
// are returned, and to be abandoned. If the instance has failed before it had started, these are all: another one may well fail, too, and
// calls of other workloads would wait without an end. mu is held.
func (s *supervisor) takeBack(i *instance, failure error) (abandoned []*request) {
	anew := !s.stopping && (i.started || failure == nil)
	for r := range i.requests {
		r.ticket = ticket{request: r, caller: r.ticket.caller}
		r.instance, r.leaving = nil, false
		if !r.begun() {
			r.takeCall()
			if !r.gone && anew {
				s.pool.again(&r.ticket)
				continue
			}
		}
		r.over = true
		abandoned = append(abandoned, r)
	}
	clear(i.requests)
	return abandoned
}

// abandon is called when the instance that had the request has ended, or could not be made. why is nil if it was told to.
func (r *request) abandon(why error) {
	r.service.mu.Lock()
	err := errAbandoned
	if r.called != nil {
		r.called.Args.Discard()
		err = r.lostTo(why)
	}
	took := r.tell(answer{err: err})
	r.service.mu.Unlock()
	if took {
		r.logCall(err)
	}
}
