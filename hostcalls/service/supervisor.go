package service

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
)

// supervisor is a service, as a process: its task waits, while instances with tasks of their own answer requests.
//
//  1. The first turn opens the listener, and starts an instance, so that a component which can't start is known before a request
//     comes. When the instance has started, the edge accepts connections.
//  2. A request asks the pool for an instance, on its connection's goroutine, which waits for the answer. If the pool wants another
//     instance, the same goroutine makes it: a store and a task.
//  3. An instance that ends by itself fails its requests; others go to a new one. Requests that the component has not begun with go
//     there, too, unless the instance could not start. Too many such ends within a second end a service that has never answered a
//     request. One that has answered goes on: what traps it may be a client that means to.
//  4. The service ends by a cancel of its task, or a failure. Its last turn closes the listener. Requests that came before are
//     answered within a grace, unless it has failed; then connections and instances are ended. (Rest waits for that.)
type supervisor struct {
	program  *component.Program
	handler  Handler       // nil: it serves no HTTP
	offered  *link.Exports // what other workloads may call; nil: nothing
	withheld []string      // of what it exports they can't call
	config   *abi.Config
	at       int // the listener's place among the grants, or noListener
	address  capability.Listener
	timeout  time.Duration // of a request
	slow     time.Duration // by how much a client may be late while requests wait
	ledger   ledger
	edge     edge

	guest    hostcalls.Guest
	call     hostcalls.Call
	task     atomic.Pointer[executor.Task]
	listener atomic.Pointer[net.Listener]
	ready    atomic.Bool // all that it needs is open
	since    time.Time   // ready is true
	begun    bool        // the turn's: the listener is open
	unwatch  func()
	withdraw func() // takes the offer to other workloads back; nil: there is none

	mu        sync.Mutex // guards the fields below
	pool      pool
	traps     traps
	instances map[*instance]struct{} // whose tasks have not ended
	serving   bool                   // an instance has started
	opened    bool                   // and requests are taken
	answers   bool                   // the component has answered a request: it works, though some requests may trap it
	unaskable bool                   // it has trapped because it was asked to give a request up
	stopping  bool                   // no instance is to be made
	failure   error                  // ends the service
	refusal   *abi.Refusal           // of the instance that has failed last
	used      executor.Usage         // of instances that have ended
	waits     []hostcalls.WaitUsage  // likewise
	counts    abi.ServiceCounts
	tending   *time.Timer
	tendAt    time.Time // when it runs; zero: it does not
	looked    time.Time // when it was looked for requests that instances do not begin with
	result    error
	rest      func() // is called when the last task has ended
}

var _ abi.Server = (*supervisor)(nil)

func newSupervisor(p *component.Program, h Handler, config *abi.Config, at int, address capability.Listener) *supervisor {
	s := &supervisor{
		program: p, handler: h, config: config, at: at, address: address,
		timeout: defaultTimeout, slow: patience, instances: map[*instance]struct{}{},
	}
	if t := config.Serve.Timeout; t > 0 {
		s.timeout = t
	}
	if config.Serve.Offer {
		s.offered, s.withheld = p.Offered()
	}
	s.pool.policy = policyOf(config.Serve, concurrent(h, s.offered))
	s.ledger = ledger{of: config.Memory, fail: s.fail}
	if s.ledger.of == nil {
		s.ledger.of = &unbounded{}
	}
	config.Stdout, config.Stderr = &sharedSink{sink: config.Stdout}, &sharedSink{sink: config.Stderr}
	s.edge.init(s)
	return s
}

// Turn implements abi.Process.
func (s *supervisor) Turn(f *executor.Fiber) (next executor.Next, done bool) {
	if !s.begun {
		s.begun = true
		s.task.Store(f.Task())
		if err := s.begin(f); err != nil {
			s.fail(err)
		}
	}
	err := f.Err()
	s.mu.Lock()
	if err == nil {
		err = s.failure
	}
	s.mu.Unlock()
	if err != nil {
		s.result = err
		return executor.End(), true
	}
	if err := s.open(); err != nil {
		s.result = err
		return executor.End(), true
	}
	s.ledger.retry()
	return executor.Again(executor.WaitKind(hostcalls.OpAccept)), false
}

// open begins to take requests, when the first instance has started.
func (s *supervisor) open() error {
	s.mu.Lock()
	opens := s.serving && !s.opened
	s.opened = s.opened || opens
	s.mu.Unlock()
	if !opens {
		return nil
	}
	if s.config.OnStart != nil {
		s.config.OnStart()
	}
	s.edge.serve()
	if s.offered == nil {
		return nil
	}
	if len(s.withheld) > 0 {
		s.tell("not offered to other workloads, since resources and error contexts can't go there: %s", strings.Join(s.withheld, ", "))
	}
	withdraw, err := s.config.Links.Offer(s)
	s.withdraw = withdraw
	return err
}

