package tracing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sampled   hooks.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled hooks.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// collector is an exporter that keeps what it gets.
type collector struct {
	mu    sync.Mutex
	spans tracetest.SpanStubs
}

func (c *collector) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, tracetest.SpanStubsFromReadOnlySpans(spans)...)
	return nil
}

func (*collector) Shutdown(context.Context) error { return nil }

// life calls hooks as a reactor does, each a second after the one before.
type life struct {
	hooks.Event
	hooks hooks.Hooks
	began time.Time
}

func newLife(t *Tracer, id string, attempt uint32, trace hooks.TraceParent) *life {
	began := time.Now()
	e := hooks.Event{ID: id, Tenant: "default", Module: "sha256:ab", Attempt: attempt, Trace: hooks.Trace{Parent: trace, State: "vendor=1"}, Time: began}
	return &life{e, t.Hooks(), began}
}

func (l *life) next() hooks.Event {
	l.Time = l.Time.Add(time.Second)
	return l.Event
}

func (l *life) load() {
	e := l.next()
	e.Submitted = l.began
	l.hooks.OnLoaded(e)
}

func (l *life) start() { l.hooks.OnStarted(l.next()) }

func (l *life) wait() {
	e := l.next()
	e.WaitsFor = "timer"
	l.hooks.OnParked(e)
	l.hooks.OnResumed(l.next())
}

func (l *life) end(o hooks.Outcome) {
	l.hooks.OnEnded(l.next(), o)
	o.Usage = api.Usage{Fuel: 7}
	l.hooks.OnCommitted(l.next(), o)
}

// lines tells spans in words: their names, their times since began in seconds, what became of them.
func lines(spans tracetest.SpanStubs, began time.Time) (list []string) {
	for _, s := range spans {
		line := fmt.Sprintf("%s %v-%v", s.Name, s.StartTime.Sub(began).Seconds(), s.EndTime.Sub(began).Seconds())
		for _, e := range s.Events {
			line += fmt.Sprintf(", %s at %v", e.Name, e.Time.Sub(began).Seconds())
		}
		if s.Status.Code == codes.Error {
			line += ", error " + s.Status.Description
		}
		list = append(list, line)
	}
	return list
}

func value(s tracetest.SpanStub, key attribute.Key) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func TestPhases(t *testing.T) {
	done := hooks.Outcome{State: api.Succeeded, Reason: api.ReasonExit}
	failed := hooks.Outcome{State: api.Failed, Reason: api.ReasonTrap, Message: "unreachable"}
	for name, tt := range map[string]struct {
		trace hooks.TraceParent
		live  func(l *life)
		want  []string
	}{
		"a run": {sampled, func(l *life) { l.load(); l.start(); l.wait(); l.wait(); l.end(done) },
			[]string{"queue 0-1", "start 1-2", "run 2-7, wait at 3, wait at 5"}},
		"a failure":         {sampled, func(l *life) { l.load(); l.start(); l.end(failed) }, []string{"queue 0-1", "start 1-2", "run 2-3, error unreachable"}},
		"no start":          {sampled, func(l *life) { l.load(); l.end(failed) }, []string{"queue 0-1", "start 1-2, error unreachable"}},
		"an end in a wait":  {sampled, func(l *life) { l.load(); l.start(); l.hooks.OnParked(l.next()); l.end(done) }, []string{"queue 0-1", "start 1-2", "run 2-4, wait at 3"}},
		"not to be sampled": {unsampled, func(l *life) { l.load(); l.start(); l.end(done) }, nil},
		"no trace":          {"", func(l *life) { l.load(); l.start(); l.end(done) }, nil},
		"a second attempt":  {sampled, func(l *life) { l.Attempt = 2; l.load(); l.start(); l.end(done) }, []string{"queue 0-1", "start 1-2", "run 2-3"}},
		"put back": {sampled, func(l *life) {
			l.load()
			l.end(hooks.Outcome{State: api.Pending})
			l.hooks.OnQueued(l.next())
			l.Attempt++
			l.load()
			l.end(done)
		}, []string{"queue 0-1", "start 1-2", "queue 4-5", "start 5-6"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &collector{}
				tracer := newTracer(c, 100, resource.Empty(), zap.NewNop())
				l := newLife(tracer, "w", 1, tt.trace)
				tt.live(l)
				tracer.Stop(t.Context())
				if got := lines(c.spans, l.began); !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				for _, s := range c.spans {
					if s.Parent.TraceID().String() != string(sampled[3:35]) || s.Parent.SpanID().String() != string(sampled[36:52]) {
						t.Errorf("%s is below %v", s.Name, s.Parent)
					}
					if state := s.SpanContext.TraceState().String(); state != "vendor=1" {
						t.Errorf("%s has the state %q", s.Name, state)
					}
					if value(s, "reactord.workload.id") != "w" {
						t.Errorf("%s is of %v", s.Name, s.Attributes)
					}
				}
				if n := len(c.spans); n > 0 && (value(c.spans[n-1], "reactord.usage.fuel") != "7" || value(c.spans[n-1], "reactord.reason") == "") {
					t.Errorf("the last span has %v", c.spans[n-1].Attributes)
				}
			})
		})
	}
}

