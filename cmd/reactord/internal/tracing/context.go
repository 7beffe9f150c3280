package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/reactor/hooks"
)

// Span returns the span that ctx has, as the headers of W3C Trace Context; empty if it has none.
func Span(ctx context.Context) (parent, state string) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return "", ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"], carrier["tracestate"]
}

// below returns a context whose spans are below a span of another daemon or process.
func below(t hooks.Trace) context.Context {
	return otlp.Below(context.Background(), string(t.Parent), t.State)
}
