package config

import (
	"testing"
	"time"
)

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0":         0,
		"24h":       24 * time.Hour,
		"1h30m":     90 * time.Minute,
		"10m":       10 * time.Minute,
		"1m30s":     90 * time.Second,
		"100ms":     100 * time.Millisecond,
		"10h0m0.5s": 10*time.Hour + 500*time.Millisecond,
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  Address
		local bool
	}{
		{"127.0.0.1:7070", Address{"tcp", "127.0.0.1:7070"}, true},
		{"[::1]:7070", Address{"tcp", "[::1]:7070"}, true},
		{"[::ffff:127.0.0.1]:1", Address{"tcp", "[::ffff:127.0.0.1]:1"}, true},
		{"localhost:7070", Address{"tcp", "localhost:7070"}, true},
		{":7070", Address{"tcp", ":7070"}, false},
		{"0.0.0.0:7070", Address{"tcp", "0.0.0.0:7070"}, false},
		{"10.0.0.1:7070", Address{"tcp", "10.0.0.1:7070"}, false},
		{"example.org:7070", Address{"tcp", "example.org:7070"}, false},
		{"unix:///run/reactord.sock", Address{"unix", "/run/reactord.sock"}, true},
		{"unix:reactord.sock", Address{"unix", "reactord.sock"}, true},
	} {
		got, err := ParseAddress(tt.text)
		if err != nil || got != tt.want || got.Local() != tt.local || got.String() != tt.text {
			t.Errorf("ParseAddress(%q) = %#v, %v, local %t, text %q; want %#v, local %t",
				tt.text, got, err, got.Local(), got.String(), tt.want, tt.local)
		}
	}
	for _, text := range []string{"", "7070", "a:b", "a:70000", "a:-1", "unix:", "unix://", "unix://host/p"} {
		if a, err := ParseAddress(text); err == nil {
			t.Errorf("ParseAddress(%q) = %#v, want an error", text, a)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"max-memory", "max-fuel", "queue"}
	for name, want := range map[string]string{
		"max-memroy": "; did you mean max-memory?",
		"quee":       "; did you mean queue?",
		"colour":     "",
	} {
		if got := meant(name, known); got != want {
			t.Errorf("meant(%q) = %q, want %q", name, got, want)
		}
	}
}
