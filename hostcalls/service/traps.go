package service

import "time"

const (
	// maxTraps is how many traps within trapTime end a service that has never answered a request.
	maxTraps = 5
	trapTime = time.Second
)

// traps notes when instances have trapped.
type traps struct {
	last [maxTraps]time.Time // a ring
	n    int
}

// note notes a trap, and reports whether there were too many within a short time.
func (t *traps) note(now time.Time) (tooMany bool) {
	t.last[t.n%maxTraps] = now
	t.n++
	return t.n >= maxTraps && now.Sub(t.last[t.n%maxTraps]) < trapTime
}
