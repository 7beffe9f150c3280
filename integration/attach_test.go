package integration

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// talker is a reactorctl attach whose input comes from a pipe.
type talker struct {
	*follower
	in *os.File
}

func (r *restarted) attach(t *testing.T, id string) talker {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = write.Close() })
	a := talker{r.follow(t, read, "attach", id), write}
	_ = read.Close() // reactorctl has it
	return a
}

func (a talker) say(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		t.Fatal(err)
	}
}

func (a talker) hears(t *testing.T, want string) {
	t.Helper()
	until(t, fmt.Sprintf("%q is answered", want), func() bool { return strings.HasSuffix(a.out.String(), want) })
}

// Whoever attaches to an interactive guest talks to it. An interrupt leaves it to the next one, who ends its input.
func TestAttachInterruptAndAttachAgain(t *testing.T) {
	r := newRestarted(t, testkit.DataDir(t, tool(t)))
	r.must(t, "submit", "--id", "chat", "-i", toolFile(t), "upper")
	first := r.attach(t, "chat")
	first.say(t, "one")
	first.hears(t, "ONE\n")
	if _, errs, status := r.run(t, "", "attach", "chat"); status != 125 || !strings.Contains(errs, "attached") {
		t.Errorf("a second one beside it: status %d: %s", status, errs)
	}
	if err := first.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status, errs := first.ended(), first.errs.String(); status != 130 || !strings.Contains(errs, "chat goes on") || first.out.String() != "ONE\n" {
		t.Errorf("interrupted: status %d, %q: %s", status, first.out.String(), errs)
	}
	if s := r.daemon.Status(t, "chat"); s.GetState() != waiting {
		t.Errorf("the guest is %v", s)
	}

	second := r.attach(t, "chat")
	second.say(t, "two")
	second.hears(t, "TWO\n")
	if err := second.in.Close(); err != nil {
		t.Fatal(err)
	}
	if status, out := second.ended(), second.out.String(); status != 0 || out != "ONE\nTWO\nbye\n" {
		t.Errorf("status %d, %q: %s", status, out, second.errs.String())
	}
	if out, errs, status := r.run(t, "", "attach", "chat"); status != 0 || out != "ONE\nTWO\nbye\n" {
		t.Errorf("after the end: status %d, %q: %s", status, out, errs)
	}
	if _, errs, status := r.run(t, "", "attach", "nobody"); status != 125 || !strings.Contains(errs, "nobody") {
		t.Errorf("to nobody: status %d: %s", status, errs)
	}
}

// At a terminal one types to the guest, and goes on when the daemon was killed and is back. Ctrl-C detaches, and the end of
// the input ends the guest.
func TestAttachAtTerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			r := newRestarted(t, testkit.DataDir(t, tool(t)))
			r.must(t, "submit", "--id", "chat", "-i", toolFile(t), "upper")
			term := r.onTerminal(t, columns, 24, "attach", "chat")
			shows := func(what string) {
				t.Helper()
				term.Until("it shows "+what, func(screen string) bool {
					joined := func(text string) string { return strings.Join(strings.Fields(text), "") } // wherever lines are broken
					return strings.Contains(joined(screen), joined(what))
				})
			}
			term.Type("one\n")
			shows("ONE")
			r.daemon.Kill()
			shows("is gone")
			r.start(t)
			shows("chat goes on")
			shows("what was typed before is not read again")
			term.Type("two\n")
			shows("TWO")
			term.Type("\x03")
			if status, raw := term.Wait(); status != 130 || !strings.HasSuffix(raw, "interrupted by SIGINT; chat goes on\r\n") {
				t.Errorf("Ctrl-C: status %d: %q", status, raw)
			}

			term = r.onTerminal(t, columns, 24, "attach", "chat")
			shows("TWO")
			if screen := term.Screen(); strings.Contains(screen, "ONE") {
				t.Errorf("it shows what an earlier attempt has written:\n%s", screen)
			}
			term.Type("three\n\x04")
			shows("bye")
			if status, raw := term.Wait(); status != 0 || !strings.HasSuffix(raw, "three\r\nTHREE\r\nbye\r\n") {
				t.Errorf("the end: status %d: %q", status, raw)
			}
		})
	}
}

// What attach prints is whole over a kill of the daemon: what the first attempt wrote, and all of the next. Input that was
// empty is given to both.
func TestAttachOverRestart(t *testing.T) {
	t.Parallel()
	r := newRestarted(t, testkit.DataDir(t, tool(t)))
	r.must(t, "submit", "--id", "ticker", "-i", toolFile(t), "ticks", "100", "7")
	attach := r.follow(t, nil, "attach", "ticker")
	until(t, "it ticks", func() bool { return strings.Contains(attach.out.String(), "tick 5\n") })
	r.daemon.Kill()
	until(t, "it notices", func() bool { return strings.Contains(attach.errs.String(), "is gone") })
	r.start(t)
	status, errs := attach.ended(), attach.errs.String()
	if status != 7 || strings.Count(errs, "is gone") != 1 || strings.Count(errs, "workload ticker goes on, attempt 2") != 1 {
		t.Errorf("status %d: %s", status, errs)
	}
	first, second, _ := strings.Cut(strings.TrimPrefix(attach.out.String(), "tick 0\n"), "tick 0\n")
	if second != numbered("tick", 1, 100) || !strings.HasPrefix(second, first) || !strings.Contains(first, "tick 5\n") {
		t.Errorf("it printed %q", attach.out.String())
	}
}
