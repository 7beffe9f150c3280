package demo

import (
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"
)

// progress shows the progress: on a terminal one line that changes, elsewhere a line each second. It is
// used by one goroutine at a time.
type progress struct {
	w        *os.File
	terminal bool
	tally    *tally
	shown    time.Time
}

func newProgress(w *os.File, t *tally) *progress {
	return &progress{w: w, terminal: term.IsTerminal(int(w.Fd())), tally: t}
}

// show is called with every reading of the statistics.
func (p *progress) show() {
	if now := time.Now(); p.terminal || now.Sub(p.shown) >= time.Second-statsInterval/2 {
		p.shown = now
		p.line()
	}
}

func (p *progress) line() {
	r := p.tally.read()
	before, after := "", "\n"
	if p.terminal {
		before, after = "\r", "\x1b[K" // clears the rest of a longer line
	}
	fmt.Fprintf(p.w, "%s%5.1f s  submitted %s of %s  waiting %s  succeeded %s  failed %s  wake p99 %.2f ms  memory %s%s",
		before, r.elapsed.Seconds(), humanize.Comma(int64(r.submitted)), humanize.Comma(int64(r.count)), humanize.Comma(int64(r.stats.GetWaiting())),
		humanize.Comma(int64(r.succeeded)), humanize.Comma(int64(r.failed)), milliseconds(r.stats.GetWakeLatenessP99().AsDuration()),
		humanize.IBytes(r.stats.GetResidentBytes()), after)
}

// end keeps the last line on the screen.
func (p *progress) end() {
	p.line()
	if p.terminal {
		fmt.Fprintln(p.w)
	}
}
