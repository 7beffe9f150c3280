package reactor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

// life notes what hooks are told of each workload. Each of them asks the reactor something, which would not be
// answered if mu were held.
type life struct {
	reactor atomic.Pointer[Reactor]

	mu     sync.Mutex
	queued map[string]int
	lines  map[string][]string
	traces map[string]hooks.Trace // as last told of an attempt
}

func (l *life) hooks() hooks.Hooks {
	l.queued, l.lines, l.traces = map[string]int{}, map[string][]string{}, map[string]hooks.Trace{}
	note := func(e hooks.Event, line string) {
		if r := l.reactor.Load(); r != nil {
			r.Stats()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if e.Attempt > 0 {
			l.traces[e.ID] = e.Trace
			line = fmt.Sprintf("%d %s", e.Attempt, line)
		}
		if e.Tenant != "default" || !strings.HasPrefix(e.Module, "sha256:") || e.Time.IsZero() {
			line += fmt.Sprintf(" of %+v", e)
		}
		l.lines[e.ID] = append(l.lines[e.ID], line)
	}
	on := func(line string) func(hooks.Event) { return func(e hooks.Event) { note(e, line) } }
	end := func(line string) func(hooks.Event, hooks.Outcome) {
		return func(e hooks.Event, o hooks.Outcome) {
			if o.Err != nil {
				line += ": " + o.Err.Error()
			}
			note(e, fmt.Sprintf("%s %v %v", line, o.State, o.Reason))
		}
	}
	return hooks.Hooks{
		OnQueued: func(e hooks.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.queued[e.ID]++
			if e.Trace != (hooks.Trace{}) {
				l.traces[e.ID] = e.Trace
			}
		},
		OnLoaded: on("loaded"), OnStarted: on("started"), OnParked: on("parked"), OnResumed: on("resumed"),
		OnEnded: end("ended"), OnCommitted: end("committed"),
	}
}

// is checks what was told of a workload, but for where OnQueued came, which may be anywhere.
func (l *life) is(t *testing.T, id string, queued int, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got := l.lines[id]; !slices.Equal(got, want) {
		t.Errorf("of %s is told %q, want %q", id, got, want)
	}
	if l.queued[id] != queued {
		t.Errorf("%s is queued %d times, want %d", id, l.queued[id], queued)
	}
}

const (
	traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traceState  = "vendor=1,other=<2>"
)

func TestHooks(t *testing.T) {
	var before life
	dir := t.TempDir()
	r := openIn(t, dir, func(c *Config) { c.Hooks = before.hooks(); c.MaxLive = 1 })
	before.reactor.Store(r)
	push(t, r, "cat", "trap", "sleep")
	traced := func(id string, spec api.Spec) {
		t.Helper()
		_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: id, Spec: spec, TraceParent: traceParent, TraceState: traceState})
		if err != nil {
			t.Fatal(err)
		}
	}
	traced("cat", api.Spec{Module: "cat", Interactive: true})
	awaitWaiting(t, r, "cat")
	a := attach(t, r, "cat")
	a.CloseWrite()
	wait(t, r, "cat")
	a.Close()
	run(t, r, "trap", api.Spec{Module: "trap"})
	traced("sleep", api.Spec{Module: "sleep"})
	awaitWaiting(t, r, "sleep")
	submit(t, r, "late", api.Spec{Module: "cat"})
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"late"}}); err != nil {
		t.Fatal(err)
	}
	shutdown(t, r)

	before.is(t, "cat", 1, "1 loaded", "1 started", "1 parked", "1 resumed", "1 ended SUCCEEDED EXIT", "1 committed SUCCEEDED EXIT")
	before.is(t, "trap", 1, "1 loaded", "1 started", "1 ended FAILED TRAP", "1 committed FAILED TRAP")
	before.is(t, "late", 1, "ended CANCELLED CANCELLED", "committed CANCELLED CANCELLED")
	before.is(t, "sleep", 2, "1 loaded", "1 started", "1 parked", "1 resumed", "1 ended PENDING UNSPECIFIED", "1 committed PENDING UNSPECIFIED")
	trace := hooks.Trace{Parent: traceParent, State: traceState}
	if want := map[string]hooks.Trace{"cat": trace, "trap": {}, "sleep": trace}; !maps.Equal(before.traces, want) {
		t.Errorf("traces are %v, want %v", before.traces, want)
	}

	// The trace is in the record: the next daemon has it.
	var after life
	r = openIn(t, dir, func(c *Config) { c.Hooks = after.hooks() })
	awaitWaiting(t, r, "sleep")
	shutdown(t, r)
	after.is(t, "sleep", 2, "2 loaded", "2 started", "2 parked", "2 resumed", "2 ended PENDING UNSPECIFIED", "2 committed PENDING UNSPECIFIED")
	if after.traces["sleep"] != trace {
		t.Errorf("after a restart the trace is %q", after.traces["sleep"])
	}
}

// A header that is malformed is taken for none, and the same spec under another trace is the same submission.
func TestTraceParentIsNoPartOfTheSpec(t *testing.T) {
	var l life
	r := open(t, func(c *Config) { c.Hooks = l.hooks() })
	push(t, r, "nap")
	for i, trace := range []string{"00-nonsense", traceParent, ""} {
		w, created, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "w", Spec: api.Spec{Module: "nap"}, TraceParent: trace})
		if err != nil || created != (i == 0) || w.ID != "w" {
			t.Errorf("with trace %q: created %v, %v", trace, created, err)
		}
	}
	wait(t, r, "w")
	shutdown(t, r)
	if got := l.traces["w"]; got != (hooks.Trace{}) {
		t.Errorf("the trace is %q", got)
	}
}
