package main

import (
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// newLogger logs to w: for people where w is a terminal, else, or if the format says so, as JSON.
func newLogger(w *os.File, format config.LogFormat, level zapcore.Level) *zap.Logger {
	console := format == config.LogConsole ||
		format == config.LogAuto && term.IsTerminal(int(w.Fd()))
	var encoder zapcore.Encoder
	if console {
		c := zap.NewDevelopmentEncoderConfig()
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		if term.IsTerminal(int(w.Fd())) {
			c.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.EncodeDuration = zapcore.StringDurationEncoder
		encoder = zapcore.NewConsoleEncoder(c)
	} else {
		c := zap.NewProductionEncoderConfig()
		c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
		c.EncodeDuration = zapcore.SecondsDurationEncoder
		encoder = zapcore.NewJSONEncoder(c)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(w), level),
		zap.ErrorOutput(zapcore.Lock(os.Stderr)))
}
