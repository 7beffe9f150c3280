package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// wantEnd waits until a workload has ended, and says that its status has a text.
func (c ctl) wantEnd(t *testing.T, id, text string) {
	t.Helper()
	_, _, _ = c.run(t, "", "wait", id)
	if out := c.must(t, "status", id); !strings.Contains(out, text) {
		t.Errorf("it does not say why it ended:\n%s", out)
	}
}

// untilOps waits until `ops` of a workload has a text, or has it no more.
func (c ctl) untilOps(t *testing.T, id, text string, has bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out := c.must(t, "ops", id)
		if strings.Contains(out, text) == has {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q is there or not, against what is wanted, in\n%s", text, out)
		}
	}
}

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
	if status != 125 || !strings.Contains(errs, `--link "a:b/c=workload:provider": the component does not import a:b/c from other workloads`) {
		t.Errorf("with a link for nothing: status %d, %s", status, errs)
	}
	_, errs, status = c.run(t, "", "run", "--link", link, exampleFile(t, "hello"))
	if status != 125 || !strings.Contains(errs, `--link "`+link+`": the module is no component, and only components import`) {
		t.Errorf("with a link of a core module: status %d, %s", status, errs)
	}
	_, errs, status = c.run(t, "", "call", "--link", link, "--link", "example:sums/sums@1.0.0=workload:other", "summing", "total([1, 2])")
	if status != 125 || !strings.Contains(errs, `--link "example:sums/sums@1.0.0=workload:other": example:sums/sums@1.0.0 is granted twice`) {
		t.Errorf("with two links for the same: status %d, %s", status, errs)
	}
	if out := c.must(t, "module", "inspect", "summing"); !strings.Contains(out, "example:sums/sums@1.0.0 (--link example:sums/sums@1.0.0=workload:ID)") {
		t.Errorf("it does not say that it needs a link:\n%s", out)
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

// A call without a workload takes links, too, and the other workload sees whose call it is.
func TestCallFunctionLink(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	c := newCtlOf(t, d)
	c.must(t, "serve", "-d", "--id", "provider", "--offer", componentFile("sums"))
	module := pushComponent(t, d, "summing")
	call := func(ctx context.Context, workload, export string) (*reactorv1.CallFunctionResponse, error) {
		return d.Workloads.CallFunction(ctx, &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
			Module: module, Call: &reactorv1.FunctionCall{Export: export},
			Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Link{Link: &reactorv1.LinkGrant{Interface: "example:sums/sums", Workload: workload}}}},
		}})
	}
	if r, err := call(t.Context(), "provider", "cancels"); err != nil || r.GetStatus().GetResult().GetUint() != 4 {
		t.Errorf("%v, %v", r, err)
	}
	if r, err := call(t.Context(), "provider", "crashes"); err != nil || !strings.Contains(r.GetStatus().GetMessage(), "workload provider, which gives it") {
		t.Errorf("when the other workload traps: %v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = call(ctx, "provider", "waits")
	}()
	const shown = "example:sums/sums@1.2.0#never for a call without a workload"
	c.untilOps(t, "provider", shown, true)
	cancel()
	<-ended
	c.untilOps(t, "provider", shown, false)
}

// TestLinkedWait: a call that waits for another workload is shown as that, also after the daemon has died, and ends with it.
func TestLinkedWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	c := newCtlOf(t, d)
	c.must(t, "serve", "-d", "--id", "provider", "--offer", componentFile("sums"))
	c.must(t, "submit", "--id", "caller", "--link", "example:sums/sums=workload:provider", "--call", "waits()", componentFile("summing"))
	const call = "workload provider example:sums/sums@1.0.0#never"
	c.untilOps(t, "caller", call, true)
	d.Kill()
	c = newCtlOf(t, testkit.Start(t, dir))
	c.untilOps(t, "caller", call, true)
	if out := c.must(t, "ops", "provider"); !strings.Contains(out, "example:sums/sums@1.2.0#never for workload caller") {
		t.Errorf("it is not shown for whom the call is:\n%s", out)
	}
	c.must(t, "cancel", "provider")
	c.wantEnd(t, "caller", "workload provider, which gives it")
}

