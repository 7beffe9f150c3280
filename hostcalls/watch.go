package hostcalls

import "sync/atomic"

// Watch is a Notifier that remembers that it has fired, so that what waits for several knows which.
type Watch struct {
	Notifier
	fired atomic.Bool
}

// Notify implements Notifier.
func (w *Watch) Notify(ready func()) (stop func()) {
	return w.Notifier.Notify(func() {
		w.fired.Store(true)
		ready()
	})
}

// Fired implements FiredNotifier.
func (w *Watch) Fired() bool { return w.fired.Load() }

// Forget has the Watch not have fired.
func (w *Watch) Forget() { w.fired.Store(false) }
