package integration

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"slices"
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

// TestLinkedStreams: a megabyte goes from a command to a component that passes it on, from there to one that copies it, and the same way
// back.
func TestLinkedStreams(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "serve", "-d", "--id", "copying", "--offer", componentFile("streams"))
	c.must(t, "serve", "-d", "--id", "passing", "--offer", "--link", "copy=workload:copying", componentFile("between"))
	want, got := sha256.New(), sha256.New()
	input := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{2}), 1<<20), want)
	cmd := c.command(t, "run", "-i", "--link", "copy=workload:passing", componentFile("filter"))
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, got, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		t.Error("what came out is not what went in")
	}
	c.must(t, "serve", "-d", "--id", "pipes", "--offer", componentFile("pipes"))
	c.must(t, "module", "push", "--tag", "piping", componentFile("piping"))
	const link = "example:pipes/pipes=workload:pipes"
	for _, tt := range []struct{ call, want string }{
		{"pour(1000000)", "1000000"}, {"round(1000000)", "1000000"}, {"backs(1000000)", "1000000"}, {"fills(1000000)", "1000000"},
		{"sips()", "100"}, {"next(41)", "42"}, {"many(1000)", "1000000"},
	} {
		if out := c.must(t, "call", "--link", link, "piping", tt.call); strings.TrimSpace(out) != tt.want {
			t.Errorf("%s: %s, want %s", tt.call, out, tt.want)
		}
	}
	_, failure, status := c.run(t, "", "call", "--link", link, "piping", "crashes()")
	if status == 0 || !strings.Contains(failure, "workload pipes, which is at the other end of a stream<u8> of example:pipes/pipes@1.0.0#crash") {
		t.Errorf("when the other workload traps: status %d, %s", status, failure)
	}
}

// TestLinkedStreamWait: what waits for a stream of another workload is shown on both sides, and the daemon stops while it does.
func TestLinkedStreamWait(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	c := newCtlOf(t, d)
	c.must(t, "serve", "-d", "--id", "pipes", "--offer", componentFile("pipes"))
	submit := func(id, call string) {
		c.must(t, "submit", "--id", id, "--link", "example:pipes/pipes=workload:pipes", "--call", call, componentFile("piping"))
	}
	submit("hearing", "hears()")
	submit("keeping", "keeps(1000000)")
	submit("owing", "owes()")
	await := func(id string, want ...string) {
		t.Helper()
		var out string
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			out = c.must(t, "ops", id)
			if !slices.ContainsFunc(want, func(one string) bool { return !strings.Contains(out, one) }) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s does not show %q:\n%s", id, want, out)
			}
		}
	}
	awaitAll := func() {
		t.Helper()
		await("hearing", "workload pipes example:pipes/pipes@1.0.0#silent stream")
		await("keeping", "workload pipes example:pipes/pipes@1.0.0#keep stream")
		await("owing", "workload pipes example:pipes/pipes@1.0.0#succ future")
		await("pipes", "workload owing example:pipes/pipes@1.0.0#succ future")
	}
	awaitAll()
	d.Stop()
	c = newCtlOf(t, testkit.Start(t, dir))
	awaitAll()
	c.must(t, "revoke", "hearing", "--link", "example:pipes/pipes=workload:pipes")
	_, _, _ = c.run(t, "", "wait", "hearing")
	if out := c.must(t, "status", "hearing"); !strings.Contains(out, "the grant was revoked") {
		t.Errorf("it does not say why it ended:\n%s", out)
	}
	c.must(t, "cancel", "pipes")
	_, _, _ = c.run(t, "", "wait", "keeping")
	if out := c.must(t, "status", "keeping"); !strings.Contains(out, "workload pipes, which is at the other end of a stream<u8>") {
		t.Errorf("it does not say why it ended:\n%s", out)
	}
}

// TestNothingToOffer: what can't be offered or linked is named, with the reason.
func TestNothingToOffer(t *testing.T) {
	c := newCtl(t, tool(t))
	_, errs, status := c.run(t, "", "serve", "--offer", componentFile("gateway"))
	if want := "the component exports no function that other workloads can call: resources and error contexts can't go there, and wasi:http/incoming-handler@0.2.0#handle takes or returns own<"; status != 125 || !strings.Contains(errs, want) {
		t.Errorf("status %d, %s", status, errs)
	}
	_, errs, status = c.run(t, "", "module", "push", componentFile("user"))
	if want := "example:counters/counters@0.1.0 (no other workload can give it: counter is a resource type)"; status != 125 || !strings.Contains(errs, want) {
		t.Errorf("status %d, %s", status, errs)
	}
	c.must(t, "serve", "-d", "--id", "counters", "--offer", componentFile("counters"))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, errs, _ := c.run(t, "", "logs", "counters")
		if strings.Contains(errs, "service: not offered to other workloads") && strings.Contains(errs, "counters#[constructor]counter (own<counter>)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not say what is left out:\n%s%s", out, errs)
		}
	}
}
