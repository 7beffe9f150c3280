package otlp

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// Below returns a context below the span that a traceparent header names, if it does.
func Below(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}
