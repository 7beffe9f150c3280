package network_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

var errStop = errors.New("stop")

// guest is a guest and its only call.
type guest struct {
	hostcalls.Guest
	hostcalls.Call
}

// task is a task under way.
type task struct {
	*executor.Task
	call *hostcalls.Call // once it runs
	wait func()          // for its end
}

// spawn runs body on the fiber of a new executor.
func spawn(t testing.TB, body func(c *hostcalls.Call, d *driver.Driver)) task {
	t.Helper()
	e, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	calls := make(chan *hostcalls.Call, 1)
	spawned, err := e.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			g := new(guest)
			g.Guest.Init(e.Driver(), "guest")
			g.Call.Init(&g.Guest, f)
			calls <- &g.Call
			body(&g.Call, e.Driver())
		},
		Done: func(*executor.Task) { close(done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	wait := func() {
		<-done
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if p := spawned.Panic(); p != nil {
			t.Fatal(p)
		}
	}
	return task{spawned, <-calls, wait}
}

// onFiber runs body on a fiber, and waits for its end.
func onFiber(t testing.TB, body func(c *hostcalls.Call, d *driver.Driver)) {
	t.Helper()
	spawn(t, body).wait()
}

func addrPort(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// listen makes a listener of the stack.
func listen(t testing.TB, s network.Stack, at string) network.TCP {
	t.Helper()
	l, err := s.TCP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Bind(addrPort(at)), l.Listen(16)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func accept(t testing.TB, l network.TCP) network.TCP {
	t.Helper()
	c, err := networktest.Accept(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
