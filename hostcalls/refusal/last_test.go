package refusal

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// onFiber calls body with a call on a fiber of an executor.
func onFiber(t *testing.T, body func(c *hostcalls.Call)) {
	t.Helper()
	e, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	if _, err := e.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			var g hostcalls.Guest
			var c hostcalls.Call
			g.Init(e.Driver(), "")
			c.Init(&g, f)
			f.SetMeter(&g)
			defer f.SetMeter(nil)
			body(&c)
		},
		Done: func(*executor.Task) { close(done) },
	}); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

type joint struct{ hostcalls.Joint }

func (joint) Target() string { return "workload a" }
func (joint) Fault() string  { return "it failed" }

// The last thing that a process is refused is told, unless it has gone on for long.
func TestLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(c *hostcalls.Call) {
			var l Last
			want := func(want abi.Refusal) {
				t.Helper()
				if r := l.Refusal(); r == nil || *r != want {
					t.Errorf("the refusal is %+v, want %+v", r, want)
				}
			}
			wantNone := func() {
				t.Helper()
				if r := l.Refusal(); r != nil {
					t.Errorf("the refusal is %+v, want none", r)
				}
			}
			n := network.New(network.Config{Sockets: 4})
			wantNone()
			l.ForgetOld(c)
			l.Memory(c, 10)(11, engine.ErrOutOfMemory)
			outOfMemory := abi.Refusal{Kind: abi.RefusedMemory, Want: 11, Limit: 10}
			want(outOfMemory)
			l.SocketFailed(c, n, network.In, hostcalls.ErrWouldBlock)
			l.SocketFailed(c, n, network.In, syscall.ECONNRESET)
			l.NoSocket(c, n, syscall.EMFILE)
			l.Stream(c, hostcalls.Empty{})
			want(outOfMemory)
			alert := &network.TLSError{Server: "db", Reason: "the server refused: certificate required"}
			l.SocketFailed(c, n, network.In, alert)
			want(abi.Refusal{Kind: abi.RefusedTLS, Why: alert.Error()})
			l.SocketFailed(c, n, network.Out, network.ErrQuota)
			want(abi.Refusal{Kind: abi.RefusedSending})
			l.SocketFailed(c, n, network.In, network.ErrQuota)
			want(abi.Refusal{Kind: abi.RefusedReceiving})
			l.NoSocket(c, n, network.ErrTooManySockets)
			want(abi.Refusal{Kind: abi.RefusedSocket})
			l.Memory(c, 10)(11, errors.New("no address space"))
			want(abi.Refusal{Kind: abi.RefusedMemory, Want: 11})
			l.ForgetOld(c)
			want(abi.Refusal{Kind: abi.RefusedMemory, Want: 11})

			if err := c.Sleep(time.Now().Add(2 * soonTime)); err != nil {
				t.Error(err)
			}
			l.ForgetOld(c)
			wantNone()
			l.Note(c, outOfMemory)
			if err := c.Charge(soonFuel + 1_000_000); err != nil {
				t.Error(err)
			}
			l.ForgetOld(c)
			wantNone()

			l.Stream(c, joint{})
			if err := c.Sleep(time.Now().Add(2 * soonTime)); err != nil {
				t.Error(err)
			}
			l.ForgetOld(c)
			want(abi.Refusal{Kind: abi.RefusedStream, Peer: "workload a", Why: "it failed"})
		})
	})
}
