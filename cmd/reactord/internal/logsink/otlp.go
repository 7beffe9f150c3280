package logsink

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/reactord/internal/otlp"
)

// scope names the instrumentation in the records.
const scope = "github.com/reactord/reactord"

// OTLP sends lines to the collector that the variables of OpenTelemetry name, from a daemon of a version.
func OTLP(ctx context.Context, config otlp.Config, version string, logger *zap.Logger) (*Sink, error) {
	from, err := otlp.Resource(ctx, version)
	if err != nil {
		return nil, err
	}
	var options []otlploggrpc.Option
	switch {
	case config.LogsEndpoint == "":
		options = append(options, otlploggrpc.WithEndpointURL(otlp.DefaultEndpoint))
	case strings.HasPrefix(strings.ToLower(config.LogsEndpoint), "unix:"): // of the variable the exporter would take the host alone
		options = append(options, otlploggrpc.WithEndpoint(config.LogsEndpoint), otlploggrpc.WithInsecure())
	}
	to, err := otlploggrpc.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("cannot send what guests print: %w", err)
	}
	c := &collector{to: to}
	c.provider = sdklog.NewLoggerProvider(sdklog.WithProcessor(c), sdklog.WithResource(from),
		sdklog.WithAttributeCountLimit(cmp.Or(config.RecordAttributes, -1)))
	c.logger = c.provider.Logger(scope)
	return newSink(c, logger), nil
}

// collector sends lines as records of OpenTelemetry. It is the processor of the provider that makes them, so that lines which wait are in
// one queue alone, which is the sink's.
type collector struct {
	to       sdklog.Exporter
	provider *sdklog.LoggerProvider
	logger   log.Logger
	records  []sdklog.Record
}

// most implements sender: collectors take some MiB.
func (*collector) most() int { return 1 << 20 }

// stuck implements sender.
func (*collector) stuck() string { return otlp.Silent }

// send implements sender.
func (c *collector) send(ctx context.Context, lines []line) error {
	for i := range lines {
		in := &lines[i].from.Trace
		c.logger.Emit(otlp.Below(context.Background(), string(in.Parent), in.State), recordOf(&lines[i]))
	}
	defer func() { c.records = c.records[:0] }()
	return c.to.Export(ctx, c.records)
}

// recordOf returns a line as a record.
func recordOf(l *line) (r log.Record) {
	r.SetTimestamp(l.time)
	r.SetObservedTimestamp(l.time)
	r.SetBody(attribute.StringValue(escape(l.text)))
	r.AddAttributes(
		attribute.String("reactord.workload.id", l.from.ID),
		attribute.Int64("reactord.attempt", int64(l.from.Attempt)),
		attribute.String("log.iostream", nameOf(l.stream)),
	)
	if l.from.Name != "" {
		r.AddAttributes(attribute.String("reactord.workload.name", l.from.Name))
	}
	for key, value := range l.from.Labels {
		r.AddAttributes(attribute.String("reactord.workload.label."+key, value))
	}
	if l.partial {
		r.AddAttributes(attribute.Bool("reactord.partial", true))
	}
	return r
}

// close implements sender.
func (c *collector) close() { _ = c.to.Shutdown(context.Background()) }

// Enabled implements sdklog.Processor.
func (*collector) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit implements sdklog.Processor.
func (c *collector) OnEmit(_ context.Context, r *sdklog.Record) error {
	c.records = append(c.records, r.Clone())
	return nil
}

// Shutdown implements sdklog.Processor.
func (*collector) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdklog.Processor.
func (*collector) ForceFlush(context.Context) error { return nil }
