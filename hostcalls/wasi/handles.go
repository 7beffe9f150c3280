package wasi

import (
	"sync"
	"syscall"
	"time"

	"github.com/reactord/reactord/executor/driver"
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

	mu      sync.Mutex // guards the field below
	waiters hostcalls.Waiters
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
func (d *Handles) Closed() {
	d.open--
	d.tell()
}

// tell tells those who wait for room.
func (d *Handles) tell() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiters.Tell()
}

// GiveBack gives the share of the budget of one back that has been closed.
func (d *Handles) GiveBack() { d.budget.Give(d.owner, 1) }

// Shortage notes that the host has no descriptor left.
func (d *Handles) Shortage() { d.budget.Refused(d.owner) }

// RefuseDescriptor notes that the component has too many open.
func (h *Host) RefuseDescriptor(c *component.Call) {
	limit := int64(h.Handles.limit)
	h.Refused().Note(c.Waits(), abi.Refusal{Kind: abi.RefusedDescriptor, Want: limit + 1, Limit: limit})
}

// retryRoom is after how long there may be room that the component has not made itself.
const retryRoom = time.Second

// Room is a hostcalls.Notifier for what needs another descriptor, socket or memory, and could not have it: it is ready when the
// component has closed something, and after a while, since others may have.
type Room struct{ Host *Host }

var _ hostcalls.Notifier = Room{}

// Notify implements hostcalls.Notifier.
func (r Room) Notify(ready func()) (stop func()) {
	d := &r.Host.Handles
	d.mu.Lock()
	forget := d.waiters.Add(&d.mu, ready, false)
	d.mu.Unlock()
	timers, timer := r.Host.store.Guest.Driver(), &driver.Timer{}
	timer.Init(func(time.Time) { d.tell() })
	timers.Start(timer, time.Now().Add(retryRoom))
	return func() {
		timers.Stop(timer)
		forget()
	}
}
