package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// busyNode has a guest that computes, one that waits, and one that has ended.
func busyNode(t *testing.T, c ctl) {
	t.Helper()
	for tag, binary := range map[string][]byte{"sleeper": examples.Sleeper, "hog": examples.Hog} {
		if _, err := c.daemon.TryPush(t.Context(), binary, tag); err != nil {
			t.Fatal(err)
		}
	}
	c.must(t, "submit", "--id", "busy", "--label", "app=hog", "hog")
	c.must(t, "submit", "--id", "sleepy", "--label", "app=nap", "--name", "napping", "sleeper", "1", "100000000")
	c.must(t, "submit", "--id", "over", "sleeper", "1", "1")
	c.daemon.WaitFor(t, "over")
	until(t, "busy and sleepy have started", func() bool {
		return c.daemon.Status(t, "busy").GetState() == running && c.daemon.Status(t, "sleepy").GetState() == waiting
	})
}

// shows returns whether a screen of top is complete: of what the node does, and of both guests.
func shows(screen string) bool {
	return regexp.MustCompile(`(?m)^cpu +[0-9]+% of [0-9]+%, `).MatchString(screen) &&
		regexp.MustCompile(`(?m)^ timer +1 +[0-9]+s  sleepy`).MatchString(screen) &&
		regexp.MustCompile(`(?m)^ busy +hog +running +[0-9]+\.[0-9]`).MatchString(screen) &&
		regexp.MustCompile(`(?m)^ sleepy +timer +[0-9]+s`).MatchString(screen)
}

// top fills the terminal, whatever its size is and becomes, and gives it back when q is pressed.
func TestTop(t *testing.T) {
	c := newCtl(t)
	busyNode(t, c)
	for _, size := range []struct{ columns, rows int }{{80, 24}, {200, 50}} {
		term := c.onTerminal(t, size.columns, size.rows, "top", "--interval", "200ms")
		screen := term.Until("it shows the node", shows)
		if lines := strings.Split(screen, "\n"); !strings.HasPrefix(lines[size.rows-1], "q leaves") {
			t.Errorf("%d by %d: the last line is not the footer:\n%s", size.columns, size.rows, screen)
		}
		if strings.Contains(screen, "over") {
			t.Errorf("it shows:\n%s", screen)
		}
		for _, other := range []struct{ columns, rows int }{{100, 30}, {50, 12}, {size.columns, size.rows}} {
			term.Resize(other.columns, other.rows)
			term.Until("it fills the new size", func(screen string) bool {
				lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
				return len(lines) == other.rows && strings.HasPrefix(lines[0], "reactord ") && strings.HasPrefix(lines[other.rows-1], "q leaves")
			})
		}
		term.Type("?")
		term.Until("it shows the keys", func(screen string) bool { return strings.Contains(screen, "Any key goes back") })
		term.Type("q")
		term.Until("it shows the node again", shows)
		term.Type("q")
		status, raw := term.Wait()
		if status != 0 || !strings.Contains(raw, "\x1b[?1049l") || !strings.Contains(raw, "\x1b[?25h") {
			t.Errorf("status %d: %q", status, raw)
		}
		if screen := term.Screen(); strings.TrimSpace(screen) != "" {
			t.Errorf("it leaves this behind:\n%s", screen)
		}
	}
}

