package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Signal is the cause of a context that a signal has ended.
type Signal struct{ syscall.Signal }

func (s Signal) Error() string { return "interrupted by " + unix.SignalName(s.Signal) }

// ExitStatus returns the status that shells give to a process that the signal has ended.
func (s Signal) ExitStatus() int { return 128 + int(s.Signal) }

// Watch receives the signals from now on. One of them is SIGQUIT, which a terminal sends for Ctrl-\. SIGHUP stays ignored
// if it was, as nohup(1) wants it. SIGPIPE kills the process no more, so that a write to a pipe that nobody reads fails.
func Watch() (ctx context.Context, second <-chan struct{}) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan struct{})
	go func() {
		var seen sequence
		for s := range signals {
			number, _ := s.(syscall.Signal)
			switch seen.take(number, time.Now()) {
			case first:
				cancel(Signal{number})
			case again:
				signal.Stop(signals)
				close(ended)
				return
			case ignored:
			}
		}
	}()
	return ctx, ended
}

// verdict says what a signal means.
type verdict int

const (
	ignored verdict = iota
	first
	again
)

// echo is how long after the first signal others count as the same: timeout(1), for example, sends one to the process
// and one to its group.
const echo = 300 * time.Millisecond

// sequence is the signals received so far.
type sequence struct{ began time.Time }

// take returns what the next signal means. A hangup is never the second: when a terminal is closed, both the kernel and
// the shell send one, and nobody is there to be in a hurry.
func (s *sequence) take(number syscall.Signal, now time.Time) verdict {
	switch {
	case s.began.IsZero():
		s.began = now
		return first
	case number == syscall.SIGHUP || now.Sub(s.began) < echo:
		return ignored
	}
	return again
}
