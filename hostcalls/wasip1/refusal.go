package wasip1

import (
	"errors"
	"syscall"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// refused is the last thing that a program was refused.
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

// refuse notes what the program is refused.
func (p *Process) refuse(r abi.Refusal) {
	p.refused = &refused{r, p.Fiber().Spent(), time.Now()}
}

// refuseDescriptor notes that the table is full, and returns the errno for it.
func (p *Process) refuseDescriptor() errno {
	p.refuse(abi.Refusal{Kind: abi.RefusedDescriptor, Want: int64(p.fds.limit) + 1, Limit: int64(p.fds.limit)})
	return errnoMfile
}

// refuseHostDescriptor notes that the host has no descriptor left for the program, and returns the errno for it.
func (p *Process) refuseHostDescriptor() errno {
	p.fds.budget.Refused(p.fds.owner)
	return errnoMfile
}

// noteShortage notes an error of the host which means that it has no descriptor left.
func (p *Process) noteShortage(err error) {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		p.fds.budget.Refused(p.fds.owner)
	}
}

// refuseMemory returns the function that notes a refused memory.grow of an instance with a limit.
func (p *Process) refuseMemory(limit int64) func(bytes int64, why error) {
	return func(bytes int64, why error) {
		if !errors.Is(why, engine.ErrOutOfMemory) {
			limit = 0
		}
		p.refuse(abi.Refusal{Kind: abi.RefusedMemory, Want: bytes, Limit: limit})
	}
}

// onSocketFailed notes why a socket has failed in a direction, if the errno does not tell that, or tells not of which limit.
func (p *Process) onSocketFailed(d network.Direction, err error) {
	if err == nil || err == hostcalls.ErrWouldBlock { //nolint:errorlint // this is asked at every read and write
		return
	}
	if errors.Is(err, network.ErrQuota) {
		kind := abi.RefusedReceiving
		if d == network.Out {
			kind = abi.RefusedSending
		}
		p.refuse(abi.Refusal{Kind: kind, Limit: int64(p.net().ByteLimit(d))})
	} else if broken, ok := errors.AsType[*network.TLSError](err); ok {
		p.refuse(abi.Refusal{Kind: abi.RefusedTLS, Why: broken.Error()})
	}
}

// noSocket notes why there is no other socket, and returns the errno for it.
func (p *Process) noSocket(err error) errno {
	p.noteShortage(err)
	if errors.Is(err, network.ErrTooManySockets) {
		r := abi.Refusal{Kind: abi.RefusedSocket}
		if p.net().Full() {
			r.Limit = int64(p.net().SocketLimit())
			r.Want = r.Limit + 1
		}
		p.refuse(r)
	}
	return errnoOf(err)
}

// forgetOldRefusal is called on the fiber when the program has ended.
func (p *Process) forgetOldRefusal() {
	r := p.refused
	if r == nil || r.Kind == abi.RefusedStream { // it stays broken
		return
	}
	if p.Fiber().Spent()-r.spent > soonFuel || time.Since(r.when) > soonTime {
		p.refused = nil
	}
}

// Refusal implements abi.Process.
func (p *Process) Refusal() *abi.Refusal {
	if p.refused == nil {
		return nil
	}
	return &p.refused.Refusal
}