// A filter has the daemon select by labels and kinds, and words are looked for in what is shown.
func TestTopFilters(t *testing.T) {
	c := newCtl(t)
	busyNode(t, c)
	term := c.onTerminal(t, 80, 24, "top", "--interval", "200ms")
	term.Until("it shows the node", shows)
	listed := func(id string) func(string) bool {
		return func(screen string) bool { return regexp.MustCompile(`(?m)^ ` + id + ` `).MatchString(screen) }
	}
	for _, tt := range []struct{ filter, shown, hidden string }{
		{"app=hog", "busy", "sleepy"},
		{"kind:timer", "sleepy", "busy"},
		{"state:waiting", "sleepy", "busy"},
		{"NAPP", "sleepy", "busy"},
		{"bus", "busy", "sleepy"},
	} {
		term.Type("/\x15" + tt.filter)
		term.Until("it shows what is typed", func(screen string) bool { return strings.Contains(screen, "\n/"+tt.filter+"_") })
		term.Type("\r")
		term.Until(tt.filter+" selects "+tt.shown, func(screen string) bool {
			busiest := screen[strings.Index(screen, ">BUSIEST"):strings.Index(screen, " WAITING LONGEST")]
			return strings.Contains(screen, "only "+tt.filter) && listed(tt.shown)(busiest) && !listed(tt.hidden)(busiest)
		})
	}
	term.Type("/\x15a=(\r")
	term.Until("the daemon's refusal is shown", func(screen string) bool { return strings.Contains(screen, "label_selector") })
	term.Type("\x1b")
	term.Until("Esc shows all", shows)
	term.Type("\x03")
	if status, _ := term.Wait(); status != 130 {
		t.Errorf("Ctrl-C: status %d", status)
	}
	if _, errs, status := c.run(t, "", "top", "--filter", "kind:x"); status != 125 || !strings.Contains(errs, "no kind of operation") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// top says that the daemon is gone, and goes on when it is back.
func TestTopSurvivesRestart(t *testing.T) {
	t.Parallel() // it waits most of the time
	address, data := "unix://"+filepath.Join(shortDir(t), "s"), t.TempDir()
	c := ctl{
		daemon: testkit.StartGuarded(t, data, nil, "--listen="+address),
		env:    append(os.Environ(), "REACTORD_ADDR="+address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml")),
	}
	busyNode(t, c)
	term := c.onTerminal(t, 80, 24, "top", "--interval", "100ms")
	term.Until("it shows the node", shows)
	c.daemon.Stop()
	term.Until("it says that the daemon is gone", func(screen string) bool { return strings.Contains(screen, "is gone; waiting for it") })
	c.daemon = testkit.StartGuarded(t, data, nil, "--listen="+address)
	term.Until("it shows the node again", func(screen string) bool { return shows(screen) && !strings.Contains(screen, "is gone") })
	term.Type("q")
	if status, _ := term.Wait(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// A signal gives the terminal back, too, and NO_COLOR leaves out the colours.
func TestTopEndsBySignal(t *testing.T) {
	c := newCtl(t)
	busyNode(t, c)
	for _, color := range []bool{true, false} {
		cmd := c.command(t, "top", "--interval", "200ms")
		if cmd.Env = testkit.Undecorated(cmd.Env); !color {
			cmd.Env = append(cmd.Env, "NO_COLOR=1")
		}
		term := testkit.StartInTerminal(t, cmd, 80, 24)
		term.Until("it shows the node", shows)
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		status, raw := term.Wait()
		if status != 143 || !strings.Contains(raw, "\x1b[?1049l") {
			t.Errorf("status %d: %q", status, raw)
		}
		if got := regexp.MustCompile("\x1b\\[[0-9]*3[0-9]m").MatchString(raw); got != color {
			t.Errorf("colours: %t, want %t", got, color)
		}
	}
}

// Without a terminal top prints blocks of plain lines.
func TestTopWithoutTerminal(t *testing.T) {
	c := newCtl(t)
	busyNode(t, c)
	out := c.must(t, "top", "-n", "2", "--interval", "600ms")
	blocks := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks:\n%s", len(blocks), out)
	}
	for _, block := range blocks {
		for _, want := range []string{`^20[0-9-]+T[0-9:]+Z$`, `^cpu +[0-9]+% of [0-9]+%`, `^memory +`, `^workloads +1 running, 1 waiting, 0 pending`, `^woken late +p50`, `^timer +1 +[0-9]+s +sleepy`, `^busy +hog +running`, `^sleepy +timer`} {
			if !regexp.MustCompile(`(?m)` + want).MatchString(block) {
				t.Errorf("nothing matches %s:\n%s", want, block)
			}
		}
	}
	if strings.ContainsAny(out, "\x1b\r") {
		t.Errorf("it has control characters: %q", out)
	}
	for _, args := range [][]string{{"top", "-o", "json"}, {"top", "--interval", "1ms"}, {"top", "x"}} {
		if _, errs, status := c.run(t, "", args...); status != 125 {
			t.Errorf("%q: status %d: %s", args, status, errs)
		}
	}
	dumb := c.command(t, "top", "-n", "1", "--interval", "100ms")
	dumb.Env = append(os.Environ(), append(c.env, "TERM=dumb")...)
	if text, err := dumb.Output(); err != nil || !strings.Contains(string(text), "woken late") {
		t.Errorf("%v: %s", err, text)
	}
}
