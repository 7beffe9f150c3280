package otlp

import (
	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.uber.org/zap"
)

// Hear has the log told what OpenTelemetry's packages say of themselves, which they would write to the standard error. It is for the whole
// process, and called before any of them is used.
func Hear(log *zap.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Debug("a fault of OpenTelemetry", zap.Error(err)) }))
	otel.SetLogger(logr.New(listener{log}))
}

// listener is what OpenTelemetry logs to. What comes with a message is left out: it may be the text of a variable, and secret.
type listener struct{ log *zap.Logger }

var _ logr.LogSink = listener{}

// Init implements logr.LogSink.
func (listener) Init(logr.RuntimeInfo) {}

// Enabled implements logr.LogSink: warnings have level 1, and what is said all the time has more.
func (listener) Enabled(level int) bool { return level <= 1 }

// Info implements logr.LogSink.
func (l listener) Info(_ int, text string, _ ...any) {
	l.log.Debug("a fault of OpenTelemetry", zap.String("error", text))
}

// Error implements logr.LogSink.
func (l listener) Error(err error, doing string, _ ...any) {
	l.log.Debug("a fault of OpenTelemetry", zap.String("doing", doing), zap.Error(err))
}

// WithValues implements logr.LogSink.
func (l listener) WithValues(...any) logr.LogSink { return l }

// WithName implements logr.LogSink.
func (l listener) WithName(string) logr.LogSink { return l }
