package screen

import (
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/reactord/reactord/cmd/internal/printable"
)

// Style is how a text stands out where there are colours.
type Style uint8

// The styles, by what they mean.
const (
	Plain    Style = iota
	Heading        // the head of a table
	Faint          // of less interest
	Good           // succeeded
	Bad            // failed
	Active         // at work
	Notable        // unusual, but no failure
	Finished       // ended on request
)

// codes are the parameters of the sequence that selects each style: colours of the terminal's own palette, so that
// they are readable on light and on dark.
var codes = [...]string{
	Heading: "1", Faint: "2", Good: "32", Bad: "31", Active: "36", Notable: "33", Finished: "35",
}

// Span is a run of text of one style. It is a part of a line: line ends in it are shown as escapes.
type Span struct {
	Text  string
	Style Style
}

func (s Span) text() string { return printable.String(s.Text) }

// ellipsis stands for what is cut off.
const ellipsis = "…"

// Line is a line of text.
type Line []Span

// Text returns a line of one plain span.
func Text(text string) Line { return Line{{Text: text}} }

// Width returns how many columns the line takes.
func (l Line) Width() int {
	n := 0
	for _, span := range l {
		n += Width(span.Text)
	}
	return n
}

// Cut returns as much of the line as fits into that many columns. What is cut off leaves an ellipsis.
func (l Line) Cut(columns int) Line {
	left := columns
	for i, span := range l {
		width := Width(span.Text)
		switch {
		case width+l[i+1:].Width() <= left:
			return l // all that is left fits
		case width < left:
			left -= width
		default:
			// With an ellipsis more it is too long in any case, so that it ends in one.
			return append(l[:i:i], Span{Cut(span.Text+ellipsis, left), span.Style})
		}
	}
	return l
}

// String returns the text without its styles.
func (l Line) String() string {
	var b strings.Builder
	for _, span := range l {
		b.WriteString(span.text())
	}
	return b.String()
}

// Width returns how many columns a text takes when it is printed.
func Width(text string) int { return runewidth.StringWidth(printable.String(text)) }

// Cut returns as much of a text as fits into that many columns, in its printable form. What is cut off leaves an
// ellipsis.
func Cut(text string, columns int) string {
	return runewidth.Truncate(printable.String(text), columns, ellipsis)
}

// CutMiddle is Cut for a text whose end matters as much as its beginning, such as an address with its port.
func CutMiddle(text string, columns int) string {
	text = printable.String(text)
	width := runewidth.StringWidth(text)
	switch {
	case columns <= 0:
		return ""
	case width <= columns || columns < 3:
		return runewidth.Truncate(text, columns, ellipsis)
	}
	end := columns / 2
	return runewidth.Truncate(text, columns-end-1, "") + ellipsis + runewidth.TruncateLeft(text, width-end, "")
}
