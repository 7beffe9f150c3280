package table

import (
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/screen"
)

// Pair is a name with its values. Each value begins a line of its own.
type Pair struct {
	Name   string
	Values []screen.Span
}

// Pairs lays out pairs, without those that have no value. If room is not zero, a value that is too long goes on in the
// next lines, below its beginning.
func Pairs(pairs []Pair, room int) []screen.Line {
	indent := 0
	for _, p := range pairs {
		if len(p.Values) > 0 {
			indent = max(indent, screen.Width(p.Name)+gap)
		}
	}
	var lines []screen.Line
	for _, p := range pairs {
		name := p.Name
		for _, value := range p.Values {
			for _, text := range Wrap(printable.String(value.Text), room-indent) {
				margin := screen.Span{Text: name + strings.Repeat(" ", indent-screen.Width(name)), Style: screen.Faint}
				lines = append(lines, screen.Line{margin, {Text: text, Style: value.Style}})
				name = ""
			}
		}
	}
	return lines
}

// leastRoom is the least width that Wrap wraps to: on a narrower terminal it is left to that.
const leastRoom = 20

// Wrap breaks a text into lines, between words where it can.
func Wrap(text string, room int) []string {
	if room < leastRoom {
		return []string{text}
	}
	var lines []string
	for runewidth.StringWidth(text) > room {
		head := runewidth.Truncate(text, room, "")
		end := len(head)
		if text[end] != ' ' {
			if space := strings.LastIndexByte(head, ' '); space > 0 {
				end = space
			}
		}
		if end == 0 {
			break // a character wider than the room
		}
		lines = append(lines, strings.TrimRight(text[:end], " "))
		text = strings.TrimLeft(text[end:], " ")
	}
	return append(lines, text)
}
