package wasip1

import (
	"errors"
	"syscall"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// refuse notes what the process is refused.
func (p *Process) refuse(r abi.Refusal) { p.refused.Note(&p.Call, r) }

// refuseDescriptor notes that the table is full, and returns the errno for it.
func (p *Process) refuseDescriptor() errno {
	p.refuse(abi.Refusal{Kind: abi.RefusedDescriptor, Want: int64(p.fds.limit) + 1, Limit: int64(p.fds.limit)})
	return errnoMfile
}

// refuseHostDescriptor notes that the host has no descriptor left for the program, and returns the errno for it.
func (p *Process) refuseHostDescriptor() errno {
	p.fds.budget.Refused(p.Owner())
	return errnoMfile
}

// noteShortage notes an error of the host which means that it has no descriptor left.
func (p *Process) noteShortage(err error) {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		p.fds.budget.Refused(p.Owner())
	}
}

// onSocketFailed notes why a socket has failed in a direction, if the errno does not tell that.
func (p *Process) onSocketFailed(d network.Direction, err error) {
	if err != nil {
		p.refused.SocketFailed(&p.Call, p.net(), d, err)
	}
}

// noSocket notes why there is no other socket, and returns the errno for it.
func (p *Process) noSocket(err error) errno {
	p.noteShortage(err)
	p.refused.NoSocket(&p.Call, p.net(), err)
	return errnoOf(err)
}

// Refusal implements abi.Process.
func (p *Process) Refusal() *abi.Refusal { return p.refused.Refusal() }
