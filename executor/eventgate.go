package executor

import (
	"time"

	"github.com/reactord/reactord/executor/driver"
)

const (
	// pollBelow is the number of ready foreground tasks below which workers take events of sockets.
	pollBelow = 16
	// pollTurns is the number of foreground tasks after which they take events in any case: twice what they take at once.
	pollTurns = 2 * driver.PollBatch
	// pollLatest is the time after which they take events in any case.
	pollLatest = 5 * time.Millisecond
)

// eventGate decides when workers take events of sockets. It is a plain value: no lock, no clock.
//
// While there is enough to do, events wait in the system, where sockets take turns, and not as woken tasks in the queue. So
// a task that is woken by something else has few before it, however many sockets are ready.
//
//  1. Events are taken while few foreground tasks are ready.
//  2. Otherwise they are taken each time that pollTurns foreground tasks have been taken. So sockets get at least half of the
//     turns, and add less to the queue than is taken from it.
//  3. If other tenants go first and hardly any of those foreground tasks are taken, pollLatest bounds how long a socket waits:
//     it may be of a tenant whose turn it is.
//
// Rejected: time alone. Once a millisecond, events came as fast as two workers ran their tasks, and the tasks of a thousand
// busy connections were all in the queue: 15 ms of work.
type eventGate struct {
	polled time.Duration // the uptime when a worker last began to take events
	turns  int           // foreground tasks taken since then
}

// open reports whether events should be taken. inFront is the number of ready foreground tasks.
func (g *eventGate) open(inFront int, now time.Duration) bool {
	return inFront < pollBelow || g.turns >= pollTurns || now-g.polled >= pollLatest
}

// onPoll is called when a worker begins to take events.
func (g *eventGate) onPoll(now time.Duration) { g.polled, g.turns = now, 0 }

// onTake is called when a worker takes a task of class c.
func (g *eventGate) onTake(c class) {
	if c == foreground {
		g.turns++
	}
}
