package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// The forms of a report.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// report is the result of the demo. Programs read its JSON form, which stays as it is.
type report struct {
	Workloads          int     `json:"workloads"`
	Succeeded          int     `json:"succeeded"`
	Failed             int     `json:"failed"`
	WaitingPeak        uint64  `json:"waitingPeak"`
	RSSPerWaitingBytes uint64  `json:"rssPerWaitingBytes"`
	WakeLatenessP50Ms  float64 `json:"wakeLatenessP50Ms"`
	WakeLatenessP99Ms  float64 `json:"wakeLatenessP99Ms"`
	DurationSeconds    float64 `json:"durationSeconds"`

	submitted int
	hogs      int
	hogShare  float64
	failure   string
}

func (r *report) write(w io.Writer, form string) error {
	if form == outputJSON {
		return json.NewEncoder(w).Encode(r)
	}
	return r.writeTable(w)
}

func (r *report) writeTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("submitted", "%s in %.1f s, and %d hogs beside them", humanize.Comma(int64(r.submitted)), r.DurationSeconds, r.hogs)
	row("succeeded", "%s", humanize.Comma(int64(r.Succeeded)))
	row("failed", "%s", humanize.Comma(int64(r.Failed)))
	row("most waiting at once", "%s", humanize.Comma(int64(r.WaitingPeak)))
	row("memory per waiting guest", "%s", humanize.IBytesN(r.RSSPerWaitingBytes, 3))
	row("wake lateness", "p50 %.2f ms, p99 %.2f ms", r.WakeLatenessP50Ms, r.WakeLatenessP99Ms)
	row("hogs' share of the CPU", "%.0f %%", 100*r.hogShare)
	if r.failure != "" {
		row("first failure", "%s", r.failure)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, next)
	return err
}

const next = `
Next, in two terminals:
  reactord                                          a daemon that stays (go run ./cmd/reactord)
  reactorctl run ./examples/hello Ada               build a Go program, run it, see what it prints
  reactorctl submit --count 1000 ./examples/ticker  a thousand at once, in the background
  reactorctl list                                   what became of them
  reactorctl ops                                    what those that run are waiting for
  reactorctl node                                   the daemon in figures
`
