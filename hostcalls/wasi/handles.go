package wasi

import (
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
)

// Handles counts what a component has open that takes a descriptor of the daemon: files, folders and sockets. It is used on
// the fiber; GiveBack from any goroutine.
type Handles struct {
	open, limit int
	budget      *hostcalls.Budget
	owner       string
}

func (d *Handles) init(config *abi.Config) {
	d.open, d.limit = 3, config.Descriptors // the standard streams count, as everywhere
	d.budget, d.owner = config.Budget, config.Owner
}

// Full reports whether the component has as many open as it may.
func (d *Handles) Full() bool { return d.open >= d.limit }

// Take counts another one. The error is EMFILE if the component has too many, ENFILE if the daemon has.
func (d *Handles) Take() error {
	if d.Full() {
		return syscall.EMFILE
	}
	if !d.budget.Take(d.owner, 1) {
		return syscall.ENFILE
	}
	d.open++
	return nil
}

// Closed ends the count of one by the component. When it has been closed, GiveBack gives its share of the budget back.
func (d *Handles) Closed() { d.open-- }

// GiveBack gives the share of the budget of one back that has been closed.
func (d *Handles) GiveBack() { d.budget.Give(d.owner, 1) }

// Shortage notes that the host has no descriptor left.
func (d *Handles) Shortage() { d.budget.Refused(d.owner) }

// RefuseDescriptor notes that the component has too many open.
func (h *Host) RefuseDescriptor(c *component.Call) {
	limit := int64(h.Handles.limit)
	h.Refused().Note(c.Waits(), abi.Refusal{Kind: abi.RefusedDescriptor, Want: limit + 1, Limit: limit})
}
