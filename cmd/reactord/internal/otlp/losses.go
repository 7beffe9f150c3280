package otlp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// interval is how often the log says what was lost.
const interval = time.Minute

// Losses counts what could not be sent, and says so in the log. Make one with NewLosses.
type Losses struct {
	log  *zap.Logger
	lost atomic.Uint64

	mu      sync.Mutex // guards what follows
	failing bool       // sending does
	told    uint64     // of lost
}

// NewLosses makes the losses of what is sent, in the words of the log.
func NewLosses(what string, log *zap.Logger) *Losses {
	return &Losses{log: log.With(zap.String("what", what))}
}

// Lose counts so many as lost.
func (l *Losses) Lose(n int) { l.lost.Add(uint64(n)) } //nolint:gosec // it is a count

// Count returns how many were lost.
func (l *Losses) Count() uint64 { return l.lost.Load() }

// Note notes whether sending has worked. The log tells of the first failure, and of the first success after it.
func (l *Losses) Note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil && !l.failing:
		l.log.Warn("telemetry can't be sent, and is lost until it can", zap.Error(err))
	case err == nil && l.failing:
		l.log.Info("telemetry is sent again", zap.Uint64("lost_in_all", l.lost.Load()))
	}
	l.failing = err != nil
}

// Run says in the log, once in a while, how much was lost, until ctx ends.
func (l *Losses) Run(ctx context.Context) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
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
