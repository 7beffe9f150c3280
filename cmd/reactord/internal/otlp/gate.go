package otlp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// interval is how often the log says what was not sent.
const interval = time.Minute

// Gate lets so many things wait to be sent and no more, counts those that are not sent, and says so in the log. Make one with NewGate.
type Gate struct {
	what    string // is sent: "spans"
	most    int64
	log     *zap.Logger
	waiting atomic.Int64
	lost    atomic.Uint64

	mu      sync.Mutex // guards what follows
	failing bool       // sending does
	told    uint64     // of lost
}

// NewGate makes a gate for what is sent, in the words of the log.
func NewGate(what string, most int, log *zap.Logger) *Gate {
	return &Gate{what: what, most: int64(most), log: log}
}

// Enter reports whether one more may wait. If not it is lost, and counted.
func (g *Gate) Enter() bool {
	if g.waiting.Add(1) > g.most {
		g.waiting.Add(-1)
		g.Lose(1)
		return false
	}
	return true
}

// Lose counts what was not sent for another reason.
func (g *Gate) Lose(n int) { g.lost.Add(uint64(n)) } //nolint:gosec // it is a count

// Sent has those leave that were sent, or that were not for a reason. The log tells of the first failure and of the first success
// after it.
func (g *Gate) Sent(n int, err error) {
	g.waiting.Add(-int64(n))
	if err != nil {
		g.Lose(n)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err != nil && !g.failing:
		g.log.Warn("what is for the collector can't be sent, and is lost until it can", zap.String("what", g.what), zap.Error(err))
	case err == nil && g.failing:
		g.log.Info("what is for the collector is sent again", zap.String("what", g.what), zap.Uint64("lost_in_all", g.lost.Load()))
	}
	g.failing = err != nil
}

// Lost returns how many were not sent.
func (g *Gate) Lost() uint64 { return g.lost.Load() }

// Run says in the log, once in a while, how many were not sent, until ctx ends.
func (g *Gate) Run(ctx context.Context) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			g.Tell()
		case <-ctx.Done():
			return
		}
	}
}

// Tell says how many were not sent since it did so last.
func (g *Gate) Tell() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if lost := g.lost.Load(); lost > g.told {
		g.log.Warn("what is for the collector was not sent", zap.String("what", g.what), zap.Uint64("lost", lost-g.told), zap.Uint64("lost_in_all", lost))
		g.told = lost
	}
}
