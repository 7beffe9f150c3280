package logbuf

import "github.com/reactord/reactord/reactor/store"

// Window is what a log keeps of a workload's output: the beginning, and the newest.
type Window struct {
	head int64 // bytes of the beginning
	tail int64 // of the newest
}

// The beginning is a sixteenth of the limit, and maxHead at most.
const (
	headShare = 16
	maxHead   = 16 << 10
)

// WindowOf returns the window of a log that keeps limit bytes in all.
func WindowOf(limit uint64) Window {
	all := int64(min(limit, 1<<62))
	head := min(all/headShare, maxHead)
	return Window{head, all - head}
}

// Cut is what is not kept of a log that ends at a position.
func (w Window) Cut(end int64) store.Cut { return store.Cut{From: w.head, To: max(w.head, end-w.tail)} }

// Spare returns how much longer a log that ends at a position can get before output behind another position is cut out.
func (w Window) Spare(position, end int64) int64 {
	spare := w.head + w.tail - end // nothing is cut out
	if position >= w.head {
		spare = max(spare, w.tail-(end-position))
	}
	return spare
}

// Exceeds reports whether something is cut out of a log that ends at a position.
func (w Window) Exceeds(end int64) bool { return end > w.head+w.tail }
