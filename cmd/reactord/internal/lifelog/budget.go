package lifelog

import "time"

// The budget of lines of a kind.
const (
	burst     = 200 // lines, after a while without any
	perSecond = 5   // lines, in the long run
)

// budget bounds how many lines are written: burst at once, perSecond in the long run. The zero value is full.
type budget struct {
	spent float64 // of burst
	last  time.Time
}

// take reports whether a line may be written at the time now.
func (b *budget) take(now time.Time) bool {
	if passed := now.Sub(b.last); passed > 0 {
		b.spent = max(0, b.spent-passed.Seconds()*perSecond)
		b.last = now
	}
	if b.spent+1 > burst {
		return false
	}
	b.spent++
	return true
}
