package tracing

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/reactor/hooks"
)

// requests makes spans of the HTTP requests of one attempt.
type requests struct {
	*Tracer
	of hooks.Event
}

// HTTP returns what makes spans of the HTTP requests that an attempt gets and sends.
func (t *Tracer) HTTP(e hooks.Event) wasihttp.Tracer { return &requests{t, e} }

// Received implements wasihttp.Tracer: the request's span is below the one that its sender names.
func (t *requests) Received(r *http.Request) wasihttp.Traced {
	return t.begin(named(context.Background(), r.Header), r, trace.SpanKindServer)
}

// Sending implements wasihttp.Tracer: the request's span is below the one that the guest names, that of the request for which it is
// sent, or that of the attempt.
func (t *requests) Sending(parent context.Context, r *http.Request) wasihttp.Traced {
	ctx := named(context.Background(), r.Header)
	switch {
	case trace.SpanContextFromContext(ctx).IsValid():
	case trace.SpanContextFromContext(parent).IsValid():
		ctx = parent
	default:
		ctx = t.running()
	}
	return t.begin(ctx, r, trace.SpanKindClient)
}

// running returns the context of the attempt's run, or that of its submission if the run has no span.
func (t *requests) running() context.Context {
	if a := t.Tracer.of(t.of); a != nil && a.run.IsValid() {
		return trace.ContextWithSpanContext(context.Background(), a.run)
	}
	return below(t.of.Trace)
}

// named returns a context below the span that header fields name, if they do. Fields that name none are removed: they would be taken
// for those of another span.
func named(ctx context.Context, h http.Header) context.Context {
	named := propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
	if !trace.SpanContextFromContext(named).IsValid() {
		h.Del("traceparent")
		h.Del("tracestate")
	}
	return named
}

// begin begins the span of a request, and has its header name it.
func (t *requests) begin(ctx context.Context, r *http.Request, kind trace.SpanKind) wasihttp.Traced {
	method := methodOf(r)
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(kind))
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("reactord.workload.id", t.of.ID),
			attribute.Int64("reactord.attempt", int64(t.of.Attempt)),
			attribute.String("http.request.method", method),
			attribute.String("url.path", r.URL.EscapedPath()), // a query may have secrets
			attribute.String("server.address", r.Host),
		)
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	return wasihttp.Traced{Parent: ctx, End: func(status int, err error) { end(span, kind, status, err) }}
}

func end(span trace.Span, kind trace.SpanKind, status int, err error) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	if status > 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	switch {
	case err != nil:
		span.SetStatus(codes.Error, err.Error())
	case status >= 500, status >= 400 && kind == trace.SpanKindClient:
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
		span.SetStatus(codes.Error, "")
	}
}

// otherMethod is what a span calls methods of which there may be any number.
const otherMethod = "_OTHER"

func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	case "":
		return http.MethodGet
	}
	return otherMethod
}
