package table

import (
	"slices"
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
)

// gap is the space between columns.
const gap = 2

// Column is one column of a table.
type Column struct {
	Title string
	// Right aligns the cells at their right ends, as numbers are.
	Right bool
	// Least is the width to which the column may be cut; zero: it is never cut as long as columns can be left out.
	Least int
	// Middle says that cells are cut in their middle, since their ends matter, too.
	Middle bool
	// Rank says which columns are left out first if there is no room: those with the highest. Zero: never.
	Rank int
}

// Row is a row of a table, with a cell for each column.
type Row []screen.Span

// Cells returns a row of plain cells.
func Cells(texts ...string) Row {
	row := make(Row, len(texts))
	for i, text := range texts {
		row[i].Text = text
	}
	return row
}

// Lines lays out a whole table, with its head. If room is not zero, no line is wider.
func Lines(columns []Column, rows []Row, room int) []screen.Line {
	layout := NewLayout(columns, rows, room)
	lines := make([]screen.Line, 0, len(rows)+1)
	lines = append(lines, layout.Head())
	for _, row := range rows {
		lines = append(lines, layout.Line(row))
	}
	return lines
}

// Layout has the widths of the columns of a table. It grows as rows are added, and never shrinks.
type Layout struct {
	columns []Column
	room    int
	natural []int // the width of the widest cell
	widths  []int // as they are shown; zero: the column is left out
}

// NewLayout returns a layout that suits the rows. If room is not zero, no line is wider.
func NewLayout(columns []Column, rows []Row, room int) *Layout {
	l := &Layout{columns: columns, room: room, natural: make([]int, len(columns))}
	for i, column := range columns {
		l.natural[i] = max(1, screen.Width(column.Title))
	}
	l.Grow(rows...)
	return l
}

// Grow widens columns for rows.
func (l *Layout) Grow(rows ...Row) {
	for _, row := range rows {
		for i, cell := range row {
			l.natural[i] = max(l.natural[i], screen.Width(cell.Text))
		}
	}
	l.widths = fit(l.columns, l.natural, l.room)
}

// SetRoom changes how wide a line may be.
func (l *Layout) SetRoom(room int) {
	if l.room != room {
		l.room = room
		l.widths = fit(l.columns, l.natural, room)
	}
}

// Head returns the line with the titles.
func (l *Layout) Head() screen.Line {
	row := make(Row, len(l.columns))
	for i, column := range l.columns {
		row[i] = screen.Span{Text: column.Title, Style: screen.Heading}
	}
	return l.Line(row)
}

// Line returns the line of a row.
func (l *Layout) Line(row Row) screen.Line {
	var line screen.Line
	pending := 0 // spaces to write before the next text, so that a line does not end in any
	for i, cell := range row {
		if l.widths[i] == 0 {
			continue
		}
		cut := screen.Cut
		if l.columns[i].Middle {
			cut = screen.CutMiddle
		}
		text := cut(cell.Text, l.widths[i])
		blank := l.widths[i] - screen.Width(text)
		before, after := 0, blank
		if l.columns[i].Right {
			before, after = blank, 0
		}
		if pending += before; text == "" {
			pending += after + gap
			continue
		}
		if pending > 0 {
			line = append(line, screen.Span{Text: strings.Repeat(" ", pending)})
		}
		line = append(line, screen.Span{Text: text, Style: cell.Style})
		pending = after + gap
	}
	return line
}

// fit returns the widths of columns that together fit into the room: it cuts columns, and if that is not enough leaves
// out one after the other.
func fit(columns []Column, natural []int, room int) []int {
	widths := slices.Clone(natural)
	if room == 0 {
		return widths
	}
	for !cut(widths, room, func(i int) int { return columns[i].Least }) {
		next := -1
		for i, column := range columns {
			if widths[i] > 0 && column.Rank > 0 && (next < 0 || column.Rank >= columns[next].Rank) {
				next = i
			}
		}
		if next < 0 {
			cut(widths, room, func(int) int { return 1 })
			break
		}
		for i := range widths {
			if widths[i] > 0 {
				widths[i] = natural[i] // what is left may have room again
			}
		}
		widths[next] = 0
	}
	return widths
}

// cut makes columns narrower, always the widest, until all fit. least returns the least width of a column; zero: it
// can't be cut.
func cut(widths []int, room int, least func(int) int) bool {
	for total(widths) > room {
		widest := -1
		for i, width := range widths {
			if n := least(i); n > 0 && width > n && (widest < 0 || width > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

// total returns the width of a line.
func total(widths []int) int {
	sum := -gap
	for _, width := range widths {
		if width > 0 {
			sum += width + gap
		}
	}
	return sum
}
