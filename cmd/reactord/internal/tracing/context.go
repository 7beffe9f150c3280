package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/reactord/reactord/reactor/hooks"
)

// header is the name of the header by which a trace goes on.
const header = "traceparent"

// Parent returns the span that ctx has, as a header; empty if it has none.
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// below returns a context whose spans are below a span of another daemon or process.
func below(parent hooks.TraceParent) context.Context {
	return propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: string(parent)})
}
