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
	b, err := newConsoleEncoder(true).EncodeEntry(zapcore.Entry{Level: zapcore.WarnLevel, Message: "\x1b[31m WARN "}, nil)
	if err != nil || strings.Count(b.String(), "\x1b") != 2 || !strings.Contains(b.String(), " \x1b[33mWARN\x1b[0m ") {
		t.Errorf("%q, %v", b, err)
	}
}

// Lines for people are short: no quotes where none are needed, no default tenant, and digests as reactorctl shows them.
func TestConsoleLines(t *testing.T) {
	digest := "0123456789ab" + strings.Repeat("c", 52)
	for _, tt := range []struct {
		fields []zap.Field
		want   string
	}{
		{nil, ""},
		{[]zap.Field{zap.String("workload", "w"), zap.String("tenant", "default"), zap.String("module", "sha256:"+digest), zap.Uint32("attempt", 1)}, "  workload=w module=0123456789ab attempt=1"},
		{[]zap.Field{zap.String("tenant", "acme"), zap.String("module", digest)}, "  tenant=acme module=0123456789ab"},
		{[]zap.Field{zap.Duration("cpu", 1500*time.Millisecond), zap.Strings("listen", []string{"unix:///s", "tcp://:1"})}, "  cpu=1.5s listen=unix:///s,tcp://:1"},
		{[]zap.Field{zap.Error(errors.New("no \"x\"")), zap.String("empty", ""), zap.String("pair", "a=b")}, `  error="no \"x\"" empty="" pair="a=b"`},
		{[]zap.Field{zap.Bool("on", true), zap.Any("counts", map[string]int{"a": 1}), zap.Ints("list", []int{1, 2})}, `  on=true counts={"a":1} list=[1,2]`},
	} {
		entry := zapcore.Entry{Time: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Message: "workload started"}
		b, err := newConsoleEncoder(false).EncodeEntry(entry, tt.fields)
		if want := "03:04:05.006 INFO  workload started" + tt.want + "\n"; err != nil || b.String() != want {
			t.Errorf("the line is %q, %v; want %q", b, err, want)
		}
	}
}
