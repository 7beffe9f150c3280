package tracing

import (
	"errors"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/hooks"
)

// request makes a request with header fields, as name and value.
func request(t *testing.T, method string, fields ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://a.example/path?secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

// The field of a request names its span, which is below what its sender names, what it is sent for, or the attempt.
func TestHTTP(t *testing.T) {
	c := &collector{}
	tracer := newTracer(c, 1000, resource.Empty(), zap.NewNop())
	l := newLife(tracer, "w", 1, sampled)
	l.load()
	l.start()
	attempt := tracer.HTTP(l.Event)
	idle := tracer.HTTP(hooks.Event{ID: "idle", Attempt: 1, Trace: hooks.Trace{Parent: unsampled}})

	const other = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"
	in := request(t, "GET", "traceparent", other, "tracestate", "a=b")
	received := attempt.Received(in)
	out := request(t, "GET")
	sent := attempt.Sending(received.Parent, out)
	own := request(t, "PURGE", "traceparent", other)
	attempt.Sending(received.Parent, own).End(404, nil)
	unknown := request(t, "GET")
	attempt.Sending(t.Context(), unknown).End(0, errors.New("no route"))
	sent.End(200, nil)
	received.End(500, nil)
	broken := request(t, "GET", "traceparent", "00-x", "tracestate", "a=b")
	attempt.Received(broken).End(200, nil)
	silent := request(t, "GET")
	idle.Sending(t.Context(), silent).End(200, nil)
	l.end(hooks.Outcome{})
	tracer.Stop(t.Context())

	if got := in.Header.Get("tracestate") + out.Header.Get("tracestate"); got != "a=ba=b" {
		t.Errorf("the state of the trace is %q", got)
	}
	if got := broken.Header.Get("tracestate"); got != "" {
		t.Errorf("the state of no trace is %q", got)
	}
	if got := silent.Header.Get("traceparent"); got[:35] != string(unsampled[:35]) || got[53:] != "00" {
		t.Errorf("of a trace that is not sampled %q goes on", got)
	}
	spans := map[string]tracetest.SpanStub{} // by the field that names them
	var run tracetest.SpanStub
	for _, s := range c.spans {
		if s.Name == "run" {
			run = s
		}
		spans["00-"+s.SpanContext.TraceID().String()+"-"+s.SpanContext.SpanID().String()+"-01"] = s
	}
	for name, tt := range map[string]struct {
		request *http.Request
		parent  string // the span
		kind    trace.SpanKind
		status  codes.Code
		method  string
	}{
		"received": {in, "bbbbbbbbbbbbbbbb", trace.SpanKindServer, codes.Error, "GET"},
		"sent":     {out, in.Header.Get("traceparent")[36:52], trace.SpanKindClient, codes.Unset, "GET"},
		"its own":  {own, "bbbbbbbbbbbbbbbb", trace.SpanKindClient, codes.Error, "_OTHER"},
		"unknown":  {unknown, run.SpanContext.SpanID().String(), trace.SpanKindClient, codes.Error, "GET"},
		"broken":   {broken, "0000000000000000", trace.SpanKindServer, codes.Unset, "GET"},
	} {
		s, ok := spans[tt.request.Header.Get("traceparent")]
		if !ok {
			t.Errorf("%s: no span is %q", name, tt.request.Header.Get("traceparent"))
			continue
		}
		if s.Parent.SpanID().String() != tt.parent || s.SpanKind != tt.kind || s.Status.Code != tt.status || s.Name != tt.method {
			t.Errorf("%s: %+v", name, s)
		}
		if value(s, "url.path") != "/path" || value(s, "reactord.workload.id") != "w" {
			t.Errorf("%s: %v", name, s.Attributes)
		}
	}
}
