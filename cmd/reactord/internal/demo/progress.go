package demo

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
)

// progress shows the progress: on a terminal one line that changes, elsewhere a line each second. It is
// used by one goroutine at a time.
type progress struct {
	screen *screen.Screen
	live   *screen.Live
	tally  *tally
	shown  time.Time
}

func newProgress(s *screen.Screen, t *tally) *progress {
	return &progress{screen: s, live: screen.NewLive(s), tally: t}
}

// show is called with every reading of the statistics. A failure to show it is no failure of the demo.
func (p *progress) show() {
	p.showLine(func() screen.Line {
		r := p.tally.read()
		return r.line(p.screen.Width())
	})
}

// showLine is show for a line that may be needed.
func (p *progress) showLine(line func() screen.Line) {
	if now := time.Now(); p.screen.CanRedraw() || now.Sub(p.shown) >= time.Second-statsInterval/2 {
		p.shown = now
		p.draw(line())
	}
}

func (p *progress) draw(line screen.Line) {
	if p.screen.CanRedraw() {
		_ = p.live.Draw(line)
	} else {
		_ = p.screen.Print(line)
	}
}

// end keeps the last line on the screen.
func (p *progress) end() {
	r := p.tally.read()
	p.draw(r.line(p.screen.Width()))
	p.live.Keep()
}

// figures are what a line of progress shows, from the most to the least important ones.
var figures = []table.Column{
	{Right: true}, {}, {Rank: 1}, {Rank: 2}, {Rank: 3}, {Rank: 4}, {Rank: 5},
}

// line returns the reading as a line that fits into the room.
func (r *reading) line(room int) screen.Line {
	failed := screen.Span{Text: "failed " + humanize.Comma(int64(r.failed))}
	if r.failed > 0 {
		failed.Style = screen.Bad
	}
	row := table.Row{
		{Text: fmt.Sprintf("%5.1f s", r.elapsed.Seconds())},
		{Text: fmt.Sprintf("submitted %s of %s", humanize.Comma(int64(r.submitted)), humanize.Comma(int64(r.count)))},
		{Text: "waiting " + humanize.Comma(int64(r.stats.GetWaiting()))},
		{Text: "succeeded " + humanize.Comma(int64(r.succeeded))},
		failed,
		{Text: "memory " + quantity.HumanSize(r.stats.GetResidentBytes())},
		{Text: fmt.Sprintf("wake p99 %.2f ms", milliseconds(r.stats.GetWakeLatenessP99().AsDuration()))},
	}
	return table.NewLayout(figures, []table.Row{row}, room).Line(row)
}
