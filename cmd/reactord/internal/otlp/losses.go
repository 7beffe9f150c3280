package otlp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// interval is how often the log says what was lost.
	interval = time.Minute
	// patience is for how long what is sent may not be taken until the log says so. Exporters give up as soon, if they are not told otherwise,
	// and say more.
	patience = 10 * time.Second
	// look is how often it is looked whether that is so.
	look = time.Second
)

// Losses counts what could not be sent, and says so in the log. Make one with NewLosses.
type Losses struct {
	log   *zap.Logger
	stuck string // why sending takes long
	lost  atomic.Uint64

	mu      sync.Mutex // guards what follows
	state   state
	begun   time.Time // of what is being sent; zero: nothing is
	missing uint64    // of lost, when that began
	told    uint64    // of lost
}

// state is whether sending works, as the log has it.
type state int

const (
	works state = iota
	stalls
	fails
)

// NewLosses makes the losses of what is sent, in the words of the log, as is the reason for which sending may take long.
func NewLosses(what, stuck string, log *zap.Logger) *Losses {
	return &Losses{log: log.With(zap.String("what", what)), stuck: stuck}
}

// Lose counts so many as lost.
func (l *Losses) Lose(n int) { l.lost.Add(uint64(n)) } //nolint:gosec // it is a count

// Count returns how many were lost.
func (l *Losses) Count() uint64 { return l.lost.Load() }

// Begin notes that something is being sent. Note is called when it has ended.
func (l *Losses) Begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun, l.missing = time.Now(), l.lost.Load()
}

// Note notes whether sending has worked. The log tells of the first failure, and of the first success after it.
func (l *Losses) Note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = time.Time{}
	switch {
	case err != nil:
		l.become(fails, err)
	case l.state != works:
		l.state = works
		l.log.Info("telemetry is sent again", zap.Uint64("lost_in_all", l.lost.Load()))
	}
}

// become has the log tell that sending does not work, unless it has told that it is as bad. The lock is held.
func (l *Losses) become(s state, err error) {
	if l.state < s {
		l.state = s
		l.log.Warn("telemetry can't be sent, and is lost until it can", zap.Error(err))
	}
}

// check looks whether what is being sent is not taken, while more is lost.
func (l *Losses) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if took := time.Since(l.begun); !l.begun.IsZero() && took >= patience && l.lost.Load() > l.missing {
		l.become(stalls, fmt.Errorf("%s: nothing was taken for %v", l.stuck, took.Round(time.Second)))
	}
}

// Run says in the log what does not work, and once in a while how much was lost, until ctx ends.
func (l *Losses) Run(ctx context.Context) {
	looks, ticks := time.NewTicker(look), time.NewTicker(interval)
	defer looks.Stop()
	defer ticks.Stop()
	for {
		select {
		case <-looks.C:
			l.check()
		case <-ticks.C:
			l.Tell()
		case <-ctx.Done():
			return
		}
	}
}

// Tell says how much was lost since it did so last.
func (l *Losses) Tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lost := l.lost.Load(); lost > l.told {
		l.log.Warn("telemetry was not sent", zap.Uint64("lost", lost-l.told), zap.Uint64("lost_in_all", lost))
		l.told = lost
	}
}
