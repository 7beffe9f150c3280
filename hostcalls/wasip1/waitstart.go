package wasip1

import (
	"errors"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

// waitStart is when a process began to wait, by polls, for a descriptor in one direction. A process that polls many
// descriptors is woken by each of them and polls the others again: for those it is still the same wait. It goes on until
// the descriptor is ready, or the process has used it without being told to wait. The zero waitStart is no wait.
//
// It is no time.Time since every socket has two of them.
type waitStart int64 // nanoseconds since 1970

// poll returns when the wait began: now, unless there was one already.
func (w *waitStart) poll(now time.Time) time.Time {
	if *w == 0 {
		*w = waitStart(now.UnixNano())
		return now
	}
	return time.Unix(0, int64(*w))
}

// end ends the wait.
func (w *waitStart) end() { *w = 0 }

// use ends the wait if a use of the descriptor, which returned err, was not told to wait.
func (w *waitStart) use(err error) {
	if err == nil || !errors.Is(err, hostcalls.ErrWouldBlock) {
		w.end()
	}
}
