package integration

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// One workload serves another over a connection in memory, which only who was granted it has. The one that connects may
// be submitted first.
func TestConnectedWorkloads(t *testing.T) {
	t.Parallel()
	c := newCtl(t, example(t, "http"))
	push := func(name string) (digest string) { return c.daemon.Push(t, example(t, name)) }
	server, client := push("http"), push("http-get") // compiled before the client waits, for 30 s at most
	c.must(t, "submit", "--id", "client", "--connect", "api=workload:web", client, "http://web/hello/Ada")
	until(t, "the client waits for the server", func() bool {
		ops := c.daemon.Status(t, "client").GetWaitingFor()
		return len(ops) > 0 && ops[0].GetTarget() == "workload web" && ops[0].GetKind() == reactorv1.OpKind_OP_KIND_CONNECT
	})
	c.must(t, "submit", "--id", "web", "--listen", "workload", server)
	if w := c.daemon.WaitFor(t, "client"); w.GetState() != succeeded {
		t.Errorf("%v", w)
	}
	if text := c.must(t, "logs", "client"); text != "Hello, Ada!" {
		t.Errorf("%q", text)
	}
	if out := c.must(t, "run", "--connect", "workload:web/listener", client, "http://web/hello/Grace"); out != "Hello, Grace!\n" && out != "Hello, Grace!" {
		t.Errorf("%q", out)
	}
	// Nobody reaches the server without the grant, by descriptor or otherwise.
	if _, stderr, status := c.run(t, "", "run", client, "http://web/hello/Eve"); status == 0 || !strings.Contains(stderr, "descriptor 3 is no connection") {
		t.Errorf("status %d: %s", status, stderr)
	}
	// One that listens for others only on the network has not consented.
	c.must(t, "submit", "--id", "public", "--listen", "127.0.0.1:0", server)
	c.must(t, "submit", "--id", "eve", "--connect", "workload:public", client, "http://public/hello/Eve")
	until(t, "eve waits", func() bool {
		ops := c.daemon.Status(t, "eve").GetWaitingFor()
		return len(ops) > 0 && ops[0].GetTarget() == "workload public"
	})
	c.must(t, "cancel", "eve", "web", "public")
}

// Who runs a workload that waits for another is told at once for what, and at the end which one was not there.
func TestWaitForWorkload(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newCtl(t)
	run := c.follow(t, nil, "run", "--id", "client", "--connect", "api=workload:web", sleeperModule, "1", "1") // it never starts
	until(t, "run says what it waits for", func() bool {
		return strings.Contains(run.errs.String(), "client starts when workload web listens for other workloads (--listen workload), for 30s at most")
	})
	if ops := c.daemon.Status(t, "client").GetWaitingFor(); len(ops) != 1 || ops[0].GetGrant() != "--connect api=workload:web" || ops[0].GetDeadline() == nil {
		t.Errorf("it waits for %v", ops)
	}
	if status := run.ended(); status == 0 || !strings.Contains(run.errs.String(), "workload web is not there, or does not listen for other workloads; waited 30s for it") {
		t.Errorf("status %d: %s", status, run.errs.String())
	}
}

// What waits for another workload says why that does not accept it: in its status, in the list of operations, and to who
// runs it.
func TestWaitForListener(t *testing.T) {
	t.Parallel()
	c := newCtl(t, sockets(t)) // compiled before somebody waits
	guest := socketsFile(t)
	c.must(t, "submit", "--id", "mute", guest, "sleep 3600000")
	c.must(t, "submit", "--id", "shop", "--listen", "web=workload", guest, "poll 3 r", "accept 3", "sleep 3600000")
	for i, tc := range []struct{ connect, target, why string }{
		{"db=workload:mute", "workload mute", "workload mute has no listener for other workloads"},
		{"db=workload:mute/db", "workload mute/db", `workload mute has no listener "db" for other workloads`},
		{"db=workload:shop/db", "workload shop/db", `workload shop has no listener "db" for other workloads`},
		{"db=workload:nobody", "workload nobody", "workload nobody does not exist, or has ended"},
	} {
		id := "waits-" + strconv.Itoa(i)
		run := c.follow(t, nil, "run", "--id", id, "--connect", tc.connect, guest)
		until(t, "the status says why "+id+" waits", func() bool {
			text, _, _ := c.run(t, "", "status", id) // it may not be submitted yet
			return regexp.MustCompile(`\nwaits for +connect ` + tc.target + ` for \d+s: ` + tc.why + `\n`).MatchString(text)
		})
		if text := c.must(t, "ops", id, "-o", "wide"); !strings.Contains(text, " "+tc.why) {
			t.Errorf("its operations:\n%s", text)
		}
		if text := c.must(t, "ops", "--target", tc.target, "-o", "json"); !strings.Contains(text, strconv.Quote(tc.why)) {
			t.Errorf("as JSON:\n%s", text)
		}
		until(t, "run says why it waits", func() bool { return strings.Contains(run.errs.String(), "for 30s at most; now "+tc.why) })
		c.must(t, "cancel", id)
		run.ended()
	}
	if out := c.must(t, "run", "--connect", "workload:shop/web", guest, "write 3 x"); strings.TrimSpace(out) != "write 3 x: ok 1" {
		t.Errorf("at the listener that is there: %q", out)
	}
	c.must(t, "cancel", "mute", "shop")
}
