package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// TestLinks has a component call what another workload exports, which offers it, also when that is submitted later.
func TestLinks(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "module", "push", "--tag", "sums", componentFile("sums"))
	c.must(t, "module", "push", "--tag", "summing", componentFile("summing"))
	const link = "example:sums/sums=workload:provider"

	_, errs, status := c.run(t, "", "call", "summing", "total([1, 2])")
	if status != 125 || !strings.Contains(errs, "the component imports example:sums/sums@1.0.0, which is not here") || !strings.Contains(errs, "--link example:sums/sums@1.0.0=workload:ID") {
		t.Errorf("without a link: status %d, %s", status, errs)
	}
	_, errs, status = c.run(t, "", "call", "--link", "a:b/c=workload:provider", "--link", link, "summing", "total([1, 2])")
	if status != 125 || !strings.Contains(errs, "does not import a:b/c from other workloads") {
		t.Errorf("with a link for nothing: status %d, %s", status, errs)
	}

	c.must(t, "submit", "--id", "early", "--link", link, "--call", "total([1, 2])", "summing")
	c.must(t, "serve", "-d", "--id", "provider", "--offer", "sums")
	c.must(t, "wait", "early")
	for _, tt := range []struct{ call, want string }{
		{"total([1, 2, 3])", "6"}, {`again("hello")`, `"hello"`}, {`hello("world")`, `"world"`}, {"many(300)", "300"}, {"cancels()", "4"},
	} {
		if out := c.must(t, "call", "--link", link, "summing", tt.call); strings.TrimSpace(out) != tt.want {
			t.Errorf("%s: %s, want %s", tt.call, out, tt.want)
		}
	}
	_, errs, status = c.run(t, "", "call", "--link", link, "summing", "crashes()")
	if status == 0 || !strings.Contains(errs, "workload provider, which gives it: the instance that had the call has ended") {
		t.Errorf("when the other workload traps: status %d, %s", status, errs)
	}
	if out := c.must(t, "status", "provider"); !strings.Contains(out, "calls of other workloads") {
		t.Errorf("it does not say how it serves:\n%s", out)
	}
}

// TestLinkedWait: a call that waits for another workload is shown as that, also after the daemon has died, and ends with it.
func TestLinkedWait(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	c := newCtlOf(t, d)
	c.must(t, "serve", "-d", "--id", "provider", "--offer", componentFile("sums"))
	c.must(t, "submit", "--id", "caller", "--link", "example:sums/sums=workload:provider", "--call", "waits()", componentFile("summing"))
	awaitCall := func() {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(c.must(t, "ops", "caller"), "workload provider example:sums/sums@1.0.0#never"); {
			if time.Now().After(deadline) {
				t.Fatalf("it is not shown that it calls the other workload:\n%s", c.must(t, "ops", "caller"))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	awaitCall()
	d.Kill()
	c = newCtlOf(t, testkit.Start(t, dir))
	awaitCall()
	if out := c.must(t, "ops", "provider"); !strings.Contains(out, "example:sums/sums@1.2.0#never for workload caller") {
		t.Errorf("it is not shown for whom the call is:\n%s", out)
	}
	c.must(t, "cancel", "provider")
	_, _, _ = c.run(t, "", "wait", "caller")
	if out := c.must(t, "status", "caller"); !strings.Contains(out, "workload provider, which gives it") {
		t.Errorf("it does not say why it ended:\n%s", out)
	}
}
