package screen

import (
	"bytes"
	"fmt"
)

// Live is the part of a terminal that shows the present state: it begins below what was printed before, and each Draw
// replaces what the last one drew. If the screen can't redraw, Draw does nothing.
type Live struct {
	screen *Screen
	widths []int // of the lines that are drawn
}

// NewLive returns a Live that has drawn nothing.
func NewLive(s *Screen) *Live { return &Live{screen: s} }

// Draw draws the lines in place of the last ones. It cuts those that are too long, and leaves out the last ones if
// there are more than the terminal has rows.
func (l *Live) Draw(lines ...Line) error {
	if !l.screen.CanRedraw() {
		return nil
	}
	columns, rows := l.screen.Size()
	var b bytes.Buffer
	l.rewind(&b, columns)
	lines = lines[:min(len(lines), max(rows-1, 1))] // one row is left for the cursor
	l.widths = l.widths[:0]
	for _, line := range lines {
		line = line.Cut(columns)
		b.WriteString("\x1b[2K") // erases the row; after its last column is written this would erase that
		l.screen.render(&b, line)
		b.WriteString("\r\n")
		l.widths = append(l.widths, line.Width())
	}
	b.WriteString("\x1b[J") // erases all below
	_, err := l.screen.out.Write(b.Bytes())
	return err
}

// Clear removes what is drawn.
func (l *Live) Clear() error { return l.Draw() }

// Keep leaves on the screen what is drawn; the next Draw begins below it.
func (l *Live) Keep() { l.widths = nil }

// rewind moves the cursor to where the drawn lines begin. A terminal that has become narrower since shows a line in
// several rows.
func (l *Live) rewind(b *bytes.Buffer, columns int) {
	rows := 0
	for _, width := range l.widths {
		rows += max(1, (width+columns-1)/columns)
	}
	if rows > 0 {
		fmt.Fprintf(b, "\x1b[%dA", rows)
	}
	b.WriteByte('\r')
}
