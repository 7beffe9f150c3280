package driver

import "time"

// alarm wakes the timer goroutine. set is called by any goroutine, under timers.mu.
type alarm interface {
	// set makes the alarm ring once, after so long. It replaces what was set before.
	set(after time.Duration)
	// wait returns true when the alarm has rung, and false when it was stopped.
	wait() bool
	// stop ends wait, now and from now on.
	stop()
	// close frees what the alarm holds. It is called when nobody waits.
	close()
}

// goAlarm is an alarm by Go's own timers, which are in virtual time if the driver is.
type goAlarm struct {
	timer   *time.Timer
	stopped chan struct{}
}

func newGoAlarm() *goAlarm {
	return &goAlarm{timer: time.NewTimer(never), stopped: make(chan struct{})}
}

func (a *goAlarm) set(after time.Duration) { a.timer.Reset(after) }

func (a *goAlarm) wait() bool {
	select {
	case <-a.stopped:
		return false
	case <-a.timer.C:
		return true
	}
}

func (a *goAlarm) stop()  { close(a.stopped) }
func (a *goAlarm) close() { a.timer.Stop() }
