package top

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
)

// airy is the least number of rows with which lists are set apart by empty ones, and cramped the most with which only the
// list with the focus is shown.
const (
	airy    = 22
	cramped = 14
)

// Lines returns the screen.
func (m *Model) Lines(columns, rows int) []screen.Line {
	if m.help {
		return fitted(help(), columns, rows)
	}
	if m.reading == nil {
		return fitted([]screen.Line{screen.Text("reading from the daemon at " + m.address), m.footer(columns)}, columns, rows)
	}
	lines := m.head(columns)
	tables, shown := m.tables(columns), []list{waits, busiest, oldest}
	gap := 0
	switch {
	case rows >= airy:
		gap = 1
	case rows <= cramped:
		shown = []list{m.focus}
	}
	left := rows - len(lines) - 1 - len(shown)*(1+gap) // without the footer and the heads of the lists
	for i, n := range share(left, tables, shown) {
		if gap > 0 {
			lines = append(lines, nil)
		}
		lines = append(lines, m.section(shown[i], tables[shown[i]], n, columns)...)
	}
	for len(lines) < rows-1 {
		lines = append(lines, nil)
	}
	return fitted(append(lines[:max(rows-1, 0)], m.footer(columns)), columns, rows)
}

// fitted returns as much of the lines as fits.
func fitted(lines []screen.Line, columns, rows int) []screen.Line {
	lines = lines[:min(len(lines), rows)]
	for i := range lines {
		lines[i] = lines[i].Cut(columns)
	}
	return lines
}

// share shares rows among the lists that are shown: in turn, until all are given or no list has more.
func share(rows int, tables [lists]render.List, shown []list) []int {
	given := make([]int, len(shown))
	for more := true; more; {
		more = false
		for i, l := range shown {
			if rows > 0 && given[i] < len(tables[l].Rows) {
				given[i]++
				rows--
				more = true
			}
		}
	}
	return given
}

// section returns the lines of a list: its head and n of its rows.
func (m *Model) section(l list, t render.List, n, columns int) []screen.Line {
	m.scroll[l], m.drawn[l] = min(m.scroll[l], len(t.Rows)-n), n
	t.Columns[0].Title = " " + t.Columns[0].Title
	if l == m.focus {
		t.Columns[0].Title = ">" + strings.TrimSpace(t.Columns[0].Title)
	}
	t.Rows = t.Rows[m.scroll[l]:][:n]
	for _, row := range t.Rows {
		row[0].Text = " " + row[0].Text
	}
	return table.Lines(t.Columns, t.Rows, columns)
}

// head says what the node as a whole is doing.
func (m *Model) head(columns int) []screen.Line {
	n := m.reading.Node
	state := screen.Span{Text: "serving", Style: screen.Good}
	if n.GetDraining() {
		state = screen.Span{Text: "draining", Style: screen.Notable}
	}
	at := m.reading.time()
	lines := []screen.Line{m.title(state, n.GetVersion(), fmt.Sprintf(", up %s, ", render.Span(at.Sub(n.GetStartTime().AsTime()))), at.Local().Format(", 15:04:05"), columns)}
	for _, f := range m.figures() {
		line := screen.Line{{Text: fmt.Sprintf("%-10s ", f.name), Style: screen.Faint}, {Text: f.text, Style: f.style}}
		if line.Width()+screen.Width(f.more) <= columns {
			line = append(line, screen.Span{Text: f.more})
		}
		lines = append(lines, line)
	}
	return fitted(lines, columns, len(lines))
}

// title names the daemon. If there is too little room its version and its address are cut, in their middle.
func (m *Model) title(state screen.Span, version, up, clock string, columns int) screen.Line {
	line := func(version, address string) screen.Line {
		return screen.Line{{Text: "reactord", Style: screen.Heading}, {Text: " " + version + ", "}, state, {Text: up + address + clock}}
	}
	room := columns - line("", "").Width()
	if room < screen.Width(version)+screen.Width(m.address) {
		version = screen.CutMiddle(version, max(room/3, room-screen.Width(m.address)))
	}
	return line(version, screen.CutMiddle(m.address, max(room-screen.Width(version), 0)))
}

type figure struct {
	name, text string
	style      screen.Style
	more       string // follows if there is room
}

