// Package viewer shows in a terminal what goes on, until a key ends it. It is the only package that knows the terminal
// library.
//
// A Model is used by one goroutine, which Show starts: keys, changes and drawing come one after the other. The Feed has a
// goroutine of its own, which Show ends and waits for. The terminal is as it was when Show returns, whatever ends it.
package viewer

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
)

// Model is what is shown.
type Model interface {
	// OnKey takes a key, such as "a", "up", "pgdown", "enter" or "space". If it returns true, Show ends.
	OnKey(key string) (end bool)
	// Lines returns what fits into a terminal of that size.
	Lines(columns, rows int) []screen.Line
}

// Feed brings news until ctx ends. Each change is made, and then shown, by the model's goroutine. If Feed returns an error,
// Show returns it, and otherwise goes on.
type Feed func(ctx context.Context, change func(func())) error

// Terminal is where a model is shown.
type Terminal struct {
	In     io.Reader
	Out    io.Writer
	Screen *screen.Screen // of Out
	// FullScreen takes all of the terminal, and gives it back at the end. Otherwise the lines are drawn below what is
	// there, and stay.
	FullScreen bool
	// OnShow, unless nil, is called with what gives the terminal back at once, whatever goes on, for a process that is
	// about to end; and with nil when the terminal has been given back.
	OnShow func(restore func())
}

// reset turns off what the library turns on: pasted text in brackets, keys told from others, a hidden cursor.
const reset = "\x1b[?2004l\x1b[<u\x1b[>4m\x1b[?25h"

// leave leaves the screen beside the lines of before.
const leave = "\x1b[?1049l"

// restorePatience is how long a terminal that takes nothing is waited for.
const restorePatience = 200 * time.Millisecond

// restorer returns what gives the terminal back as it is now.
func (t Terminal) restorer() func() {
	keys, _ := keyboard(t.In).(*os.File)
	var before *term.State
	if keys != nil {
		before, _ = term.GetState(int(keys.Fd())) // if that fails there is nothing to restore
	}
	return func() {
		if before != nil {
			_ = term.Restore(int(keys.Fd()), before) // nobody could do more
		}
		written := make(chan struct{})
		go func() {
			defer close(written)
			text := reset
			if t.FullScreen {
				text += leave
			}
			_, _ = io.WriteString(t.Out, text) // as above
		}()
		select {
		case <-written:
		case <-time.After(restorePatience):
		}
	}
}

// Show shows a model until a key ends it, ctx ends, or feed fails. Of Ctrl-C it makes the error of the signal, as the
// terminal does elsewhere.
func Show(ctx context.Context, terminal Terminal, model Model, feed Feed) error {
	feeding, stop := context.WithCancel(ctx)
	defer stop()
	if terminal.OnShow != nil {
		terminal.OnShow(terminal.restorer())
		defer terminal.OnShow(nil)
	}
	shown := &program{terminal: terminal, model: model}
	running := tea.NewProgram(shown, tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithOutput(terminal.Out), tea.WithInput(keyboard(terminal.In)))
	var feeder sync.WaitGroup
	feeder.Go(func() {
		err := feed(feeding, func(change func()) { running.Send(changeMsg(change)) })
		if err != nil && feeding.Err() == nil {
			running.Send(endMsg{err})
		}
	})
	_, err := running.Run()
	stop()
	feeder.Wait()
	switch {
	case shown.end != nil:
		return shown.end
	case errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// keyboard returns the terminal that keys come from, nil if there is none.
func keyboard(in io.Reader) io.Reader {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// changeMsg is a change to make, and endMsg the error of a feed.
type (
	changeMsg func()
	endMsg    struct{ err error }
)

// program is a model for the terminal library.
type program struct {
	terminal Terminal
	model    Model
	end      error
	over     bool
}

func (p *program) Init() tea.Cmd { return nil }

func (p *program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case changeMsg:
		msg()
	case endMsg:
		p.end, p.over = msg.err, true
		return p, tea.Quit
	case tea.PasteMsg:
		for _, r := range msg.Content {
			p.model.OnKey(string(r))
		}
	case tea.KeyPressMsg:
		return p, p.onKey(msg)
	}
	return p, nil
}

func (p *program) onKey(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	switch key {
	case "ctrl+c":
		p.end = interrupt.Signal{Signal: syscall.SIGINT}
	case "ctrl+\\":
		p.end = interrupt.Signal{Signal: syscall.SIGQUIT}
	case "ctrl+z":
		return tea.Suspend
	default:
		if msg.Text != "" && msg.Text != " " {
			key = msg.Text
		}
		if !p.model.OnKey(key) {
			return nil
		}
	}
	p.over = true
	return tea.Quit
}

func (p *program) View() tea.View {
	columns, rows := p.terminal.Screen.Size()
	var lines []string
	for _, line := range p.model.Lines(columns, rows) {
		lines = append(lines, p.terminal.Screen.Styled(line.Cut(columns)))
	}
	if !p.terminal.FullScreen {
		// The library erases the row of the cursor at the end, so that is a row of its own below the lines.
		lines = append(lines[:min(len(lines), max(rows-1, 1))], "")
	}
	view := tea.NewView(strings.Join(lines[:min(len(lines), rows)], "\n"))
	view.AltScreen = p.terminal.FullScreen
	return view
}
