package tracing

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A call has a span below its caller's, if that is sampled, and what it submits is below the call.
func TestCalls(t *testing.T) {
	for name, tt := range map[string]struct {
		method, caller string
		err            error
		spans          int
		parent         string // of the span
		status         codes.Code
	}{
		"alone":       {"/a.B/C", "", nil, 1, "0000000000000000", codes.Unset},
		"traced":      {"/a.B/C", string(sampled), nil, 1, string(sampled[36:52]), codes.Unset},
		"not sampled": {"/a.B/C", string(unsampled), nil, 0, "", codes.Unset},
		"malformed":   {"/a.B/C", "00-x", nil, 1, "0000000000000000", codes.Unset},
		"a fault":     {"/a.B/C", "", status.Error(grpccodes.Internal, "no"), 1, "0000000000000000", codes.Error},
		"refused":     {"/a.B/C", "", status.Error(grpccodes.NotFound, "no"), 1, "0000000000000000", codes.Unset},
		"a check":     {"/grpc.health.v1.Health/Check", "", nil, 0, "", codes.Unset},
	} {
		t.Run(name, func(t *testing.T) {
			c := &collector{}
			tracer := newTracer(c, 10, resource.Empty(), zap.NewNop())
			ctx := t.Context()
			if tt.caller != "" {
				ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("traceparent", tt.caller, "tracestate", "vendor=1"))
			}
			ctx, end := tracer.Call(ctx, tt.method)
			end(tt.err)
			parent, state := Span(ctx)
			tracer.Stop(t.Context())
			if len(c.spans) != tt.spans {
				t.Fatalf("the spans are %v", c.spans)
			}
			if name == "not sampled" && (parent[:35] != string(unsampled[:35]) || parent[53:] != "00") {
				t.Errorf("what it submits is below %q", parent)
			}
			if tt.caller != "" && strings.Contains(tt.caller, parent[3:35]) && state != "vendor=1" { // it is in the caller's trace
				t.Errorf("what it submits has the state %q", state)
			}
			if tt.spans == 0 {
				return
			}
			s := c.spans[0]
			if s.Name != "a.B/C" || s.SpanKind != trace.SpanKindServer || s.Parent.SpanID().String() != tt.parent || s.Status.Code != tt.status {
				t.Errorf("the span is %+v", s)
			}
			if want := "00-" + s.SpanContext.TraceID().String() + "-" + s.SpanContext.SpanID().String() + "-01"; parent != want {
				t.Errorf("what it submits is below %q, want %q", parent, want)
			}
		})
	}
}
