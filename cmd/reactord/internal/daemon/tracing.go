package daemon

import (
	"cmp"
	"context"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
	"github.com/reactord/reactord/cmd/reactord/internal/server"
	"github.com/reactord/reactord/cmd/reactord/internal/tracing"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/reactor/hooks"
)

// trace makes the daemon's tracer, if there are to be traces.
func (d *Daemon) trace(ctx context.Context) (err error) {
	if !d.cfg.OTLP.Traces {
		return nil
	}
	d.tracer, err = tracing.New(ctx, d.cfg.OTLP, d.cfg.Reactor.Version, d.log)
	if err == nil {
		d.log.Info("traces are sent", zap.String("to", cmp.Or(d.cfg.OTLP.Endpoint, otlp.DefaultEndpoint)))
	}
	return err
}

// hooks are those of all that observe workloads.
func (d *Daemon) hooks() hooks.Hooks {
	if d.tracer == nil {
		return d.lives.Hooks()
	}
	return hooks.Join(d.lives.Hooks(), d.tracer.Hooks())
}

func (d *Daemon) tracingOfCalls() server.Tracing {
	if d.tracer == nil {
		return server.Tracing{}
	}
	return server.Tracing{Handler: d.tracer.Calls(), Parent: tracing.Parent}
}

// traceHTTP returns what makes spans of the HTTP requests of an attempt; nil if nothing does.
func (d *Daemon) traceHTTP() func(hooks.Event) wasihttp.Tracer {
	if d.tracer == nil {
		return nil
	}
	return d.tracer.HTTP
}

// stopTracing sends the last spans.
func (d *Daemon) stopTracing() {
	if d.tracer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
	defer cancel()
	d.tracer.Stop(ctx)
}
