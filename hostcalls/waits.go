package hostcalls

import (
	"slices"
	"time"

	"github.com/reactord/reactord/executor"
)

// WaitUsage is the time that a call has waited for one kind of operation.
type WaitUsage struct {
	Kind  OpKind
	Time  time.Duration
	Count uint64
}

// FiredNotifier is a Notifier that knows whether it has called ready since Notify.
type FiredNotifier interface {
	Notifier
	Fired() bool
}

// Begin says which host call the guest makes. The name does not change.
func (c *Call) Begin(name *string) { c.name = name }

// LastCall returns the host call in which the call waits now; empty if it does not wait, or if the guest has made none. It
// may be called from any goroutine.
func (c *Call) LastCall() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() || c.name == nil {
		return ""
	}
	return *c.name // the fiber, which alone changes it, waits
}

// Waits returns what the call has waited for in all, without the current wait, whose kind it returns apart; that is
// unspecified if there is none. It may be called from any goroutine.
func (c *Call) Waits() (past []WaitUsage, current OpKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.used), c.kind()
}

// kind is the kind of the current wait: that of the first operation. mu is held, or it is called by the fiber, which alone
// changes the wait.
func (c *Call) kind() OpKind {
	switch {
	case len(c.waits) > 0:
		return c.waits[0].Op.Kind
	case !c.due.IsZero():
		return OpTimer
	default:
		return 0
	}
}

// endedBy is the kind of the operation that has ended the current wait, or else of the first. mu is held.
func (c *Call) endedBy(parked executor.Wait) OpKind {
	if parked.Timer && !c.due.IsZero() {
		return OpTimer
	}
	first := c.kind()
	i := 0
	for i < len(c.waits) && c.waits[i].Op.Kind == first {
		i++
	}
	if i == len(c.waits) {
		return first
	}
	for i := range c.waits {
		if n, ok := c.waits[i].On.(FiredNotifier); ok && n.Fired() {
			return c.waits[i].Op.Kind
		}
	}
	return first
}

// count counts a wait. mu is held.
func (c *Call) count(kind OpKind, waited time.Duration) {
	i := slices.IndexFunc(c.used, func(u WaitUsage) bool { return u.Kind == kind })
	if i < 0 {
		i = len(c.used)
		c.used = append(c.used, WaitUsage{Kind: kind})
	}
	c.used[i].Time += waited
	c.used[i].Count++
}
