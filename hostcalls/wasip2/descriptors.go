package wasip2

import (
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// descriptors counts what a component has open that takes a descriptor of the daemon: files, folders and sockets. It is used on
// the fiber; giveBack from any goroutine.
type descriptors struct {
	open, limit int
	budget      *hostcalls.Budget
	owner       string
}

func (d *descriptors) init(config *abi.Config) {
	d.open, d.limit = 3, config.Descriptors // the standard streams count, as everywhere
	d.budget, d.owner = config.Budget, config.Owner
}

// full reports whether the component has as many open as it may.
func (d *descriptors) full() bool { return d.open >= d.limit }

// take counts another one. The error is EMFILE if the component has too many, ENFILE if the daemon has.
func (d *descriptors) take() error {
	if d.full() {
		return syscall.EMFILE
	}
	if !d.budget.Take(d.owner, 1) {
		return syscall.ENFILE
	}
	d.open++
	return nil
}

// closed ends the count of one by the component. When it has been closed, giveBack gives its share of the budget back.
func (d *descriptors) closed() { d.open-- }

func (d *descriptors) giveBack() { d.budget.Give(d.owner, 1) }

// shortage notes that the host has no descriptor left.
func (d *descriptors) shortage() { d.budget.Refused(d.owner) }

// refuseDescriptor notes that the component has too many open.
func (c call) refuseDescriptor() {
	limit := int64(c.handles.limit)
	c.refused().Note(c.hostcall(), abi.Refusal{Kind: abi.RefusedDescriptor, Want: limit + 1, Limit: limit})
}
