package retry

import "time"

// quiet is how long nobody must have met a trouble or waited for its end before it counts as over. Without it, a load
// that comes and goes would begin and end a trouble many times a second.
const quiet = time.Second

// Ledger counts who waits for which trouble. The zero value is empty.
type Ledger struct{ entries [len(troubleTexts)]entry }

type entry struct {
	waiting int
	delayed int // how often it was met since it began
	since   time.Time
	last    time.Time // when it was last met, or a waiter last left
}

// Meet records that somebody met a trouble, and now waits for its end. It reports whether the trouble began with that.
func (l *Ledger) Meet(t Trouble, now time.Time) (began bool) {
	e := &l.entries[t]
	began = e.delayed == 0
	if began {
		e.since = now
	}
	e.waiting++
	e.delayed++
	e.last = now
	return began
}

// Again records that somebody who waits for a trouble has met it once more.
func (l *Ledger) Again(t Trouble, now time.Time) {
	l.entries[t].delayed++
	l.entries[t].last = now
}

// Leave records that somebody no longer waits for a trouble: it got what it waited for, or no longer wants it.
func (l *Ledger) Leave(t Trouble, now time.Time) {
	l.entries[t].waiting--
	l.entries[t].last = now
}

// Waiting returns how many wait for a trouble to end.
func (l *Ledger) Waiting(t Trouble) int { return l.entries[t].waiting }

// Ended is a trouble that is over.
type Ended struct {
	Trouble Trouble
	Since   time.Time
	Delayed int // how often it was met
}

// Over returns the troubles that are over, each once.
func (l *Ledger) Over(now time.Time) (list []Ended) {
	for t := range l.entries {
		e := &l.entries[t]
		if e.delayed > 0 && e.waiting == 0 && now.Sub(e.last) >= quiet {
			list = append(list, Ended{Trouble(t), e.since, e.delayed})
			*e = entry{}
		}
	}
	return list
}

// Next returns when Over may have something to return, if nothing happens before; ok is false if it won't.
func (l *Ledger) Next() (at time.Time, ok bool) {
	for t := range l.entries {
		e := &l.entries[t]
		if e.delayed == 0 || e.waiting > 0 {
			continue
		}
		if end := e.last.Add(quiet); !ok || end.Before(at) {
			at, ok = end, true
		}
	}
	return at, ok
}
