package schedule

// waiting has the pending entries in the order in which they became that, linked through themselves. The lists of a line are in
// another order, since what was put back or delayed comes first there.
type waiting[T, M any] struct {
	first, last *Entry[T, M]
}

func (w *waiting[T, M]) push(e *Entry[T, M]) {
	e.earlier, e.later = w.last, nil
	if w.last == nil {
		w.first = e
	} else {
		w.last.later = e
	}
	w.last = e
}

func (w *waiting[T, M]) remove(e *Entry[T, M]) {
	if e.earlier == nil {
		w.first = e.later
	} else {
		e.earlier.later = e.later
	}
	if e.later == nil {
		w.last = e.earlier
	} else {
		e.later.earlier = e.earlier
	}
	e.earlier, e.later = nil, nil
}

// Oldest returns the entry that has waited for longest to be started: since Add, or since it was last put back after an attempt.
// It returns nil if none waits.
func (s *Scheduler[T, M]) Oldest() *Entry[T, M] { return s.waiting.first }
