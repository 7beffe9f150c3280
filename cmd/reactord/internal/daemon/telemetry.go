package daemon

import (
	"cmp"
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/logsink"
	"github.com/reactord/reactord/cmd/reactord/internal/metrics"
	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/cmd/reactord/internal/server"
	"github.com/reactord/reactord/cmd/reactord/internal/tracing"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/hooks"
)

// lastTelemetry is how long it may take to send the last spans and lines.
const lastTelemetry = 5 * time.Second

// telemetry is what the daemon sends to others of what it does, and of what guests print.
type telemetry struct {
	tracer *tracing.Tracer // nil: there are no traces
	sink   *logsink.Sink   // nil: what guests print is only kept
}

// newTelemetry makes what cfg asks for. What it returns with an error is to be stopped as well.
func newTelemetry(ctx context.Context, cfg config.Config, log *zap.Logger) (t telemetry, err error) {
	otlp.Hear(log)
	if cfg.OTLP.Traces {
		if t.tracer, err = tracing.New(ctx, cfg.OTLP, cfg.Reactor.Version, log); err != nil {
			return t, err
		}
		log.Info("traces are sent", zap.String("to", cmp.Or(cfg.OTLP.Endpoint, otlp.DefaultEndpoint)))
	}
	switch {
	case cfg.LogSink == config.LogSinkStdout:
		t.sink, err = logsink.Stdout(log)
	case cfg.LogSink == config.LogSinkOTLP && !cfg.OTLP.Disabled:
		t.sink, err = logsink.OTLP(ctx, cfg.OTLP, cfg.Reactor.Version, log)
	}
	if t.sink != nil && err == nil {
		log.Info("output of guests is sent", zap.String("by", string(cfg.LogSink)))
	}
	return t, err
}

// observe has a reactor tell what is to be sent, and others what their hooks ask for.
func (t *telemetry) observe(c *reactor.Config, others hooks.Hooks) {
	c.Hooks = others
	if t.tracer != nil {
		c.Hooks, c.TraceHTTP = hooks.Join(others, t.tracer.Hooks()), t.tracer.HTTP
	}
	if t.sink != nil {
		c.OpenOutput = t.sink.Open
	}
}

// calls is what makes spans of calls.
func (t *telemetry) calls() server.Tracing {
	if t.tracer == nil {
		return server.Tracing{}
	}
	return server.Tracing{Begin: t.tracer.Call, Span: tracing.Span}
}

// run has the log told what is lost, until ctx ends.
func (t *telemetry) run(ctx context.Context, running *sync.WaitGroup) {
	if t.tracer != nil {
		running.Go(func() { t.tracer.Run(ctx) })
	}
	if t.sink != nil {
		running.Go(func() { t.sink.Run(ctx) })
	}
}

// lost is what could not be sent so far.
func (t *telemetry) lost() (lost metrics.Lost) {
	if t.tracer != nil {
		lost.Spans = t.tracer.Lost()
	}
	if t.sink != nil {
		lost.Lines = t.sink.Lost()
	}
	return lost
}

// stop sends what is left, for lastTelemetry at most.
func (t *telemetry) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), lastTelemetry)
	defer cancel()
	var stopping sync.WaitGroup
	if t.tracer != nil {
		stopping.Go(func() { t.tracer.Stop(ctx) })
	}
	if t.sink != nil {
		stopping.Go(func() { t.sink.Stop(ctx) })
	}
	stopping.Wait()
}
