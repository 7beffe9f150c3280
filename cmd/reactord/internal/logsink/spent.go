package logsink

import "time"

// What an attempt may print to the sink: encoding lines takes a processor, which is not charged to the guest.
const (
	burst     = 50_000 // lines, after a while without any
	perSecond = 5_000  // lines, in the long run
)

// spent is how much of burst an attempt has spent. The zero value is nothing.
type spent struct {
	lines float64
	last  time.Time
}

// take reports whether another line may be sent at a time.
func (s *spent) take(now time.Time) bool {
	if passed := now.Sub(s.last); passed > 0 {
		s.lines = max(0, s.lines-passed.Seconds()*perSecond)
		s.last = now
	}
	if s.lines+1 > burst {
		return false
	}
	s.lines++
	return true
}