// There are so many waits of an attempt and so many attempts, and what is beyond is counted.
func TestBounds(t *testing.T) {
	c := &collector{}
	tracer := newTracer(c, 10, resource.Empty(), zap.NewNop())
	l := newLife(tracer, "w", 1, sampled)
	l.load()
	l.start()
	for range maxWaits + 5 {
		l.wait()
	}
	for i := range maxAttempts + 5 {
		newLife(tracer, fmt.Sprint(i), 2, unsampled).load()
	}
	if n := len(tracer.attempts.live); n != 1 {
		t.Errorf("%d attempts have spans", n)
	}
	l.end(hooks.Outcome{State: api.Succeeded})
	for i := range maxAttempts + 5 {
		newLife(tracer, fmt.Sprint(i), 2, sampled).load()
	}
	if n := len(tracer.attempts.live); n != maxAttempts {
		t.Errorf("%d attempts have spans", n)
	}
	if tracer.gate.Count() < 5 {
		t.Errorf("%d are lost", tracer.gate.Count())
	}
	tracer.Stop(t.Context())
	i := slices.IndexFunc(c.spans, func(s tracetest.SpanStub) bool { return s.Name == "run" })
	if i < 0 {
		t.Fatal("the run has no span")
	}
	if n := len(c.spans[i].Events); n != maxWaits {
		t.Errorf("%d waits are told", n)
	}
	if got := value(c.spans[i], "reactord.waits"); got != fmt.Sprint(maxWaits+5) {
		t.Errorf("%s waits are counted", got)
	}
}

// bad is a collector that refuses everything, or is silent until it is given up.
type bad struct {
	silent bool
	mu     sync.Mutex
	err    error
}

func (b *bad) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	if b.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *bad) become(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (*bad) Shutdown(context.Context) error { return nil }

// What can't be sent is counted, and the log says so once, and once in a while how much.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		b := &bad{err: errors.New("no")}
		tracer := newTracer(b, 10, resource.Empty(), zap.New(core))
		ctx, cancel := context.WithCancel(t.Context())
		go tracer.Run(ctx)
		live := func() {
			l := newLife(tracer, "w", 1, sampled)
			l.load()
			l.start()
			l.end(hooks.Outcome{State: api.Succeeded})
			time.Sleep(20 * time.Second)
		}
		for range 6 { // two minutes
			live()
		}
		b.become(nil)
		live()
		cancel()
		tracer.Stop(t.Context())
		var got []string
		for _, line := range logs.All() {
			got = append(got, fmt.Sprint(line.Message, " ", line.ContextMap()))
		}
		want := []string{
			"telemetry can't be sent, and is lost until it can map[error:no what:spans]",
			"telemetry was not sent map[lost:9 lost_in_all:9 what:spans]",
			"telemetry was not sent map[lost:9 lost_in_all:18 what:spans]",
			"telemetry is sent again map[lost_in_all:18 what:spans]",
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// A collector that does not answer keeps the daemon neither from running nor from stopping in time, and no more is kept for it than may be.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer := newTracer(&bad{silent: true}, 10, resource.Empty(), zap.NewNop())
		for range 100 {
			l := newLife(tracer, "w", 1, sampled)
			l.load()
			l.start()
			l.end(hooks.Outcome{State: api.Succeeded})
		}
		if lost := tracer.gate.Count(); lost != 290 {
			t.Errorf("%d of 300 are lost while ten may wait", lost)
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		tracer.Stop(ctx)
		if took := time.Since(began); took > 5*time.Second+lastWords {
			t.Errorf("stopping took %v", took)
		}
		if lost := tracer.gate.Count(); lost != 300 {
			t.Errorf("%d of 300 are lost", lost)
		}
	})
}
