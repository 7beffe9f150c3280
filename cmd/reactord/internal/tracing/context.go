package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/reactor/hooks"
)

// Parent returns the span that ctx has, as a header; empty if it has none.
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// below returns a context whose spans are below a span of another daemon or process.
func below(parent hooks.TraceParent) context.Context {
	return otlp.Below(context.Background(), string(parent))
}
