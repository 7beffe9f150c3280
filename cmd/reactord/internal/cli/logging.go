package cli

import (
	"fmt"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// newLogger logs to w: as text if w is a terminal, else as JSON, unless the format says otherwise.
func newLogger(w *os.File, format config.LogFormat, level zapcore.LevelEnabler) *zap.Logger {
	console := format == config.LogConsole ||
		format == config.LogAuto && term.IsTerminal(int(w.Fd()))
	var encoder zapcore.Encoder
	if console {
		encoder = newConsoleEncoder(term.IsTerminal(int(w.Fd())))
	} else {
		c := zap.NewProductionEncoderConfig()
		c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
		c.EncodeDuration = zapcore.StringDurationEncoder // which says its unit
		encoder = printableEncoder{zapcore.NewJSONEncoder(c)}
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(w), level),
		zap.ErrorOutput(zapcore.Lock(os.Stderr)))
}

// printableEncoder makes the lines of a JSON encoder printable. A log contains names that clients chose, and is
// looked at in terminals even if it is JSON, which keeps its meaning.
type printableEncoder struct{ zapcore.Encoder }

// Clone implements zapcore.Encoder.
func (e printableEncoder) Clone() zapcore.Encoder { return printableEncoder{e.Encoder.Clone()} }

// EncodeEntry implements zapcore.Encoder.
func (e printableEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	b, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil {
		return nil, err
	}
	line := printable.Text(b.String())
	b.Reset()
	b.AppendString(line)
	return b, nil
}

// coloured returns a level in colour.
func coloured(level zapcore.Level) string {
	const red, yellow, blue, magenta = 31, 33, 34, 35
	colour := red
	switch level {
	case zapcore.DebugLevel:
		colour = magenta
	case zapcore.InfoLevel:
		colour = blue
	case zapcore.WarnLevel:
		colour = yellow
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, level.CapitalString())
}
