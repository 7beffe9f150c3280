package lease

// Hold is the hold of something open on the grant by which it is open. The zero Hold is none. It is used on the fiber of its
// process only.
type Hold struct {
	lease *Lease
	stop  func() // of OnRevoke; nil if nothing is called
}

// Take takes hold of a grant; nil is none. onRevoke, unless nil, is called when it is revoked, from any goroutine.
func (h *Hold) Take(l *Lease, onRevoke func()) {
	if l == nil {
		return
	}
	l.Opened()
	h.lease = l
	if onRevoke != nil {
		h.stop = l.OnRevoke(onRevoke)
	}
}

// Lease returns the grant, or nil.
func (h *Hold) Lease() *Lease { return h.lease }

// GiveUp ends the hold, once.
func (h *Hold) GiveUp() {
	if h.stop != nil {
		h.stop()
	}
	if h.lease != nil {
		h.lease.Closed()
	}
	*h = Hold{}
}
