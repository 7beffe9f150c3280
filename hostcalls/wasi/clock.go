package wasi

import "time"

// maxWait bounds waits, to a hundred years.
const maxWait = 100 * 365 * 24 * time.Hour

// Now returns the time of the monotonic clock in nanoseconds. It is never zero, which some programs take for a missing clock: it
// is one when the store begins.
func (h *Host) Now() uint64 { return uint64(time.Since(h.started) + 1) }

// At returns when the monotonic clock has a time.
func (h *Host) At(nanoseconds uint64) time.Time { return after(h.started.Add(-1), nanoseconds) }

// After returns when a duration that begins now is over.
func After(nanoseconds uint64) time.Time { return after(time.Now(), nanoseconds) }

func after(from time.Time, nanoseconds uint64) time.Time {
	return from.Add(time.Duration(min(nanoseconds, uint64(maxWait))))
}