// figures are the figures of the node, each kind in a line.
func (m *Model) figures() []figure {
	s, sum := m.reading.Stats, m.reading.Summary
	all := 100 * int(m.reading.Node.GetWorkers())
	cpu, ready := fmt.Sprintf("? of %d%%", all), ""
	if m.rates.known {
		cpu = fmt.Sprintf("%.0f%% of %d%%, %s resumes/s, %s ended/s", 100*m.rates.cpu, all,
			render.Count(uint64(max(0, m.rates.resumes))), render.Count(uint64(max(0, m.rates.ended))))
		ready = fmt.Sprintf(", %.1f without a worker", max(0, m.rates.ready))
	}
	descriptors := render.Descriptors(s)
	if descriptors != "" {
		descriptors = ", " + descriptors + " descriptors"
	}
	workloads := fmt.Sprintf("%s running, %s waiting, %s pending", render.Count(s.GetRunning()), render.Count(s.GetWaiting()), render.Count(s.GetPending()))
	style := screen.Plain
	if n := sum.GetStuck(); n > 0 {
		workloads += fmt.Sprintf(", %s stuck", render.Count(n))
		style = screen.Notable
	}
	return []figure{
		{"cpu", cpu, screen.Plain, ready},
		{"memory", fmt.Sprintf("%s resident, %s of %s for guests, %s heap", render.Size(s.GetResidentBytes()), render.Size(s.GetGuestMemoryBytes()), render.Size(m.reading.Node.GetMemoryBytes()), render.Size(s.GetHeapBytes())), screen.Plain, ""},
		{"workloads", workloads, style, descriptors},
		{"woken late", fmt.Sprintf("p50 %s, p99 %s, max %s", render.Measured(s.GetWakeLatenessP50()), render.Measured(s.GetWakeLatenessP99()), render.Measured(s.GetWakeLatenessMax())), screen.Plain, ""},
	}
}

// footer is the last line: what is typed, what is wrong, or the keys.
func (m *Model) footer(columns int) screen.Line {
	switch {
	case m.typing && m.trouble != "":
		return screen.Line{{Text: "/" + m.typed + "_  "}, {Text: m.trouble, Style: screen.Bad}}
	case m.typing:
		return screen.Line{{Text: "/" + m.typed + "_"}, {Text: "  Enter filters, Esc leaves it as it was", Style: screen.Faint}}
	case m.outage != "":
		return render.Outage(m.outage, m.address, columns)
	case m.trouble != "":
		return screen.Line{{Text: m.trouble, Style: screen.Bad}}
	case m.filter.text != "":
		return screen.Line{{Text: "only " + m.filter.text, Style: screen.Active}, {Text: m.searched() + "  Esc shows all  / another filter  q leaves", Style: screen.Faint}}
	}
	return screen.Line{{Text: "q leaves  / filters  Tab next list  arrows scroll  P M T N sort  ? help", Style: screen.Faint}}
}

// searched says where words were looked for that only reactorctl knows, if that was not everywhere.
func (m *Model) searched() string {
	if r := m.reading; len(m.filter.parts) > 0 && r != nil && max(len(r.Busiest), len(r.Oldest)) >= rowsSearched {
		return fmt.Sprintf(" (of the first %s)", render.Count(rowsSearched))
	}
	return ""
}

// help is the screen that explains the others.
func help() []screen.Line {
	texts := []string{
		"q, F10      leave",
		"/, F4       show only some: type words that must all hold, then Enter",
		"              app=web          workloads with this label",
		"              state:waiting    running or waiting",
		"              kind:timer       that wait for this: read, write, accept, ...",
		"              anything else    a part of an id, a name, a label or a target:",
		"                               of the first 1,000 of each list",
		"Esc         show all again",
		"Tab         go to the next list, which > marks; Shift-Tab to the one before",
		"Up, Down    scroll it; PgUp, PgDn, Home and End too",
		"P M T N     sort the busiest by processor now, memory, processor time, id",
		"I           turn the order round",
		"Ctrl-Z      suspend",
		"",
		"CPU% is of one processor, since the last look. WAITING FOR counts what all",
		"workloads wait for. +2 at the end of WAITS FOR is two more operations. How many",
		"were ready and had no worker is an average since the last look.",
		"",
		"Any key goes back.",
	}
	lines := []screen.Line{{{Text: "reactorctl top", Style: screen.Heading}}}
	for _, text := range texts {
		lines = append(lines, screen.Text(text))
	}
	return lines
}
