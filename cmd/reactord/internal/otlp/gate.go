package otlp

import (
	"sync/atomic"

	"go.uber.org/zap"
)

// Gate lets so many things wait to be sent and no more. Make one with NewGate.
type Gate struct {
	*Losses
	most    int64
	waiting atomic.Int64
}

// NewGate makes a gate for what is sent, in the words of the log.
func NewGate(what string, most int, log *zap.Logger) *Gate {
	return &Gate{Losses: NewLosses(what, Silent, log), most: int64(most)}
}

// Enter reports whether one more may wait. If not it is lost.
func (g *Gate) Enter() bool {
	if g.waiting.Add(1) > g.most {
		g.waiting.Add(-1)
		g.Lose(1)
		return false
	}
	return true
}

// Sent has those leave that were sent, or that are lost for a reason.
func (g *Gate) Sent(n int, err error) {
	g.waiting.Add(-int64(n))
	if err != nil {
		g.Lose(n)
	}
	g.Note(err)
}
