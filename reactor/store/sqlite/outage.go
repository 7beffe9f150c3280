package sqlite

import (
	"sync"
	"time"
)

// calm is how long nothing may have failed before a smaller write ends an outage.
const calm = 15 * time.Second

// outage tracks a cause that keeps things from being written, and calls onChange once when it begins and once when
// it ends. It ends with a write of at least as many bytes as failed, or with any write after nothing has failed for
// a while: small writes sometimes succeed although there is no space.
type outage struct {
	onChange func(error) // called with the cause, and with nil at the end; must not block

	mu    sync.Mutex
	on    bool
	bytes int64 // the size of the largest failed write
	last  time.Time
}

func (o *outage) onFailure(err error, bytes int64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	began := !o.on
	o.on, o.bytes, o.last = true, max(o.bytes, bytes), now
	if began {
		o.onChange(err)
	}
}

func (o *outage) onSuccess(bytes int64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.on && (bytes >= o.bytes || now.Sub(o.last) >= calm) {
		o.on, o.bytes = false, 0
		o.onChange(nil)
	}
}

func (o *outage) isOn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on
}