// TestLinkedStreams: a megabyte goes from a command to a component that passes it on, from there to one that copies it, and the same way
// back.
func TestLinkedStreams(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "serve", "-d", "--id", "copying", "--offer", componentFile("streams"))
	c.must(t, "serve", "-d", "--id", "passing", "--offer", "--link", "copy=workload:copying", componentFile("between"))
	for _, args := range [][]string{
		{"run", "-i", "--link", "copy=workload:passing", componentFile("filter")},
		{"call", "--link", "copy=workload:passing", componentFile("between"), "copy(-)"}, // which is no workload, with the streams of a client
	} {
		want, got := sha256.New(), sha256.New()
		cmd := c.command(t, args...)
		var errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{2}), 1<<20), want), got, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, &errs)
		}
		if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
			t.Errorf("%s: what came out is not what went in", args[0])
		}
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

// TestCallLinkedStream: a workload shows that it waits for the stream of a call without a workload, and ends that when the client closes it.
func TestCallLinkedStream(t *testing.T) {
	c := newCtl(t, tool(t))
	c.must(t, "serve", "-d", "--id", "copying", "--offer", componentFile("streams"))
	cmd := c.command(t, "call", "--link", "copy=workload:copying", componentFile("between"), "copy(-)")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.untilOps(t, "copying", "a call without a workload copy stream", true)
	if _, err := io.WriteString(input, "hello"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(input.Close(), cmd.Wait()); err != nil || out.String() != "hello" {
		t.Errorf("%v, %q: %s", err, &out, &errs)
	}
}

// TestLinkedStreamWait: what waits for a stream of another workload is shown on both sides, and the daemon stops while it does.
func TestLinkedStreamWait(t *testing.T) {
	t.Parallel()
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
	c.must(t, "serve", "-d", "--id", "owed", "--offer", componentFile("pipes"))
	c.must(t, "submit", "--id", "circling", "--link", "example:pipes/pipes=workload:owed", "--call", "owes()", componentFile("piping"))
	for id, other := range map[string]string{"circling": "owed", "owed": "circling"} {
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(c.must(t, "status", id), "workload "+other+", which can't go on either"); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it is not told that two wait for each other:\n%s", c.must(t, "status", id))
			}
		}
	}
	d.Stop()
	c = newCtlOf(t, testkit.Start(t, dir))
	awaitAll()
	c.must(t, "revoke", "hearing", "--link", "example:pipes/pipes=workload:pipes")
	c.wantEnd(t, "hearing", "the grant was revoked")
	c.must(t, "cancel", "pipes")
	c.wantEnd(t, "keeping", "workload pipes, which is at the other end of a stream<u8>")
}

// TestNothingToOffer: what can't be offered or linked is named, with the reason.
func TestNothingToOffer(t *testing.T) {
	c := newCtl(t, tool(t))
	_, errs, status := c.run(t, "", "serve", "--offer", componentFile("gateway"))
	if want := "the component exports no function that other workloads can call: resources and error contexts can't go there, and wasi:http/incoming-handler@0.2.0#handle takes or returns own<"; status != 125 || !strings.Contains(errs, want) {
		t.Errorf("status %d, %s", status, errs)
	}
	_, errs, status = c.run(t, "", "serve", componentFile("pipes"))
	if want := "the component exports no handler of HTTP requests"; status != 125 || !strings.Contains(errs, want) || !strings.Contains(errs, "`--offer`") {
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

// TestMixedCircle: two workloads wait for each other, one by a link and one by HTTP. Both say so, until the request is due.
func TestMixedCircle(t *testing.T) {
	t.Parallel()
	c := newCtl(t)
	address := testkit.FreeAddress(t)
	c.must(t, "serve", "-d", "--id", "asked", "--offer", "--http", "http://"+address, componentFile("asked"))
	c.must(t, "serve", "-d", "--id", "asks", "--listen", address, "--instances", "1", "--waiting", "1", "--answer-timeout", "5s",
		"--link", "example:circle/asking=workload:asked", componentFile("asks"))
	answered := make(chan int)
	go func() {
		defer close(answered)
		for range 100 { // until it listens
			response, err := http.Get("http://" + address + "/" + address)
			if err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			_ = response.Body.Close()
			answered <- response.StatusCode
			return
		}
	}()
	told := map[string]string{}
	for len(told) < 4 {
		for id, other := range map[string]string{"asks": "asked", "asked": "asks"} {
			for _, command := range []string{"status", "ops"} {
				if out := c.must(t, command, id); strings.Contains(out, "its requests wait for workload "+other+", which can't go on either") {
					told[command+" "+id] = out
				}
			}
		}
		select {
		case status := <-answered:
			t.Fatalf("answered with %d before the circle was told of each: %q", status, told)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if status := <-answered; status != http.StatusGatewayTimeout {
		t.Errorf("answered with %d", status)
	}
}
