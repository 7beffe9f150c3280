package wasip1

import (
	"syscall"
	"testing"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// TestRefusalIsTold: what a process is refused is told with its end, the last thing first, unless it has gone on for long.
func TestRefusalIsTold(t *testing.T) {
	withProcess(t, abi.Config{PendingOps: 100}, func(c *caller) {
		if c.Refusal() != nil {
			t.Error("there is a refusal at the start")
		}
		c.want(errnoInval, "poll_oneoff", 0, 0, 101, 0)
		if r := c.Refusal(); r == nil || *r != (abi.Refusal{Kind: abi.RefusedOperations, Want: 101, Limit: 100}) {
			t.Errorf("the refusal is %+v", r)
		}
		grow := c.refused.Memory(&c.Call, 10)
		grow(11, engine.ErrOutOfMemory)
		if r := c.Refusal(); r == nil || *r != (abi.Refusal{Kind: abi.RefusedMemory, Want: 11, Limit: 10}) {
			t.Errorf("the refusal is %+v", r)
		}
		c.onSocketFailed(network.In, hostcalls.ErrWouldBlock)
		c.onSocketFailed(network.In, syscall.ECONNRESET)
		if r := c.Refusal(); r.Kind != abi.RefusedMemory {
			t.Errorf("the refusal is %+v", r)
		}
		alert := &network.TLSError{Server: "db", Reason: "the server refused: certificate required"}
		c.onSocketFailed(network.In, alert)
		if r := c.Refusal(); *r != (abi.Refusal{Kind: abi.RefusedTLS, Why: alert.Error()}) {
			t.Errorf("the refusal is %+v", r)
		}
		c.onSocketFailed(network.Out, network.ErrQuota)
		if r := c.Refusal(); r.Kind != abi.RefusedSending {
			t.Errorf("the refusal is %+v", r)
		}
		if e := c.noSocket(network.ErrTooManySockets); e != errnoMfile || c.Refusal().Kind != abi.RefusedSocket {
			t.Errorf("errno %v, the refusal is %+v", e, c.Refusal())
		}
	})
}
