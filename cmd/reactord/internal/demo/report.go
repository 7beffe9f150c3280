package demo

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
)

// The forms of a report.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// report is the result of the demo. Programs read its JSON form, in which nothing is renamed.
type report struct {
	Workloads          int     `json:"workloads"`
	Succeeded          int     `json:"succeeded"`
	Failed             int     `json:"failed"`
	WaitingPeak        uint64  `json:"waitingPeak"`
	RSSPerWaitingBytes uint64  `json:"rssPerWaitingBytes"`
	WakeLatenessP50Ms  float64 `json:"wakeLatenessP50Ms"`
	WakeLatenessP99Ms  float64 `json:"wakeLatenessP99Ms"`
	SubmissionSeconds  float64 `json:"submissionSeconds"`
	DurationSeconds    float64 `json:"durationSeconds"`

	Crowd *crowdReport `json:"oneInstance,omitempty"` // nil: the guest has none

	submitted int
	hogs      int
	hogShare  float64
	failure   string
}

// lines lays the report out for people; no line is wider than the room, unless that is zero.
func (r *report) lines(room int) []screen.Line {
	var pairs []table.Pair
	add := func(name, format string, args ...any) {
		pairs = append(pairs, table.Pair{Name: name, Values: []screen.Span{{Text: fmt.Sprintf(format, args...)}}})
	}
	add("submitted", "%s in %.1f s, beside %d hogs", humanize.Comma(int64(r.submitted)), r.SubmissionSeconds, r.hogs)
	add("all ended", "after %.1f s", r.DurationSeconds)
	add("succeeded", "%s", humanize.Comma(int64(r.Succeeded)))
	add("failed", "%s", humanize.Comma(int64(r.Failed)))
	if r.Failed > 0 {
		pairs[len(pairs)-1].Values[0].Style = screen.Bad
	}
	add("most waiting at once", "%s", humanize.Comma(int64(r.WaitingPeak)))
	add("memory per waiting guest", "%s", humanize.IBytesN(r.RSSPerWaitingBytes, 3))
	add("wake lateness", "p50 %.2f ms, p99 %.2f ms", r.WakeLatenessP50Ms, r.WakeLatenessP99Ms)
	add("hogs' share of the CPU", "%.0f %%", 100*r.hogShare)
	if c := r.Crowd; c != nil {
		add("calls in one instance", "%s, all ended after %.1f s", humanize.Comma(int64(c.Calls)), c.DurationSeconds)
		add("returned", "%s", humanize.Comma(int64(c.Returned)))
		add("most waiting at once", "%s", humanize.Comma(int64(c.WaitingPeak)))
		add("memory per waiting call", "%s", humanize.IBytesN(c.RSSPerWaitingBytes, 3))
	}
	if r.failure != "" {
		add("first failure", "%s", r.failure)
	}
	lines := table.Pairs(pairs, room)
	for text := range strings.SplitSeq(next, "\n") {
		lines = append(lines, screen.Text(text))
	}
	return lines
}

const next = `
Next, in two terminals:
  go install ./cmd/reactord ./cmd/reactorctl        if they are not installed
  reactord                                          a daemon that stays
  reactorctl run ./examples/hello Ada               build, run, see the output
  reactorctl submit --count 1000 ./examples/ticker  a thousand in the background
  reactorctl list                                   what became of them
  reactorctl ops                                    what they wait for
  reactorctl node                                   the daemon in figures`
