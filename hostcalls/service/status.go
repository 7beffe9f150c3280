package service

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/clip"
)

// This file is what a service is seen by from outside, and what it writes.

// AppendOps implements abi.Process: the requests that come, those that instances have or that wait for one, and what the instances
// wait for.
func (s *supervisor) AppendOps(ops []hostcalls.Op) []hostcalls.Op {
	if !s.ready.Load() {
		if s.task.Load() != nil {
			ops = s.call.AppendOps(ops)
		}
		return ops
	}
	if l := s.listener.Load(); l != nil {
		ops = append(ops, hostcalls.Op{Kind: hostcalls.OpAccept, Target: (*l).Addr().String(), Start: s.since})
	}
	if s.offered != nil {
		ops = append(ops, hostcalls.Op{Kind: hostcalls.OpAccept, Target: "workload", Start: s.since})
	}
	s.mu.Lock()
	instances := make([]*instance, 0, len(s.instances))
	for i := range s.instances {
		for r := range i.requests {
			ops = append(ops, r.op())
		}
		if i.task != nil {
			instances = append(instances, i)
		}
	}
	for t := range s.pool.waiting.all() {
		ops = append(ops, t.request.op())
	}
	s.mu.Unlock()
	for _, i := range instances {
		ops = i.store.AppendOps(ops)
	}
	return ops
}

func (r *request) op() hostcalls.Op {
	return hostcalls.Op{Kind: hostcalls.OpServe, Target: r.String(), Start: r.start}
}

// HeldBy implements abi.Server.
func (s *supervisor) HeldBy() (peers []string, since time.Time) {
	s.mu.Lock()
	busy := make([]*instance, 0, len(s.instances))
	for i := range s.instances {
		if len(i.requests) > 0 {
			busy = append(busy, i)
		}
	}
	s.mu.Unlock()
	for _, i := range busy {
		of, at := i.heldBy()
		if len(of) == 0 {
			return nil, time.Time{}
		}
		for _, peer := range of {
			if !slices.Contains(peers, peer) {
				peers = append(peers, peer)
			}
		}
		if at.After(since) {
			since = at
		}
	}
	return peers, since
}

// heldBy is HeldBy for the requests of one instance.
func (i *instance) heldBy() (peers []string, since time.Time) {
	i.service.mu.Lock()
	task := i.task
	i.service.mu.Unlock()
	if task == nil {
		return nil, time.Time{}
	}
	parked := task.ParkedSince()
	if first := i.store.AppendFirstOps(nil, 1); parked.IsZero() || len(first) > 0 && first[0].Peer() == "" {
		return nil, time.Time{} // as most
	}
	since = parked
	ops := i.store.AppendOps(nil)
	for n := range ops {
		peer := ops[n].Peer()
		if peer == "" {
			return nil, time.Time{}
		}
		if !slices.Contains(peers, peer) {
			peers = append(peers, peer)
		}
		if ops[n].Start.After(since) {
			since = ops[n].Start
		}
	}
	if !task.ParkedSince().Equal(parked) {
		return nil, time.Time{}
	}
	return peers, since
}

// LastCall implements abi.Process. A service makes none itself.
func (s *supervisor) LastCall() string { return "" }

// Waits implements abi.Process: what the instances have waited for.
func (s *supervisor) Waits() (past []hostcalls.WaitUsage, current hostcalls.OpKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	past = slices.Clone(s.waits)
	for i := range s.instances {
		if i.task != nil {
			past = addWaits(past, i.pastWaits())
		}
	}
	return past, hostcalls.OpAccept
}

// addWaits adds waits to others, by their kinds.
func addWaits(to, more []hostcalls.WaitUsage) []hostcalls.WaitUsage {
	for _, w := range more {
		i := slices.IndexFunc(to, func(u hostcalls.WaitUsage) bool { return u.Kind == w.Kind })
		if i < 0 {
			to = append(to, w)
			continue
		}
		to[i].Time += w.Time
		to[i].Count += w.Count
	}
	return to
}

// Used implements abi.Server.
func (s *supervisor) Used() executor.Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := s.used
	for i := range s.instances {
		if i.task != nil {
			used = sum(used, i.task.Usage())
		}
	}
	return used
}

// sum adds usages. Waits that go on do not count.
func sum(a, b executor.Usage) executor.Usage {
	return executor.Usage{Fuel: a.Fuel + b.Fuel, CPU: a.CPU + b.CPU, Waiting: a.Waiting + b.Waiting, Ready: a.Ready + b.Ready}
}

// Counts implements abi.Server.
func (s *supervisor) Counts() abi.ServiceCounts {
	connections := s.edge.connections()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Active, c.Waiting, c.Instances, c.Connections = s.pool.active, s.pool.waiting.length, len(s.instances), connections
	return c
}

// tell writes a line about the service to its standard error, if there is room. What somebody else has chosen is cut.
func (s *supervisor) tell(format string, args ...any) {
	const most = 4 << 10
	_, _ = s.config.Stderr.Write([]byte("service: " + clip.Text(fmt.Sprintf(format, args...), most) + "\n"))
}

// sharedSink is a sink that several instances write to.
type sharedSink struct {
	mu   sync.Mutex
	sink hostcalls.Sink
}

// Write implements hostcalls.Sink.
func (s *sharedSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sink.Write(p)
}

// Notify implements hostcalls.Notifier.
func (s *sharedSink) Notify(ready func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sink.Notify(ready)
}

// unbounded is the memory of a service that has all that it asks for.
type unbounded struct{ allowance engine.Allowance }

func (u *unbounded) Allowance() *engine.Allowance { return &u.allowance }

func (u *unbounded) Ask(bytes int64) (wait bool, err error) {
	u.allowance.Grant(bytes)
	return false, nil
}

func (*unbounded) Waits() bool { return false }
