package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// signals receives what a daemon is told by signals.
type signals struct {
	stops   chan os.Signal // SIGTERM and SIGINT
	reloads chan os.Signal // SIGHUP
}

// watchSignals has this process receive signals from now on, so that none ends it undrained.
func watchSignals() *signals {
	s := &signals{stops: make(chan os.Signal, 3), reloads: make(chan os.Signal, 1)}
	signal.Notify(s.stops, os.Interrupt, syscall.SIGTERM)
	signal.Notify(s.reloads, syscall.SIGHUP)
	return s
}

func (s *signals) stop() {
	signal.Stop(s.stops)
	signal.Stop(s.reloads)
}

// insistence tells whoever insists on a stop from whoever asks once, by several signals. timeout(1), for one, signals
// the process and then its group.
type insistence struct {
	asked int
	first time.Time
}

const (
	// onePlea is how far apart the signals are by which somebody asks once.
	onePlea = time.Second
	// mostPleas is how many signals insist however quickly they come.
	mostPleas = 3
)

// onSignal reports whether the daemon is to end at once.
func (i *insistence) onSignal(now time.Time) bool {
	i.asked++
	if i.asked == 1 {
		i.first = now
	}
	return i.asked >= mostPleas || now.Sub(i.first) >= onePlea
}

// interruptible returns a context that the first signal ends.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}
