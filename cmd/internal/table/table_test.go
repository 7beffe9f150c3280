package table

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/cmd/internal/screen"
)

var columns = []Column{
	{Title: "ID"},
	{Title: "NAME", Least: 4},
	{Title: "SIZE", Right: true, Rank: 2},
	{Title: "LABELS", Least: 6, Rank: 1},
}

var rows = []Row{
	Cells("w-1", "a name of some length", "12 MiB", "app=web,tier=front"),
	Cells("w-20", "日本語", "3 KiB", ""),
	Cells("w-3", "x", "", "a\tb"),
}

func text(lines []screen.Line) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.String() + "\n")
	}
	return b.String()
}

// A cell whose end matters keeps it.
func TestCutInTheMiddle(t *testing.T) {
	lines := Lines([]Column{{Title: "ID"}, {Title: "TARGET", Least: 6, Middle: true}}, []Row{Cells("w-1", "127.0.0.1:8080")}, 16)
	if got, want := text(lines), "ID   TARGET\nw-1  127.0…:8080\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		room int
		want string
	}{
		{0, `
ID    NAME                     SIZE  LABELS
w-1   a name of some length  12 MiB  app=web,tier=front
w-20  日本語                  3 KiB
w-3   x                              a\u0009b
`},
		{40, `
ID    NAME            SIZE  LABELS
w-1   a name of s…  12 MiB  app=web,tie…
w-20  日本語         3 KiB
w-3   x                     a\u0009b
`},
		{20, `
ID    NAME    LABELS
w-1   a nam…  app=w…
w-20  日本語
w-3   x       a\u00…
`},
		{12, `
ID    NAME
w-1   a nam…
w-20  日本語
w-3   x
`},
		{5, `
…  N…
…  a…
…  …
…  x
`},
	} {
		if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), text(Lines(columns, rows, tt.room))); diff != "" {
			t.Errorf("in %d columns (-want +got):\n%s", tt.room, diff)
		}
	}
}

// No line is wider than the room, whatever is in it.
func TestLinesFit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := []rune("ab 日é\t\u202e👩‍👩‍👧")
	for range 2000 {
		row := make(Row, len(columns))
		for i := range row {
			for range random.IntN(40) {
				row[i].Text += string(letters[random.IntN(len(letters))])
			}
		}
		room := len(columns)*(2+gap) + random.IntN(100)
		for _, line := range Lines(columns, []Row{row}, room) {
			if line.Width() > room {
				t.Fatalf("in %d columns %q takes %d", room, line, line.Width())
			}
		}
	}
}

// Rows that come later widen columns, and none becomes narrower.
func TestGrow(t *testing.T) {
	l := NewLayout(columns[:2], []Row{Cells("w-1", "long name")}, 0)
	l.Grow(Cells("w-1000", "x"))
	if got := l.Line(Cells("w-2", "y")).String(); got != "w-2     y" {
		t.Errorf("%q", got)
	}
	l.SetRoom(12)
	if got := l.Line(Cells("w-2", "long name")).String(); got != "w-2     lon…" {
		t.Errorf("%q", got)
	}
}

func TestPairs(t *testing.T) {
	pairs := []Pair{
		{"id", []screen.Span{{Text: "w-1"}}},
		{"nothing", nil},
		{"args", []screen.Span{{Text: "one"}, {Text: "two words and then some more"}}},
		{"message", []screen.Span{{Text: "ααααααααααααααααααααααααα ω"}}},
	}
	for room, want := range map[int]string{
		0: `
id       w-1
args     one
         two words and then some more
message  ααααααααααααααααααααααααα ω
`,
		32: `
id       w-1
args     one
         two words and then some
         more
message  ααααααααααααααααααααααα
         αα ω
`,
		15: `
id       w-1
args     one
         two words and then some more
message  ααααααααααααααααααααααααα ω
`,
	} {
		if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), text(Pairs(pairs, room))); diff != "" {
			t.Errorf("in %d columns (-want +got):\n%s", room, diff)
		}
	}
}
