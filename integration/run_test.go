package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

const sleeperModule = "../examples/c-sleeper/sleeper.wasm"

func TestSubmitPrintsRange(t *testing.T) {
	c := newCtl(t)
	if out := c.must(t, "submit", "--id", "app", "--count", "1000", sleeperModule, "1", "1"); out != "app-0 ... app-999: 1000 workloads" {
		t.Errorf("submit printed %q", out)
	}
	out := c.must(t, "submit", "-q", "--id", "other", "--count", "1000", sleeperModule, "1", "1")
	if ids := strings.Fields(out); len(ids) != 1000 || ids[0] != "other-0" || ids[999] != "other-999" {
		t.Errorf("submit -q printed %d ids: %.100s", len(ids), out)
	}
	// A name that people know again, and that nobody else has.
	one, two := c.must(t, "submit", sleeperModule, "1", "1"), c.must(t, "submit", sleeperModule, "1", "1")
	if !strings.HasPrefix(one, "sleeper-") || one == two {
		t.Errorf("the ids are %q and %q", one, two)
	}
}

// More than the daemon takes: what was submitted is told, and run leaves none of it.
func TestCountAboveQueue(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--queue=100")
	c := ctl{daemon: d, env: append(os.Environ(), "REACTORD_ADDR="+d.Address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
	_, errs, status := c.run(t, "", "submit", "--id", "much", "--count", "4000", "-l", "case=submit", sleeperModule, "1", "1000000000")
	if status != 125 || !strings.Contains(errs, "of 4000 workloads were submitted: much-") || !strings.Contains(errs, "submit the rest with --id much") {
		t.Errorf("submit: status %d: %s", status, errs)
	}
	c.must(t, "cancel", "-l", "case=submit")
	_, errs, status = c.run(t, "", "run", "--count", "4000", "-l", "case=run", sleeperModule, "1", "1000000000")
	if status != 125 || !strings.Contains(errs, "of 4000 workloads were submitted: sleeper-") || !strings.Contains(errs, "cancelled") {
		t.Errorf("run: status %d: %s", status, errs)
	}
	if left := c.unfinished(t, "case=run"); len(left) > 0 {
		t.Errorf("run left %d workloads", len(left))
	}
}

func TestWaitForSeveral(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	c.must(t, "submit", "--id", "good", "-l", "app=x", file, "hello")
	c.must(t, "submit", "--id", "bad", "-l", "app=x", file, "exit", "3")
	c.must(t, "submit", "--id", "late", "-l", "app=y", file, "sleep", "1h")
	for _, args := range [][]string{{"wait", "good", "bad"}, {"wait", "-l", "app=x"}} {
		if out, errs, status := c.run(t, "", args...); status != 3 || !strings.Contains(out, "bad failed (exit 3)") || !strings.Contains(out, "2 workloads: 1 succeeded, 1 did not") {
			t.Errorf("%q: status %d, %q, %s", args, status, out, errs)
		}
	}
	_, errs, status := c.run(t, "", "wait", "--timeout", "100ms", "good", "late")
	if status != 124 || !regexp.MustCompile(`^reactorctl: not ended after 100ms: (good, )?late\n$`).MatchString(errs) { // 100 ms may be too short for either
		t.Errorf("a timeout: status %d: %s", status, errs)
	}
	if _, errs, status := c.run(t, "", "wait", "-l", "app=none"); status != 125 || !strings.Contains(errs, "no workload has the labels app=none") {
		t.Errorf("no workload: status %d: %s", status, errs)
	}
}

// A port where something listens that is no daemon is found out before a guest is built.
func TestMutePort(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := ctl{env: append(os.Environ(), "REACTORD_ADDR="+testkit.NeverReads(t), "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
	_, errs, status := c.run(t, "", "run", "../examples/hello")
	if status != 125 || !strings.Contains(errs, "does not answer as a daemon does") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// Where wait has heard nothing of workloads when its time is over, it says that they have not ended.
func TestWaitHearsNothing(t *testing.T) {
	c := ctl{env: append(os.Environ(), "REACTORD_ADDR="+testkit.NeverReads(t), "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
	for want, args := range map[string][]string{
		"a, b":                          {"a", "b"},
		"those with the labels app=web": {"-l", "app=web"},
	} {
		_, errs, status := c.run(t, "", append([]string{"wait", "--timeout", "100ms"}, args...)...)
		if status != 124 || errs != "reactorctl: not ended after 100ms: "+want+"\n" {
			t.Errorf("wait %q: status %d: %s", args, status, errs)
		}
	}
}

// What a command waits for is told on a terminal, and removed when it is over.
func TestWaitsAreTold(t *testing.T) {
	t.Parallel() // it waits most of the time
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			c := ctl{env: append(testkit.Undecorated(os.Environ()), "REACTORD_ADDR="+testkit.NeverReads(t), "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
			term := testkit.StartInTerminal(t, c.command(t, "run", sleeperModule), columns, 24)
			term.Until("it says what it waits for", func(screen string) bool { return strings.Contains(screen, "waiting for the daemon at 127.0.0.1") })
			term.Until("that is gone", func(screen string) bool {
				return strings.Contains(screen, "no daemon answers") && !strings.Contains(screen, "waiting for the daemon at")
			})
		})
	}
}

// run --count shows how far it is, in one line.
func TestProgressOfMany(t *testing.T) {
	t.Parallel() // it waits most of the time
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			c := newCtl(t)
			c.env = testkit.Undecorated(c.env)
			term := testkit.StartInTerminal(t, c.command(t, "run", "--count", "3", "--id", "n", sleeperModule, "1", "1000000000"), columns, 24)
			term.Until("it counts", func(screen string) bool { return strings.Contains(screen, "0 of 3 workloads have ended") })
			c.must(t, "cancel", "n-0")
			term.Until("it counts on", func(screen string) bool { return strings.Contains(screen, "1 of 3 workloads have ended") })
			c.must(t, "cancel", "n-1", "n-2")
			status, _ := term.Wait()
			if screen := term.Screen(); status != 130 || strings.Contains(screen, "have ended") || !strings.Contains(screen, "3 workloads: 0 succeeded, 3 did not") {
				t.Errorf("status %d:\n%s", status, screen)
			}
		})
	}
}

// A daemon that does not answer a call keeps nobody for longer than they asked for.
func TestRequestTimeout(t *testing.T) {
	c := newCtl(t)
	c.must(t, "list", "--request-timeout", "1m")
	c.daemon.Signal(syscall.SIGSTOP)
	defer c.daemon.Signal(syscall.SIGCONT)
	var errs string
	var status int
	until(t, "the daemon has stopped", func() bool { // its threads may go on for a while
		_, errs, status = c.run(t, "", "list", "--request-timeout", "200ms")
		return status != 0
	})
	if status != 125 || !strings.Contains(errs, "has not answered") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// Arguments after MODULE are the guest's, and a flag among them is pointed out to people.
func TestArgumentsAreTheGuests(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	if out := c.must(t, "run", file, "hello", "-exit=3", "--env", "A=1", "--help"); !strings.Contains(out, `args ["-exit=3" "--env" "A=1" "--help"]`) || !strings.Contains(out, "env []") {
		t.Errorf("the guest printed %q", out)
	}
	c.env = testkit.Undecorated(c.env)
	term := testkit.StartInTerminal(t, c.command(t, "run", file, "exit", "3", "--timeout", "5s"), 80, 24)
	status, raw := term.Wait()
	if status != 3 || !strings.Contains(raw, "--timeout came after MODULE") {
		t.Errorf("status %d: %q", status, raw)
	}
}
