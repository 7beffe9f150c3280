package refusal

import (
	"errors"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// Last is the last thing that a process was refused. The zero Last is nothing.
type Last struct{ refused *refused }

type refused struct {
	abi.Refusal
	spent uint64    // fuel that the program had burnt
	when  time.Time // it was refused
}

// What is refused is told with a program's end only if the program ended soon afterwards. Otherwise it has coped, and ended
// for another reason. A Go program that is out of memory prints the stacks of all its goroutines before it ends.
const (
	soonFuel = 50_000_000 // some 20 ms of computing
	soonTime = 30 * time.Second
)

// Note notes what the process that makes the call is refused.
func (l *Last) Note(c *hostcalls.Call, r abi.Refusal) {
	l.refused = &refused{r, c.Fiber().Spent(), time.Now()}
}

// Memory returns the function that notes a refused memory.grow of an instance with a limit.
func (l *Last) Memory(c *hostcalls.Call, limit int64) func(bytes int64, why error) {
	return func(bytes int64, why error) {
		if !errors.Is(why, engine.ErrOutOfMemory) {
			limit = 0
		}
		l.Note(c, abi.Refusal{Kind: abi.RefusedMemory, Want: bytes, Limit: limit})
	}
}

// Stream notes that an operation on a standard stream has failed, if that is joined to another workload's.
func (l *Last) Stream(c *hostcalls.Call, stream any) {
	if joint, ok := stream.(hostcalls.Joint); ok {
		l.Note(c, abi.Refusal{Kind: abi.RefusedStream, Peer: joint.Target(), Why: joint.Fault()})
	}
}

// SocketFailed notes why a socket of a network has failed in a direction, if the code that the guest gets does not tell that,
// or tells not of which limit.
func (l *Last) SocketFailed(c *hostcalls.Call, n *network.Network, d network.Direction, err error) {
	if err == nil || err == hostcalls.ErrWouldBlock { //nolint:errorlint // this is asked at every read and write
		return
	}
	if errors.Is(err, network.ErrQuota) {
		kind := abi.RefusedReceiving
		if d == network.Out {
			kind = abi.RefusedSending
		}
		l.Note(c, abi.Refusal{Kind: kind, Limit: int64(n.ByteLimit(d))})
	} else if broken, ok := errors.AsType[*network.TLSError](err); ok {
		l.Note(c, abi.Refusal{Kind: abi.RefusedTLS, Why: broken.Error()})
	}
}

// NoSocket notes why a network has no other socket.
func (l *Last) NoSocket(c *hostcalls.Call, n *network.Network, err error) {
	if errors.Is(err, network.ErrTooManySockets) {
		r := abi.Refusal{Kind: abi.RefusedSocket}
		if n.Full() {
			r.Limit = int64(n.SocketLimit())
			r.Want = r.Limit + 1
		}
		l.Note(c, r)
	}
}

// ForgetOld is called when the program has ended: what it was refused long before has not ended it.
func (l *Last) ForgetOld(c *hostcalls.Call) {
	r := l.refused
	if r == nil || r.Kind == abi.RefusedStream { // it stays broken
		return
	}
	if c.Fiber().Spent()-r.spent > soonFuel || time.Since(r.when) > soonTime {
		l.refused = nil
	}
}

// Refusal returns what was refused, or nil.
func (l *Last) Refusal() *abi.Refusal {
	if l.refused == nil {
		return nil
	}
	return &l.refused.Refusal
}
