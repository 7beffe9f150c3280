package tracing

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
)

// scope names the instrumentation in the spans.
const scope = "github.com/reactord/reactord"

// Tracer makes the spans of one daemon. Make one with New, and stop it.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	gate     *otlp.Gate
	since    time.Time
	giveUp   context.CancelFunc // ends what is being sent

	attempts attempts
}

// New makes a tracer that sends spans to the collector that the variables of OpenTelemetry name, from a daemon of a version.
func New(ctx context.Context, config otlp.Config, version string, log *zap.Logger) (*Tracer, error) {
	from, err := otlp.Resource(ctx, version)
	if err != nil {
		return nil, err
	}
	var options []otlptracegrpc.Option
	if config.Endpoint == "" {
		options = append(options, otlptracegrpc.WithEndpointURL(otlp.DefaultEndpoint))
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("cannot send traces: %w", err)
	}
	return newTracer(exporter, config.Queue, from, log), nil
}

func newTracer(to sdktrace.SpanExporter, queue int, from *resource.Resource, log *zap.Logger) *Tracer {
	gate := otlp.NewGate("spans", queue, log)
	t := &Tracer{gate: gate, since: time.Now(), attempts: newAttempts()}
	x := exporter{SpanExporter: to, gate: gate}
	x.life, t.giveUp = context.WithCancel(context.Background())
	batch := sdktrace.NewBatchSpanProcessor(x, sdktrace.WithMaxQueueSize(queue))
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(processor{batch, gate}),
		sdktrace.WithResource(from),
	)
	t.tracer = t.provider.Tracer(scope)
	return t
}

// Run says in the log what is lost, until ctx ends.
func (t *Tracer) Run(ctx context.Context) { t.gate.Run(ctx) }

// Lost returns how many spans were lost.
func (t *Tracer) Lost() uint64 { return t.gate.Count() }

// lastWords is how long it may take, once nothing more is to be sent, until everything has ended.
const lastWords = time.Second

// Stop sends what waits, until ctx ends, and says in the log what is lost.
func (t *Tracer) Stop(ctx context.Context) {
	defer t.giveUp()
	defer context.AfterFunc(ctx, t.giveUp)()
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, cancel) })()
	_ = t.provider.Shutdown(last) // the gate knows what is lost
	t.gate.Tell()
}

// processor hands spans to a batch if there is room for them.
type processor struct {
	sdktrace.SpanProcessor
	gate *otlp.Gate
}

// OnEnd implements sdktrace.SpanProcessor.
func (p processor) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() && p.gate.Enter() {
		p.SpanProcessor.OnEnd(s)
	}
}

// exporter counts what is sent, and what is not.
type exporter struct {
	sdktrace.SpanExporter
	gate *otlp.Gate
	life context.Context //nolint:containedctx // the tracer's
}

// ExportSpans implements sdktrace.SpanExporter. Its errors are the gate's.
func (x exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(x.life, cancel)()
	x.gate.Begin()
	x.gate.Sent(len(spans), x.SpanExporter.ExportSpans(ctx, spans))
	return nil
}
