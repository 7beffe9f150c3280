package component

// Watcher is told that a store stops running.
type Watcher interface {
	// Stopped is called on the store's fiber, and does not wait.
	Stopped()
}

// OnStop has w told, once, when the store stops running: when all of it waits, or its quantum is spent. So others can be told at once
// of all that the component has done in a row. It is for the store's fiber. Nobody is told when the store ends.
func (s *Store) OnStop(w Watcher) { s.watchers = append(s.watchers, w) }

// tellStopped tells those that OnStop has noted.
func (s *Store) tellStopped() {
	for i, w := range s.watchers {
		s.watchers[i] = nil
		w.Stopped()
	}
	s.watchers = s.watchers[:0]
}
