package driver

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/internal/heap"
)

// never is a due time that is never reached.
const never = time.Duration(math.MaxInt64)

// Timer is one timer. It is embedded in its user's struct: it takes two words and no allocation. Init
// must be called before it is started. A Timer must neither be copied nor be used with more than one
// driver.
type Timer struct {
	item heap.Item[time.Duration, func(due time.Time)] // guarded by timers.mu, except for Value
}

// Init sets the function that is called when the timer expires. fire is called on the driver's
// goroutine or on a worker, with the time the timer was due; it must not block. It may start and stop
// timers, including its own.
func (t *Timer) Init(fire func(due time.Time)) { t.item.Value = fire }

// timers is the heap, and the protocol by which timers expire:
//
//  1. Start puts the timer into the heap under mu. If it is now the first, its due time is
//     published in next; if it is due before the alarm rings, the alarm is set earlier.
//     (TestRestart)
//  2. Expire, on a worker between quanta, compares the time with next, one atomic load. It fires
//     timers only if one is due. (TestExpire)
//  3. The timer goroutine fires timers whenever the alarm rings.
//  4. To fire timers is to hold firing, so that they fire one at a time, in order of their due
//     times. A worker that finds firing taken returns: another goroutine is firing already. The timer
//     goroutine waits for firing, since it must set the alarm for the remaining timers.
//     (TestTimersFireInOrder, TestTimersFromManyGoroutines)
//  5. Each due timer is taken from the heap under mu, and fired without mu, so that a completion may
//     start and stop timers. Once it is taken, Stop returns false.
//     (TestStop, TestCompletionStartsTimers)
//  6. The timer goroutine sets the alarm for the first remaining timer. Workers don't: if the alarm
//     rings for a timer that a worker has fired, nothing is due, and the alarm is set again.
//     (TestExpire)
//  7. While no worker sleeps (Attend), nobody sets the alarm: workers expire timers, and a task that the alarm woke would
//     find no worker. The first worker that goes to sleep says so (Unattend), and sets the alarm if it was not set for the
//     first timer. That, and whether the alarm is set again when it has rung, is decided under mu. (TestAttend)
//
// The alarm is the system's or Go's; see Config.SystemTimer. (TestAlarm, TestSystemTimer)
//
// Rejected: a goroutine, a [time.AfterFunc] or a runtime timer for each (200 bytes and more, and
// when guests keep all processors busy the runtime looks at its timers only when a worker
// yields); a timing wheel (O(1), but its ticks cost precision, or wake-ups; the heap is 0.1 us at
// a hundred thousand timers).
type timers struct {
	next     atomic.Int64 // first(), readable without mu
	attended atomic.Bool  // no worker sleeps; cleared under mu
	firing   sync.Mutex   // held while timers are fired; taken before mu

	mu      sync.Mutex // guards the fields below
	heap    heap.Heap[time.Duration, func(due time.Time)]
	alarm   alarm
	alarmAt time.Duration // when the alarm rings; never if it is not set
}

func (ts *timers) init(a alarm) {
	ts.next.Store(int64(never))
	ts.alarm, ts.alarmAt = a, never
}

// first returns the earliest due time, or never.
func (ts *timers) first() time.Duration {
	if t, due := ts.heap.First(); t != nil {
		return due
	}
	return never
}

// Start arms t to fire at due, or at once if due is past. If t is armed, its due time changes; if it
// is firing, it fires again.
func (d *Driver) Start(t *Timer, due time.Time) {
	at := min(d.Since(due), never-1)
	ts := &d.timers
	ts.mu.Lock()
	ts.heap.Set(&t.item, at)
	ts.next.Store(int64(ts.first()))
	if at < ts.alarmAt && !ts.attended.Load() {
		d.setAlarm(at)
	}
	ts.mu.Unlock()
}

// setAlarm sets the alarm, unless at is never. The caller holds timers.mu.
func (d *Driver) setAlarm(at time.Duration) {
	ts := &d.timers
	if ts.alarmAt = at; at != never {
		ts.alarm.set(at - d.Uptime())
	}
}

// Attend says that no worker sleeps, so that the workers expire all timers. It costs one atomic load if that is known.
func (d *Driver) Attend() {
	if ts := &d.timers; !ts.attended.Load() {
		ts.attended.Store(true)
	}
}

// Unattend says that a worker is about to sleep, so that the driver's goroutine is needed again. It costs one atomic load
// if that is known.
func (d *Driver) Unattend() {
	ts := &d.timers
	if !ts.attended.Load() {
		return
	}
	ts.mu.Lock()
	ts.attended.Store(false)
	if first := ts.first(); first < ts.alarmAt {
		d.setAlarm(first)
	}
	ts.mu.Unlock()
}

// Stop disarms t. It returns true if t was armed and will not fire. It returns false if t was not
// armed, or its function has been called or is being called.
func (d *Driver) Stop(t *Timer) bool {
	ts := &d.timers
	ts.mu.Lock()
	armed := ts.heap.Remove(&t.item)
	if armed {
		ts.next.Store(int64(ts.first()))
	}
	ts.mu.Unlock()
	return armed
}

// Due reports whether a timer is due by now, a reading of Uptime. It is one atomic load.
func (d *Driver) Due(now time.Duration) bool { return int64(now) >= d.timers.next.Load() }

// Expire fires the timers that are due by now, a reading of Uptime, unless another goroutine is already
// firing timers. If none is due it costs one atomic load.
func (d *Driver) Expire(now time.Duration) {
	if d.Due(now) && d.timers.firing.TryLock() {
		d.fire(now)
		d.timers.firing.Unlock()
	}
}

// fire fires the timers that are due by now. The caller holds firing.
func (d *Driver) fire(now time.Duration) {
	ts := &d.timers
	for {
		ts.mu.Lock()
		t, due := ts.heap.First()
		if t == nil || due > now {
			ts.mu.Unlock()
			return
		}
		ts.heap.Remove(t)
		ts.next.Store(int64(ts.first()))
		ts.mu.Unlock()
		t.Value(d.Time(due))
	}
}

// sleep is the timer goroutine.
func (d *Driver) sleep() {
	ts := &d.timers
	for ts.alarm.wait() {
		if !ts.attended.Load() {
			ts.firing.Lock()
			d.fire(d.Uptime())
			ts.firing.Unlock()
		}
		ts.mu.Lock()
		if ts.attended.Load() {
			ts.alarmAt = never
		} else {
			d.setAlarm(ts.first())
		}
		ts.mu.Unlock()
	}
}
