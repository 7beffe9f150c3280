package top

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// roomForFuel is the least width of a screen that has fuel: what is there must not depend on what the rows have.
const roomForFuel = 100

// tables returns the lists of a screen that is so wide; zero: as wide as they are.
func (m *Model) tables(columns int) (tables [lists]render.List) {
	at := m.reading.time()
	workloads, ops := m.rows()
	tables[waits] = groupTable(m.reading.Summary, at)
	tables[busiest] = busiestTable(workloads, m.order, columns == 0 || columns >= roomForFuel)
	tables[oldest] = oldestTable(ops, at)
	return tables
}

// since writes how long before a time another one was, by the daemon's clock.
func since(at time.Time, t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return render.Span(at.Sub(t.AsTime()))
}

func groupTable(summary *reactorv1.SummarizeOpsResponse, at time.Time) render.List {
	t := render.List{Columns: []table.Column{
		{Title: "WAITING FOR"}, {Title: "TARGET", Least: 10, Middle: true}, {Title: "COUNT", Right: true}, {Title: "LONGEST", Right: true},
		{Title: "WHICH", Least: 8, Rank: 1},
	}}
	for _, g := range summary.GetGroups() {
		t.Rows = append(t.Rows, table.Cells(render.OpKind(g.GetKind()), g.GetTarget(), render.Count(g.GetCount()), since(at, g.GetOldestStartTime()), g.GetOldestWorkloadId()))
	}
	if n := summary.GetOthers(); n > 0 {
		t.Rows = append(t.Rows, table.Cells("others", "", render.Count(n), "", ""))
	}
	return t
}

// fuelAt is the place of fuel among the columns of the busiest.
const fuelAt = 6

func busiestTable(workloads []*reactorv1.Workload, by order, withFuel bool) render.List {
	titles := [...]string{byShare: "CPU%", byMemory: "MEMORY", byTime: "CPU", byID: "BUSIEST"}
	titles[by] += "*"
	t := render.List{Columns: []table.Column{
		{Title: titles[byID], Least: 24}, {Title: "NAME", Least: 8}, {Title: "STATE"}, {Title: titles[byShare], Right: true},
		{Title: titles[byTime], Right: true, Rank: 2}, {Title: titles[byMemory], Right: true, Rank: 3},
		{Title: "WAITS FOR", Least: 8, Middle: true, Rank: 1},
	}}
	if withFuel {
		t.Columns = slices.Insert(t.Columns, fuelAt, table.Column{Title: "FUEL", Right: true, Rank: 4})
	}
	for _, w := range workloads {
		u := w.GetStatus().GetUsage()
		row := table.Row{
			{Text: w.GetId()}, {Text: w.GetSpec().GetName()}, render.StateSpan(w), {Text: fmt.Sprintf("%.1f", 100*u.GetCpuShare())},
			{Text: render.Measured(u.GetCpuTime())}, {Text: render.Size(u.GetPeakMemoryBytes())},
			{Text: render.WaitsFor(w.GetStatus())},
		}
		if withFuel {
			row = slices.Insert(row, fuelAt, screen.Span{Text: render.Count(u.GetFuel())})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func oldestTable(ops []*reactorv1.Op, at time.Time) render.List {
	t := render.List{Columns: []table.Column{
		{Title: "WAITING LONGEST", Least: 24}, {Title: "KIND"}, {Title: "TARGET", Least: 10, Middle: true}, {Title: "AGE", Right: true},
		{Title: "ENDS IN", Right: true, Rank: 2}, {Title: "SO FAR", Right: true, Rank: 1}, {Title: "GRANT", Least: 8, Middle: true, Rank: 3},
	}}
	for _, op := range ops {
		soFar, ends := "", ""
		if n := op.GetTransferred(); n > 0 {
			soFar = render.Size(n)
		}
		if op.GetDeadline() != nil {
			ends = render.Span(op.GetDeadline().AsTime().Sub(at))
		}
		t.Rows = append(t.Rows, table.Cells(op.GetWorkloadId(), render.OpKind(op.GetKind()), render.OpTarget(op), since(at, op.GetStartTime()), ends, soFar, render.OpGrant(op)))
	}
	return t
}

// plainRows is how many rows of each list a block of text has.
const plainRows = 5

// Plain returns the present state as lines for a file or a pipe: a time, the figures, and the beginnings of the lists.
func (m *Model) Plain() []screen.Line {
	lines := []screen.Line{screen.Text(m.reading.time().UTC().Format("2006-01-02T15:04:05Z"))}
	for _, f := range m.figures() {
		lines = append(lines, screen.Text(fmt.Sprintf("%-10s %s", f.name, f.text)))
	}
	for _, t := range m.tables(0) {
		rows := t.Rows[:min(len(t.Rows), plainRows)]
		if len(rows) > 0 {
			lines = append(lines, table.Lines(t.Columns, rows, 0)...)
		}
	}
	return append(lines, nil)
}