// begin opens the listener and starts the first instance.
func (s *supervisor) begin(f *executor.Fiber) error {
	s.guest.Init(s.config.Driver, s.config.Owner)
	s.call.Init(&s.guest, f)
	if s.at != noListener {
		if err := s.listen(f); err != nil {
			return err
		}
	}
	s.since = time.Now()
	s.ready.Store(true)
	s.mu.Lock()
	i := s.addInstance(s.pool.warm(time.Now()))
	s.mu.Unlock()
	i.start()
	return nil
}

// listen opens the listener.
func (s *supervisor) listen(f *executor.Fiber) error {
	grant := s.config.Grants[s.at]
	var by *lease.Lease
	if s.at < len(s.config.Leases) {
		by = s.config.Leases[s.at]
	}
	fail := func(err error) error {
		if cause := f.Err(); cause != nil {
			return cause
		}
		return &capability.Error{Grant: grant, Err: err}
	}
	secure, err := tlsConfig(&s.call, s.config)
	if err != nil {
		return fail(err)
	}
	l, err := listen(&s.call, s.config, by, s.address.Address)
	if err != nil {
		return fail(err)
	}
	s.listener.Store(&l)
	s.unwatch = by.OnRevoke(func() { s.fail(&capability.Error{Grant: grant, Err: lease.ErrRevoked}) })
	s.edge.listen(l, secure)
	return nil
}

// fail ends the service.
func (s *supervisor) fail(err error) {
	s.mu.Lock()
	if s.failure == nil {
		s.failure = err
	}
	s.mu.Unlock()
	if task := s.task.Load(); task != nil {
		task.Wake()
	}
}

// onStarted is called on the fiber of an instance that has started.
func (s *supervisor) onStarted() {
	s.mu.Lock()
	first := !s.serving
	s.serving = true
	s.tendBy(time.Now().Add(tendEvery))
	s.mu.Unlock()
	if first {
		s.task.Load().Wake()
	}
}

// onEnded is called when the task of an instance has ended. failure is why, if the component has failed.
func (s *supervisor) onEnded(i *instance, failure error) {
	s.mu.Lock()
	delete(s.instances, i)
	s.pool.lost(i.member)
	s.used = sum(s.used, i.task.Usage())
	s.waits = addWaits(s.waits, i.pastWaits())
	why := failure
	if failure != nil {
		s.refusal = i.refusal
		if s.answers || s.serving && !s.traps.note(time.Now()) {
			failure = nil
		}
	}
	abandoned := s.takeBack(i, why)
	if why == nil {
		why = i.lost
	}
	placed := s.assign()
	rest := s.rested()
	s.mu.Unlock()
	if failure != nil {
		s.fail(failure)
	}
	if i.lost != nil {
		s.tell("an instance was ended: %v", i.lost)
	}
	for _, r := range abandoned {
		r.abandon(why)
	}
	s.dispatch(placed)
	if rest != nil {
		rest()
	}
}

// rested returns what is to be called if the service has ended, and nothing of it is left. mu is held.
func (s *supervisor) rested() (rest func()) {
	if len(s.instances) > 0 {
		return nil
	}
	rest, s.rest = s.rest, nil
	return rest
}

// Rest implements abi.Server.
func (s *supervisor) Rest(ended func()) {
	s.mu.Lock()
	grace := drainGrace
	if s.failure != nil || !s.serving {
		grace = 0
	}
	s.mu.Unlock()
	if s.unwatch != nil {
		s.unwatch()
	}
	if s.withdraw != nil {
		s.withdraw()
	}
	go s.end(grace, ended)
}

const (
	// drainGrace is how long requests that are under way when the service is to end have to be answered.
	drainGrace = 5 * time.Second
	// drainLook is how often it is looked whether calls of other workloads are still under way then.
	drainLook = 10 * time.Millisecond
	// cancelGrace is how long a call that was cancelled has to end, before its instance is ended.
	cancelGrace = 2 * time.Second
)

// errEnded is with what the service ends its instances.
var errEnded = errors.New("the service has ended the instance")

// end ends the service, whose task has ended.
func (s *supervisor) end(grace time.Duration, ended func()) {
	due := time.Now().Add(grace)
	s.edge.shut(grace)
	for s.hasCalls() && time.Now().Before(due) {
		time.Sleep(drainLook)
	}
	s.mu.Lock()
	s.stopping = true
	if s.tending != nil {
		s.tending.Stop()
	}
	refused := s.refuseCalls()
	for i := range s.instances {
		i.kill()
	}
	s.rest = ended
	rest := s.rested()
	s.mu.Unlock()
	for _, r := range refused {
		r.logCall(errEnding)
	}
	if rest != nil {
		rest()
	}
}

// Result implements abi.Process.
func (s *supervisor) Result() (abi.Exit, error) { return abi.Exit{}, s.result }

// Refusal implements abi.Process.
func (s *supervisor) Refusal() *abi.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// ListenAddresses implements abi.Process.
func (s *supervisor) ListenAddresses() []string {
	if !s.ready.Load() {
		return nil
	}
	l := s.listener.Load()
	if l == nil {
		return []string{}
	}
	return []string{(*l).Addr().String()}
}

// PeakMemory implements abi.Process.
func (s *supervisor) PeakMemory() int64 { return s.ledger.peakBytes() }
