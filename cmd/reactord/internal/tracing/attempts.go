package tracing

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

const (
	// maxAttempts bounds the attempts that have spans at a time.
	maxAttempts = 10_000
	// maxWaits bounds the waits of an attempt that are told one by one. They are the first ones.
	maxWaits = 100
	// maxPutBack bounds the workloads of which it is known when they were put back. The queue of others begins with the daemon.
	maxPutBack = 10_000
)

// attemptKey names an attempt.
type attemptKey struct {
	id     string
	number uint32
}

// attempts are those that have spans now.
type attempts struct {
	mu      sync.Mutex
	live    map[attemptKey]*attempt
	putBack map[string]time.Time // workloads, until they are loaded again
}

func newAttempts() attempts {
	return attempts{live: map[attemptKey]*attempt{}, putBack: map[string]time.Time{}}
}

// attempt is an attempt with spans. The hooks of an attempt are called one after the other, so its fields need no lock.
type attempt struct {
	ctx  context.Context //nolint:containedctx // of the submission's span
	span trace.Span      // of the phase
	run  trace.SpanContext

	waits  []wait
	untold int // waits beyond maxWaits
	parked bool

	ended time.Time
}

// wait is a time that the guest waited.
type wait struct {
	what  string
	began time.Time
	took  time.Duration
}

// Hooks returns the hooks of a reactor whose workloads have spans.
func (t *Tracer) Hooks() hooks.Hooks {
	return hooks.Hooks{
		OnQueued: t.onQueued, OnLoaded: t.onLoaded, OnStarted: t.onStarted,
		OnParked: t.onParked, OnResumed: t.onResumed,
		OnEnded: t.onEnded, OnCommitted: t.onCommitted,
	}
}

// of returns the attempt of an event, nil if it has no spans.
func (t *Tracer) of(e hooks.Event) *attempt {
	if !e.Trace.Sampled() {
		return nil
	}
	t.attempts.mu.Lock()
	defer t.attempts.mu.Unlock()
	return t.attempts.live[attemptKey{e.ID, e.Attempt}]
}

// onQueued notes when an attempt was put back. For a first attempt its record says when it was queued.
func (t *Tracer) onQueued(e hooks.Event) {
	if e.Attempt == 0 || !e.Trace.Sampled() {
		return
	}
	t.attempts.mu.Lock()
	defer t.attempts.mu.Unlock()
	if len(t.attempts.putBack) < maxPutBack {
		t.attempts.putBack[e.ID] = e.Time
	}
}

// add adds an attempt. It returns since when it was queued; no attempt if there are too many.
func (t *Tracer) add(e hooks.Event) (a *attempt, queued time.Time) {
	t.attempts.mu.Lock()
	defer t.attempts.mu.Unlock()
	queued, ok := t.attempts.putBack[e.ID]
	switch delete(t.attempts.putBack, e.ID); {
	case ok:
	case e.Attempt == 1:
		queued = e.Submitted
	default: // this daemon has found it
		queued = t.since
	}
	if len(t.attempts.live) >= maxAttempts {
		t.gate.Lose(1)
		return nil, queued
	}
	a = &attempt{}
	t.attempts.live[attemptKey{e.ID, e.Attempt}] = a
	return a, queued
}

func (t *Tracer) onLoaded(e hooks.Event) {
	if !e.Trace.Sampled() {
		return
	}
	a, queued := t.add(e)
	if a == nil {
		return
	}
	a.ctx = below(e.Trace)
	a.span = t.begin(a.ctx, "queue", e, queued)
	a.next(t, e, "start")
}

// begin begins the span of a phase.
func (t *Tracer) begin(ctx context.Context, phase string, e hooks.Event, at time.Time) trace.Span {
	_, span := t.tracer.Start(ctx, phase, trace.WithTimestamp(at), trace.WithAttributes(
		attribute.String("reactord.workload.id", e.ID),
		attribute.String("reactord.tenant", e.Tenant),
		attribute.String("reactord.module.digest", e.Module),
		attribute.Int64("reactord.attempt", int64(e.Attempt)),
	))
	return span
}

// next ends a phase, and begins the next one.
func (a *attempt) next(t *Tracer, e hooks.Event, phase string) {
	a.span.End(trace.WithTimestamp(e.Time))
	a.span = t.begin(a.ctx, phase, e, e.Time)
}

func (t *Tracer) onStarted(e hooks.Event) {
	if a := t.of(e); a != nil {
		a.next(t, e, "run")
		a.run = a.span.SpanContext()
	}
}

func (t *Tracer) onParked(e hooks.Event) {
	a := t.of(e)
	switch {
	case a == nil:
	case len(a.waits) == maxWaits:
		a.untold++
	default:
		a.waits = append(a.waits, wait{what: e.WaitsFor, began: e.Time})
		a.parked = true
	}
}

func (t *Tracer) onResumed(e hooks.Event) {
	if a := t.of(e); a != nil {
		a.resume(e.Time)
	}
}

// resume ends the wait that has begun, if it is one that is told.
func (a *attempt) resume(at time.Time) {
	if a.parked {
		last := &a.waits[len(a.waits)-1]
		last.took = at.Sub(last.began)
		a.parked = false
	}
}

// forget forgets a workload that has ended without another attempt.
func (t *Tracer) forget(id string) {
	t.attempts.mu.Lock()
	defer t.attempts.mu.Unlock()
	delete(t.attempts.putBack, id)
}

func (t *Tracer) onEnded(e hooks.Event, o hooks.Outcome) {
	if e.Attempt == 0 {
		t.forget(e.ID)
	}
	a := t.of(e)
	if a == nil {
		return
	}
	a.ended = e.Time
	a.resume(e.Time)
	for _, w := range a.waits {
		a.span.AddEvent("wait", trace.WithTimestamp(w.began), trace.WithAttributes(
			attribute.String("reactord.wait.for", w.what),
			attribute.Float64("reactord.wait.duration", w.took.Seconds())))
	}
	a.span.SetAttributes(attribute.Int("reactord.waits", len(a.waits)+a.untold),
		attribute.String("reactord.state", o.State.String()), attribute.String("reactord.reason", o.Reason.String()))
	if o.State == api.Failed {
		a.span.SetStatus(codes.Error, o.Message)
	}
	a.waits = nil
}

func (t *Tracer) onCommitted(e hooks.Event, o hooks.Outcome) {
	a := t.of(e)
	if a == nil {
		return
	}
	if o.Err != nil {
		a.span.RecordError(o.Err)
	}
	a.span.SetAttributes(usageAttributes(&o.Usage)...)
	a.span.End(trace.WithTimestamp(a.ended))
	t.attempts.mu.Lock()
	defer t.attempts.mu.Unlock()
	delete(t.attempts.live, attemptKey{e.ID, e.Attempt})
}

// usageAttributes are what the workload has used in all its attempts. Times are in seconds, as they are by convention.
func usageAttributes(u *api.Usage) []attribute.KeyValue {
	count := func(name string, n uint64) attribute.KeyValue {
		return attribute.Int64("reactord.usage."+name, int64(n)) //nolint:gosec // bytes and fuel of one workload
	}
	return []attribute.KeyValue{
		attribute.Float64("reactord.usage.cpu_time", u.CPUTime.Seconds()),
		attribute.Float64("reactord.usage.waiting_time", u.WaitingTime.Seconds()),
		count("fuel", u.Fuel), count("peak_memory_bytes", u.PeakMemoryBytes), count("log_bytes", u.LogBytes),
		count("sent_bytes", u.SentBytes), count("received_bytes", u.ReceivedBytes),
	}
}
