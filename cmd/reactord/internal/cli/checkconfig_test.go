package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// The table fits a terminal, and nothing of a value or a source is lost for it.
func TestSettingsFit(t *testing.T) {
	long := "unix://" + strings.Repeat("/folder", 20) + "/\u65e5\u672c\u8a9e"
	settings := []config.Setting{
		{Name: "default-descriptors", Value: "256", Shown: "256", Source: "default"},
		{Name: "listen", Value: long, Shown: long, Source: "/etc/reactord/of-this-machine/reactord.yaml", Reloaded: true},
	}
	for _, room := range []int{80, 120, 200} {
		var all strings.Builder
		for _, line := range settingLines(settings, room) {
			width := 0
			for _, span := range line {
				width += screen.Width(span.Text)
				all.WriteString(strings.TrimSpace(span.Text))
			}
			if width > room {
				t.Errorf("a line takes %d columns of %d: %v", width, room, line)
			}
		}
		for _, part := range []string{"reload", "256", "SETTING"} {
			if !strings.Contains(all.String(), part) {
				t.Errorf("%q is lost at %d columns: %s", part, room, all.String())
			}
		}
		if got, want := strings.Count(all.String(), "/"), strings.Count(long+settings[1].Source, "/"); got != want {
			t.Errorf("%d slashes of %d are left at %d columns: %s", got, want, room, all.String())
		}
	}
	if lines := settingLines(settings, 0); len(lines) != 3 {
		t.Errorf("a file has %d lines, want 3", len(lines))
	}
}

// What follows from the machine is shown in figures, one notation for all sizes, and what somebody gave as it was given.
func TestResolvedSettings(t *testing.T) {
	cfg := defaults()
	cfg.Reactor.DataDir = filepath.Join(t.TempDir(), "not", "yet", "there")
	cfg.Reactor.MaxModuleBytes = 7654321
	cfg.Sources = map[string]string{"max-module-size": "--max-module-size"}
	found := make(map[string]config.Setting)
	for _, s := range cfg.Resolved().Settings() {
		found[s.Name] = s
	}
	for _, name := range []string{"store-size", "node-memory", "compile-memory", "module-memory", "queue-bytes", "max-function-size", "max-memory"} {
		digits, iB := strings.CutSuffix(found[name].Shown, "iB")
		if !iB || len(digits) > len("1023G") {
			t.Errorf("%s is shown as %q", name, found[name].Shown)
		}
	}
	if got := found["max-module-size"].Shown; got != "7654321" {
		t.Errorf("what was given is shown as %q", got)
	}
}
