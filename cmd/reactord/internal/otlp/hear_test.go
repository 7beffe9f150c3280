package otlp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// What OpenTelemetry's packages say is in the log, without what may be secret.
func TestHear(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	Hear(zap.New(core))
	defer Hear(zap.NewNop())
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "A B=secret")
	otlptracegrpc.NewClient()
	otel.Handle(errors.New("no"))
	if logs.Len() != 2 {
		t.Fatalf("the log has %v", logs.All())
	}
	for _, line := range logs.All() {
		if text := fmt.Sprint(line.ContextMap()); line.Level != zapcore.DebugLevel || strings.Contains(text, "A B") || strings.Contains(text, "secret") {
			t.Errorf("the log has %v %s", line.Level, text)
		}
	}
}
