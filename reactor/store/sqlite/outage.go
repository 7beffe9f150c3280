package sqlite

import (
	"sync"
	"time"
)

// calm is how long nothing may have failed before an outage is over.
const calm = 15 * time.Second

// outage tracks a cause that keeps things from being written, and calls onChange once when it begins and once when
// it ends. It ends with the first write after nothing has failed for a while: near a bound, or on a disk that is almost
// full, writes succeed and fail in turn for hours.
type outage struct {
	onChange func(error) // called with the cause, and with nil at the end; must not block

	mu   sync.Mutex
	on   bool
	last time.Time // when something failed
}

func (o *outage) onFailure(err error, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	began := !o.on
	o.on, o.last = true, now
	if began {
		o.onChange(err)
	}
}

func (o *outage) onSuccess(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.on && now.Sub(o.last) >= calm {
		o.on = false
		o.onChange(nil)
	}
}

func (o *outage) isOn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on
}
