package hostcalls

import (
	"errors"
	"time"
)

// WaitStart is when a process began to wait, by polls, for a descriptor in one direction. A process that polls many
// descriptors is woken by each of them and polls the others again: for those it is still the same wait. It goes on until
// the descriptor is ready, or the process has used it without being told to wait. The zero WaitStart is no wait.
//
// It is no time.Time since every socket has two of them.
type WaitStart int64 // nanoseconds since 1970

// Poll returns when the wait began: now, unless there was one already.
func (w *WaitStart) Poll(now time.Time) time.Time {
	if *w == 0 {
		*w = WaitStart(now.UnixNano())
		return now
	}
	return time.Unix(0, int64(*w))
}

// End ends the wait.
func (w *WaitStart) End() { *w = 0 }

// Use ends the wait if a use of the descriptor, which returned err, was not told to wait.
func (w *WaitStart) Use(err error) {
	if err == nil || !errors.Is(err, ErrWouldBlock) {
		w.End()
	}
}
