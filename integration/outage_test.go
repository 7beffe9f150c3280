package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// What is looked at again and again says that the daemon is gone, and for how long it is waited for, however long its address
// is, and goes on when it is back.
func TestWatchesSurviveRestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), strings.Repeat("long", 15))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	address, data := "unix://"+filepath.Join(dir, "s"), t.TempDir()
	c := ctl{
		daemon: testkit.StartGuarded(t, data, nil, "--listen="+address),
		env:    append(os.Environ(), "REACTORD_ADDR="+address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml")),
	}
	c.must(t, "submit", "--id", "w", toolFile(t), "sleep", "1h")
	commands := []struct {
		shows string
		args  []string
	}{
		{"w ", []string{"list", "-w"}},
		{"w ", []string{"ops", "-w"}},
		{"waits for", []string{"status", "-w", "w"}},
		{"wake lateness", []string{"status", "-w"}},
		{"sleeping", []string{"ops", "--summary", "-w"}},
		{"timer", []string{"top"}},
	}
	terminals := make([]*testkit.Terminal, len(commands))
	there := func(i int) func(string) bool {
		return func(screen string) bool {
			return strings.Contains(screen, commands[i].shows) && !strings.Contains(screen, "is gone")
		}
	}
	for i, command := range commands {
		terminals[i] = c.onTerminal(t, 80, 30, command.args...)
		terminals[i].Until(strings.Join(command.args, " ")+" shows it", there(i))
	}
	c.daemon.Stop()
	for i, term := range terminals {
		term.Until(strings.Join(commands[i].args, " ")+" says all of it", func(screen string) bool {
			return strings.Contains(screen, "the daemon at unix") && strings.Contains(screen, "/s is gone; waiting for it, 1m0s at most")
		})
	}
	c.daemon = testkit.StartGuarded(t, data, nil, "--listen="+address)
	for i, term := range terminals {
		term.Until(strings.Join(commands[i].args, " ")+" goes on", there(i))
		term.Type("q")
		if status, raw := term.Wait(); status != 0 {
			t.Errorf("%q: status %d: %s", commands[i].args, status, raw)
		}
	}
}
