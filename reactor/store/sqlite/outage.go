package sqlite

import (
	"sync"
	"time"
)

// calm is for how long nothing must have failed before a smaller write tells that an outage is over.
const calm = 15 * time.Second

// outage tells of a cause that keeps things from being written, once when it begins and once when
// it ends. It ends with a write of as many bytes as failed, or when nothing has failed for a while:
// what is small is written now and then though there is no room.
type outage struct {
	tell func(error) // of the cause, and nil when it has ended; it must not block

	mu    sync.Mutex
	on    bool
	bytes int64 // the most that failed
	last  time.Time
}

func (o *outage) fail(err error, bytes int64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	began := !o.on
	o.on, o.bytes, o.last = true, max(o.bytes, bytes), now
	if began {
		o.tell(err)
	}
}

func (o *outage) succeed(bytes int64, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.on && (bytes >= o.bytes || now.Sub(o.last) >= calm) {
		o.on, o.bytes = false, 0
		o.tell(nil)
	}
}

func (o *outage) isOn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on
}
