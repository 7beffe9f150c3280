package render

import (
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
)

// List is a table: of what, and how it looks.
type List struct {
	Columns []table.Column
	Rows    []table.Row
}

// Print prints the list. On a terminal it fits, unless all of it is asked for.
func (l List) Print(s *screen.Screen, all bool) error {
	room := s.Width()
	if all {
		room = 0
	}
	return s.Print(table.Lines(l.Columns, l.Rows, room)...)
}

// pair returns a name with its value; an empty one is left out.
func pair(name, value string) table.Pair { return listed(name, value) }

// listed returns a name with its values, of which the empty ones are left out.
func listed(name string, texts ...string) table.Pair {
	p := table.Pair{Name: name}
	for _, text := range texts {
		if text != "" {
			p.Values = append(p.Values, screen.Span{Text: text})
		}
	}
	return p
}
