package testkit

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// Terminal is a pseudo-terminal with a command in it. It shows what a user would see.
type Terminal struct {
	t    testing.TB
	cmd  *exec.Cmd
	pty  *os.File
	view vt10x.Terminal
	seen chan struct{} // closed when all output has been shown
	raw  chan string   // then has all that was written
}

// StartInTerminal starts a command in a new terminal of that size. The command inherits nothing that says how to draw:
// neither COLUMNS nor NO_COLOR and their like, unless cmd.Env has them.
func StartInTerminal(t testing.TB, cmd *exec.Cmd, columns, rows int) *Terminal {
	t.Helper()
	if cmd.Env == nil {
		cmd.Env = Undecorated(os.Environ())
	}
	cmd.Env = append(cmd.Env, "TERM=xterm-256color") // the last one counts
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)})
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{
		t: t, cmd: cmd, pty: file, seen: make(chan struct{}), raw: make(chan string, 1),
		view: vt10x.New(vt10x.WithSize(columns, rows)),
	}
	go func() {
		defer close(term.seen)
		var raw strings.Builder
		_, _ = io.Copy(io.MultiWriter(term.view, &raw), file) // ends with an error when the command has ended
		term.raw <- raw.String()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-term.seen
		_ = file.Close()
	})
	return term
}

// Undecorated returns an environment without the variables that say how to draw.
func Undecorated(environ []string) []string {
	var rest []string
	for _, entry := range environ {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM":
		default:
			rest = append(rest, entry)
		}
	}
	return rest
}

// Screen returns what the terminal shows, without spaces at the ends of lines and empty lines at the end.
func (term *Terminal) Screen() string {
	lines := strings.Split(term.view.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// Type types text.
func (term *Terminal) Type(text string) {
	term.t.Helper()
	if _, err := io.WriteString(term.pty, text); err != nil {
		term.t.Fatal(err)
	}
}

// Resize gives the terminal another size.
func (term *Terminal) Resize(columns, rows int) {
	term.t.Helper()
	term.view.Resize(columns, rows)
	if err := pty.Setsize(term.pty, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		term.t.Fatal(err)
	}
}

// Until waits until the screen is as met wants it, and returns it. It fails at once if the command has ended and the screen
// is not so.
func (term *Terminal) Until(what string, met func(screen string) bool) string {
	term.t.Helper()
	deadline := time.After(Patience)
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for {
		var ended bool
		select {
		case <-term.seen:
			ended = true
		default:
		}
		screen := term.Screen()
		if met(screen) {
			return screen
		}
		if ended {
			term.t.Fatalf("%v has ended; in vain: %s; the terminal shows:\n%s", term.cmd, what, screen)
		}
		select {
		case <-ticks.C:
		case <-deadline:
			term.t.Fatalf("in vain: %s; the terminal shows:\n%s", what, screen)
		}
	}
}

// Wait waits for the command to end, and returns its exit status and all that it wrote.
func (term *Terminal) Wait() (status int, raw string) {
	term.t.Helper()
	select {
	case <-term.seen:
	case <-time.After(Patience):
		term.t.Fatalf("%v goes on; the terminal shows:\n%s", term.cmd, term.Screen())
	}
	_ = term.cmd.Wait()
	return term.cmd.ProcessState.ExitCode(), <-term.raw
}
