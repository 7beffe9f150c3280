package notify

// Signal holds a token from when it is set until the token is received. It may be used from any goroutine.
type Signal chan struct{}

// NewSignal makes a Signal that is not set.
func NewSignal() Signal { return make(Signal, 1) }

// Set sets the signal, if it is not set.
func (s Signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Broadcast wakes all who wait. Its zero value has nobody who waits. It has no lock: the lock of what
// changes guards it.
type Broadcast struct {
	changed chan struct{} // nil if nobody waits
}

// Next returns a channel that the next Tell closes.
func (b *Broadcast) Next() <-chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// Tell wakes those who have asked for Next since the last Tell.
func (b *Broadcast) Tell() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Awaited reports whether anybody has asked for Next since the last Tell.
func (b *Broadcast) Awaited() bool { return b.changed != nil }
