package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

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
