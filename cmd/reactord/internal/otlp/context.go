package otlp

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// Below returns a context below the span that the headers traceparent and tracestate name, if they name one.
func Below(ctx context.Context, parent, state string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent, "tracestate": state})
}
