package service

import (
	"errors"
	"time"

	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// request is a request on its way through the service. Its connection's goroutine waits for the answer, and then for the body;
// everything else happens on the fiber of the instance that has it.
type request struct {
	ticket
	service  *supervisor
	start    time.Time
	due      time.Time // when it is to be over
	name     string    // for people: "GET /path"
	exchange wasihttp.Exchange
	answered chan answer
	cancel   func() error // asks the component to give it up; the fiber's; nil: it can't be asked, or does not have the request

	// Guarded by supervisor.mu.
	instance *instance // nil while it waits
	handled  bool      // the component has it
	sent     bool      // the answer has gone out
	gone     bool      // nobody waits for the answer, or for the component to end
	asked    time.Time // when the component was asked to end; zero: it was not
	over     bool      // the component has it no more, and the pool does not know it
}

// answer is what the component has answered: a response, or why there is none.
type answer struct {
	response *wasihttp.Response
	err      error
}

var (
	// errAbandoned is the answer of an instance that has ended.
	errAbandoned = errors.New("the instance that had the request has ended")
	// errFull is the answer if there is no room for the request.
	errFull = errors.New("as many requests wait as may wait")
)

// admit takes a request. It reports false if there is no room for it.
func (s *supervisor) admit(r *request) bool {
	r.service, r.ticket.request = s, r
	r.answered = make(chan answer, 1)
	r.exchange.Answer, r.exchange.Done = r.answer, r.done
	s.mu.Lock()
	s.counts.Requests++
	v := refused
	if !s.stopping {
		v = s.pool.admit(&r.ticket)
	}
	s.tendSoon()
	var p placed
	switch v {
	case refused:
		s.counts.Refused++
	case given, made:
		p = s.give(r, v == made)
	}
	s.mu.Unlock()
	if p.request != nil {
		s.dispatchOne(p)
	}
	return v != refused
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
	r.instance = m.instance
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

// handle gives the request to the component. It is a job of its store.
func (r *request) handle() error {
	s := r.service
	s.mu.Lock()
	gone := r.gone
	r.handled = !gone
	s.mu.Unlock()
	if gone {
		r.done()
		return nil
	}
	var err error
	r.cancel, err = s.handler.Handle(r.instance.store, &r.exchange)
	return err
}

// answer is the Answer of the exchange.
func (r *request) answer(response *wasihttp.Response, err error) {
	s := r.service
	s.mu.Lock()
	gone := r.gone
	if !gone {
		r.answered <- answer{response, err} // the only one
	}
	s.mu.Unlock()
	if gone && response != nil {
		response.Body.Close(errGone)
	}
}

// errGone is what the component gets of a body that nobody wants any more.
var errGone = &wasihttp.Error{Code: wasihttp.ConnectionTerminated}

// done is the Done of the exchange: the instance may get another request.
func (r *request) done() {
	s, i, now := r.service, r.instance, time.Now()
	if i.store.Ended() {
		s.mu.Lock()
		i.member.retired = true // onEnded follows
		s.mu.Unlock()
		return
	}
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

// giveUp is called when nobody waits for the answer or its body any more, or the component goes on for too long after it. The
// component is asked to end, and has some time for that.
func (r *request) giveUp() {
	s := r.service
	s.mu.Lock()
	var unread answer
	select {
	case unread = <-r.answered:
	default:
	}
	first := !r.gone
	r.gone, r.asked = true, time.Now()
	if s.pool.withdraw(&r.ticket) {
		r.over = true
	}
	i, over := r.instance, r.over
	s.mu.Unlock()
	if unread.response != nil {
		unread.response.Body.Close(errGone)
	}
	if over || !first {
		return
	}
	i.do(func() error {
		if r.cancel == nil || r.isOver() {
			return nil
		}
		return r.cancel()
	})
}

// leave is called when the answer has gone out: the component may go on until the request is due.
func (r *request) leave() {
	r.service.mu.Lock()
	r.sent = true
	r.service.mu.Unlock()
}

// isOver reports whether the component has it no more.
func (r *request) isOver() bool {
	r.service.mu.Lock()
	defer r.service.mu.Unlock()
	return r.over
}

// takeBack takes the requests of an instance that has ended. Those that the component did not have wait for another one; the others
// are returned, and to be abandoned. mu is held.
func (s *supervisor) takeBack(i *instance) (abandoned []*request) {
	for r := range i.requests {
		r.ticket = ticket{request: r}
		r.instance = nil
		if !r.handled && !r.gone && !s.stopping {
			s.pool.again(&r.ticket)
			continue
		}
		r.over = true
		abandoned = append(abandoned, r)
	}
	clear(i.requests)
	return abandoned
}

// abandon is called when the instance that had the request has ended, or could not be made.
func (r *request) abandon() {
	s := r.service
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.gone {
		return
	}
	select {
	case r.answered <- answer{err: errAbandoned}:
	default: // it was answered before
	}
}
