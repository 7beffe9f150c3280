package demo

import (
	"sync"
	"time"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// tally collects the demo's figures. Its methods may be called from any goroutine.
type tally struct {
	count, workers int
	done           chan struct{} // closed when every sleeper has ended

	mu         sync.Mutex
	start, end time.Time
	stored     time.Time        // when the last sleeper had been submitted
	before     *reactorv1.Stats // before the first submission
	now        *reactorv1.Stats // the latest
	peak       *reactorv1.Stats // of the moment with most waiting, once the daemon had settled
	submitted  int
	succeeded  int
	failed     int
	failure    string // the first
}

func newTally(count, workers int) *tally {
	return &tally{count: count, workers: workers, done: make(chan struct{})}
}

// begin starts the clock.
func (t *tally) begin(before *reactorv1.Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start = time.Now()
	t.before, t.now, t.peak = before, before, before
}

func (t *tally) addSubmitted(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.submitted += n
	t.stored = time.Now()
}

func (t *tally) addStats(s *reactorv1.Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = s
	// Of the readings near the peak the one with the least resident memory counts: starting the guests
	// leaves garbage behind, which is collected while they wait.
	const near = 100 // within a hundredth
	waiting, peak := s.GetWaiting(), t.peak.GetWaiting()
	if waiting > peak+peak/near || waiting >= peak-peak/near && s.GetResidentBytes() < t.peak.GetResidentBytes() {
		t.peak = s
	}
}

// addEnd counts the end of a sleeper, and reports whether it was the last.
func (t *tally) addEnd(w *reactorv1.Workload) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.GetStatus().GetState() == reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
		t.succeeded++
	} else {
		t.failed++
		if t.failure == "" {
			t.failure = w.GetStatus().GetMessage()
		}
	}
	if t.succeeded+t.failed < t.count {
		return false
	}
	t.end = time.Now()
	close(t.done)
	return true
}

// reading is a tally at one moment, for the progress display.
type reading struct {
	elapsed                      time.Duration
	submitted, succeeded, failed int
	count                        int
	stats                        *reactorv1.Stats
}

func (t *tally) read() reading {
	t.mu.Lock()
	defer t.mu.Unlock()
	return reading{time.Since(t.start), t.submitted, t.succeeded, t.failed, t.count, t.now}
}

// report returns the report; hogs is the time the hogs had on workers, after the last statistics.
func (t *tally) report(after *reactorv1.Stats, hogs time.Duration) *report {
	t.mu.Lock()
	defer t.mu.Unlock()
	elapsed := t.end.Sub(t.start)
	r := &report{
		Workloads:         t.count,
		Succeeded:         t.succeeded,
		Failed:            t.failed,
		WaitingPeak:       after.GetWaitingPeak(),
		WakeLatenessP50Ms: milliseconds(after.GetWakeLatenessP50().AsDuration()),
		WakeLatenessP99Ms: milliseconds(after.GetWakeLatenessP99().AsDuration()),
		SubmissionSeconds: t.stored.Sub(t.start).Seconds(),
		DurationSeconds:   elapsed.Seconds(),
		submitted:         t.submitted,
		hogs:              2 * t.workers,
		failure:           t.failure,
	}
	if waiting := t.peak.GetWaiting(); waiting > 0 && t.peak.GetResidentBytes() > t.before.GetResidentBytes() {
		r.RSSPerWaitingBytes = (t.peak.GetResidentBytes() - t.before.GetResidentBytes()) / waiting
	}
	if all := elapsed * time.Duration(t.workers); all > 0 {
		r.hogShare = min(hogs.Seconds()/all.Seconds(), 1)
	}
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
