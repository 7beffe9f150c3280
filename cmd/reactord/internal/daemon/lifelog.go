package daemon

import (
	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

// lifeLog returns hooks that log the life of each workload; none unless the log is at debug level. Writing a
// line may wait for whoever reads the log, so the hooks that are called on workers (started, parked, resumed)
// are left out: no guest waits for the log.
func lifeLog(log *zap.Logger) hooks.Hooks {
	if !log.Core().Enabled(zap.DebugLevel) {
		return hooks.Hooks{}
	}
	line := func(text string) func(hooks.Event) {
		return func(e hooks.Event) { log.Debug(text, eventFields(e)...) }
	}
	end := func(text string) func(hooks.Event, hooks.Outcome) {
		return func(e hooks.Event, o hooks.Outcome) {
			fields := append(eventFields(e), zap.Stringer("state", o.State), zap.Stringer("reason", o.Reason),
				zap.String("message", o.Message), zap.Error(o.Err))
			if o.Usage != (api.Usage{}) {
				fields = append(fields, zap.Duration("cpu", o.Usage.CPUTime), zap.Duration("waiting", o.Usage.WaitingTime))
			}
			log.Debug(text, fields...)
		}
	}
	return hooks.Hooks{
		OnQueued:    line("a workload is queued"),
		OnLoaded:    line("a workload is handed to the workers"),
		OnEnded:     end("an attempt has ended"),
		OnCommitted: end("the end of an attempt is recorded"),
	}
}

func eventFields(e hooks.Event) []zap.Field {
	fields := []zap.Field{zap.String("workload", e.ID), zap.String("tenant", e.Tenant), zap.String("module", e.Module)}
	if e.Attempt != 0 {
		fields = append(fields, zap.Uint32("attempt", e.Attempt))
	}
	if e.Trace != "" {
		fields = append(fields, zap.String("traceparent", string(e.Trace)))
	}
	return fields
}
