package screen

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// environment returns a getenv of NAME=VALUE pairs.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	}
}

func TestWantsColor(t *testing.T) {
	for _, tt := range []struct {
		environment string
		terminal    bool
		want        bool
	}{
		{"", true, true},
		{"", false, false},
		{"NO_COLOR=1", true, false},
		{"NO_COLOR=1 FORCE_COLOR=1", true, false},
		{"FORCE_COLOR=1", false, true},
		{"FORCE_COLOR=0", true, false},
		{"CLICOLOR_FORCE=1", false, true},
		{"CLICOLOR_FORCE=0", false, false},
		{"CLICOLOR=0", true, false},
		{"CLICOLOR=1", false, false},
		{"TERM=dumb", true, false},
		{"TERM=dumb FORCE_COLOR=1", true, true},
	} {
		if got := wantsColor(environment(strings.Fields(tt.environment)...), tt.terminal); got != tt.want {
			t.Errorf("with %q, terminal %t: %t", tt.environment, tt.terminal, got)
		}
	}
}

func TestPrint(t *testing.T) {
	line := Line{{Text: "ok", Style: Good}, {Text: "  "}, {Text: "\x1b[31mred\n", Style: Plain}}
	for want, env := range map[string][]string{
		"ok  \\u001b[31mred\\u000a\n":                nil,
		"\x1b[32mok\x1b[0m  \\u001b[31mred\\u000a\n": {"FORCE_COLOR=1"},
	} {
		var b bytes.Buffer
		if err := New(&b, environment(env...)).Print(line); err != nil || b.String() != want {
			t.Errorf("%q: %q, %v", env, b.String(), err)
		}
	}
}

func TestCut(t *testing.T) {
	line := Line{{Text: "abc"}, {Text: "日本"}, {Text: "xyz"}}
	for columns, want := range map[int]string{
		10: "abc日本xyz", 11: "abc日本xyz", 9: "abc日本x…", 8: "abc日本…", 7: "abc日…", 6: "abc日…", 5: "abc…", 4: "abc…", 3: "ab…", 1: "…",
	} {
		got := line.Cut(columns)
		if got.String() != want || got.Width() > columns {
			t.Errorf("%d: %q of width %d, want %q", columns, got, got.Width(), want)
		}
	}
}

func TestCutMiddle(t *testing.T) {
	for _, tt := range []struct {
		text    string
		columns int
		want    string
	}{
		{"listen:127.0.0.1:8000", 21, "listen:127.0.0.1:8000"}, {"listen:127.0.0.1:8000", 14, "listen….1:8000"},
		{"abcdef", 3, "a…f"}, {"abcdef", 2, "a…"}, {"abcdef", 1, "…"}, {"a\tb", 6, "a\\…09b"},
	} {
		if got := CutMiddle(tt.text, tt.columns); got != tt.want {
			t.Errorf("%q in %d columns is %q, want %q", tt.text, tt.columns, got, tt.want)
		}
	}
	for columns := range 12 {
		if got := CutMiddle("日本x日本語", columns); Width(got) > columns {
			t.Errorf("%d: %q of width %d", columns, got, Width(got))
		}
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		env           []string
		columns, rows int
	}{
		{nil, 80, 24},
		{[]string{"COLUMNS=132", "LINES=50"}, 132, 50},
		{[]string{"COLUMNS=-1", "LINES=many"}, 80, 24},
	} {
		columns, rows := New(io.Discard, environment(tt.env...)).Size()
		if columns != tt.columns || rows != tt.rows {
			t.Errorf("%q: %d by %d", tt.env, columns, rows)
		}
	}
}

// terminal is a pseudo-terminal, and what it shows.
type terminal struct {
	controller, file *os.File
	view             vt10x.Terminal
	t                *testing.T
}

func newTerminal(t *testing.T, columns, rows int) *terminal {
	controller, file, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = controller.Close(), file.Close() })
	term := &terminal{controller, file, vt10x.New(vt10x.WithSize(columns, rows)), t}
	term.resize(columns, rows)
	return term
}

func (term *terminal) resize(columns, rows int) {
	term.view.Resize(columns, rows)
	if err := pty.Setsize(term.file, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		term.t.Fatal(err)
	}
}

// lines returns what is shown once all that was written before has been.
func (term *terminal) lines() []string {
	const mark = "\x05" // what no test draws
	if _, err := io.WriteString(term.file, mark); err != nil {
		term.t.Fatal(err)
	}
	var written []byte
	for part := make([]byte, 1024); !bytes.HasSuffix(written, []byte(mark)); {
		n, err := term.controller.Read(part)
		if err != nil {
			term.t.Fatal(err)
		}
		written = append(written, part[:n]...)
	}
	if _, err := term.view.Write(bytes.TrimSuffix(written, []byte(mark))); err != nil {
		term.t.Fatal(err)
	}
	text := strings.Split(strings.TrimRight(term.view.String(), " \n"), "\n")
	for i := range text {
		text[i] = strings.TrimRight(text[i], " ")
	}
	return text
}

func TestLive(t *testing.T) {
	term := newTerminal(t, 20, 6)
	s := New(term.file, environment())
	live := NewLive(s)
	check := func(want ...string) {
		t.Helper()
		if got := term.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("it shows %q, want %q", got, want)
		}
	}
	draw := func(texts ...string) {
		t.Helper()
		var lines []Line
		for _, text := range texts {
			lines = append(lines, Text(text))
		}
		if err := live.Draw(lines...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Print(Text("before")); err != nil {
		t.Fatal(err)
	}
	draw("one", "two and three")
	check("before", "one", "two and three")
	draw("1")
	check("before", "1")
	draw("exactly twenty chars", "more than twenty characters", "3")
	check("before", "exactly twenty chars", "more than twenty ch…", "3")
	draw("a", "b", "c", "d", "e", "f", "g") // one row is the cursor's
	check("a", "b", "c", "d", "e")
	draw("x")
	check("x")
	live.Keep()
	draw("y")
	check("x", "y")
	if err := live.Clear(); err != nil {
		t.Fatal(err)
	}
	check("x")
}

// A terminal that becomes narrower shows a long line in several rows; all of them are drawn over.
func TestLiveResized(t *testing.T) {
	term := newTerminal(t, 20, 6)
	live := NewLive(New(term.file, environment()))
	if err := live.Draw(Text("0123456789")); err != nil {
		t.Fatal(err)
	}
	term.lines()
	// The emulator does not break lines anew as terminals do; so this is what one would show.
	term.resize(4, 6)
	if _, err := term.view.Write([]byte("\x1b[H\x1b[J0123456789\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := live.Draw(Text("done")); err != nil {
		t.Fatal(err)
	}
	if got := term.lines(); strings.Join(got, "|") != "done" {
		t.Errorf("it shows %q", got)
	}
}

func TestDumbTerminal(t *testing.T) {
	term := newTerminal(t, 20, 6)
	s := New(term.file, environment("TERM=dumb"))
	if s.CanRedraw() || !s.IsTerminal() || s.Width() != 20 {
		t.Errorf("redraws %t, terminal %t, width %d", s.CanRedraw(), s.IsTerminal(), s.Width())
	}
	if err := NewLive(s).Draw(Text("never")); err != nil {
		t.Fatal(err)
	}
	if got := term.lines(); strings.Join(got, "") != "" {
		t.Errorf("it shows %q", got)
	}
}
