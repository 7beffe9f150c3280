package screen

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// The size of a terminal that does not tell its own.
const (
	defaultColumns = 80
	defaultRows    = 24
)

// Screen is where a command writes for people.
type Screen struct {
	out      io.Writer
	terminal *os.File // nil if out is none
	getenv   func(string) string
	colored  bool
}

// New returns the screen that writes to out, which is a terminal, a file or a pipe. It writes bytes that it does not
// escape, so out must pass them on unchanged.
func New(out io.Writer, getenv func(string) string) *Screen {
	s := &Screen{out: out, getenv: getenv}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = f
	}
	s.colored = wantsColor(getenv, s.terminal != nil)
	return s
}

// wantsColor follows the conventions: NO_COLOR (no-color.org) before all, then FORCE_COLOR, CLICOLOR_FORCE and
// CLICOLOR, then whether there is a terminal that knows more than text.
func wantsColor(getenv func(string) string, terminal bool) bool {
	isOn := func(name string) bool {
		value := getenv(name)
		return value != "" && value != "0" && value != "false"
	}
	switch {
	case getenv("NO_COLOR") != "":
		return false
	case isOn("FORCE_COLOR"), isOn("CLICOLOR_FORCE"):
		return true
	case getenv("CLICOLOR") == "0", getenv("FORCE_COLOR") == "0", getenv("TERM") == "dumb":
		return false
	}
	return terminal
}

// IsTerminal reports whether people see what is written as it is written.
func (s *Screen) IsTerminal() bool { return s.terminal != nil }

// CanRedraw reports whether a Live is drawn in place.
func (s *Screen) CanRedraw() bool { return s.terminal != nil && s.getenv("TERM") != "dumb" }

// Size returns the terminal's columns and rows; COLUMNS and LINES override what it says. It asks each time, since a
// window can be resized.
func (s *Screen) Size() (columns, rows int) {
	if s.terminal != nil {
		columns, rows, _ = term.GetSize(int(s.terminal.Fd())) // zero if it does not tell
	}
	return s.override("COLUMNS", columns, defaultColumns), s.override("LINES", rows, defaultRows)
}

func (s *Screen) override(variable string, told, fallback int) int {
	if n, err := strconv.Atoi(s.getenv(variable)); err == nil && n > 0 {
		return n
	}
	if told > 0 {
		return told
	}
	return fallback
}

// Width returns how wide a table may be: the terminal's columns, or zero, for any width, if there is no terminal.
func (s *Screen) Width() int {
	if s.terminal == nil {
		return 0
	}
	columns, _ := s.Size()
	return columns
}

// Print writes lines.
func (s *Screen) Print(lines ...Line) error {
	var b bytes.Buffer
	for _, line := range lines {
		s.render(&b, line)
		b.WriteByte('\n')
	}
	_, err := s.out.Write(b.Bytes())
	return err
}

// Styled returns a line in the form in which Print writes it.
func (s *Screen) Styled(line Line) string {
	var b bytes.Buffer
	s.render(&b, line)
	return b.String()
}

func (s *Screen) render(b *bytes.Buffer, line Line) {
	for _, span := range line {
		text := span.text()
		if !s.colored || span.Style == Plain || strings.TrimSpace(text) == "" {
			b.WriteString(text)
			continue
		}
		fmt.Fprintf(b, "\x1b[%sm%s\x1b[0m", codes[span.Style], text)
	}
}
