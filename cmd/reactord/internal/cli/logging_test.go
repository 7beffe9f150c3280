package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

func TestLogger(t *testing.T) {
	for _, tt := range []struct {
		format config.LogFormat
		json   bool
	}{
		{config.LogAuto, true}, // a file is no terminal
		{config.LogJSON, true},
		{config.LogConsole, false},
	} {
		t.Run(string(tt.format), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			log := newLogger(file, tt.format, zapcore.WarnLevel)
			log.Info("not this")
			log.Warn("this", zap.String("key", "value"))
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := json.Valid(text); got != tt.json {
				t.Errorf("JSON is %t: %s", got, text)
			}
			if !strings.Contains(string(text), "value") || strings.Contains(string(text), "not this") || strings.Contains(string(text), "\x1b") {
				t.Errorf("the log is %q", text)
			}
		})
	}
}

// A log holds what clients chose, and is looked at in a terminal: in both formats nothing is in it that
// a terminal obeys, but the colours of the level.
func TestLogIsPrintable(t *testing.T) {
	const hostile = "\x1b]0;owned\x07\u009b31m\u202e\x7f\nFAKE\tLINE\xff"
	for _, format := range []config.LogFormat{config.LogJSON, config.LogConsole} {
		path := filepath.Join(t.TempDir(), "log")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		log := newLogger(file, format, zapcore.DebugLevel).With(zap.String("with", hostile))
		log.Info(hostile, zap.String(hostile, hostile), zap.Error(errors.New(hostile)), zap.Any("any", map[string]string{hostile: hostile}))
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line, rest, _ := strings.Cut(string(text), "\n")
		if !printable.IsText(line) || rest != "" {
			t.Errorf("%s: the log is %q", format, text)
		}
		if format == config.LogJSON && !json.Valid(text) {
			t.Errorf("it is no JSON: %s", text)
		}
	}
	coloured := printableEncoder{zapcore.NewConsoleEncoder(zapcore.EncoderConfig{
		TimeKey: "t", EncodeTime: zapcore.EpochTimeEncoder, MessageKey: "m", LevelKey: "l", EncodeLevel: zapcore.CapitalLevelEncoder,
	}), true}
	b, err := coloured.EncodeEntry(zapcore.Entry{Time: time.Unix(1, 0), Level: zapcore.WarnLevel, Message: "\x1b[31m\tWARN\t"}, nil)
	if err != nil || strings.Count(b.String(), "\x1b") != 2 || !strings.Contains(b.String(), "\t\x1b[33mWARN\x1b[0m\t") {
		t.Errorf("%q, %v", b, err)
	}
}
