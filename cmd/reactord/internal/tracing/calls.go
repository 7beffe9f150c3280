package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// checks begins the names of methods whose calls have no spans: those that look after the daemon's health.
const checks = "/grpc.health.v1.Health/"

// Call begins the span of a client's call, below the one that the client names, and returns a context that has it. end is called with the
// status of the call. A call that is not sampled gets an id, and costs as little as it can.
func (t *Tracer) Call(ctx context.Context, fullMethod string) (_ context.Context, end func(error)) {
	if strings.HasPrefix(fullMethod, checks) {
		return ctx, ignore
	}
	ctx = propagation.TraceContext{}.Extract(ctx, incoming{ctx})
	method := strings.TrimPrefix(fullMethod, "/")
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer))
	if !span.IsRecording() {
		return ctx, ignore
	}
	span.SetAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", method))
	return ctx, func(err error) { endCall(span, status.Convert(err)) }
}

func ignore(error) {}

func endCall(span trace.Span, st *status.Status) {
	span.SetAttributes(attribute.String("rpc.response.status_code", st.Code().String()))
	switch st.Code() {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		span.SetStatus(otelcodes.Error, st.Message()) // the others are the client's
	}
	span.End()
}

// incoming are the header fields of a call, for reading.
type incoming struct{ ctx context.Context } //nolint:containedctx // it is the call's

var _ propagation.TextMapCarrier = incoming{}

// Get implements propagation.TextMapCarrier.
func (i incoming) Get(key string) string {
	if values := metadata.ValueFromIncomingContext(i.ctx, key); len(values) == 1 {
		return values[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (incoming) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (incoming) Keys() []string { return nil }
