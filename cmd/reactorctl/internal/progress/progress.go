// Package progress tells people what a command waits for, if it lasts: on a terminal in one line that is drawn in place
// and removed at the end, elsewhere in a line that is printed once after a longer time.
//
// A Reporter may be used from several goroutines. While a wait is shown, one goroutine draws it; the function that ends
// the wait returns when that has ended. Writing blocks as long as the terminal does.
package progress

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/screen"
)

const (
	// terminalDelay is how long a wait lasts before it is shown on a terminal, and otherDelay before it is printed
	// elsewhere.
	terminalDelay = time.Second
	otherDelay    = 10 * time.Second
	// interval is the time between two looks at what is waited for.
	interval = time.Second
)

// Reporter shows waits and prints messages.
type Reporter struct {
	// Quiet leaves out all of it.
	Quiet bool

	mu     sync.Mutex
	waits  []*wait // that go on; the last one began last, and is the one that is shown
	out    io.Writer
	screen *screen.Screen
	live   *screen.Live
}

// New returns a reporter that writes to out: a terminal, a file or a pipe.
func New(out io.Writer, getenv func(string) string) *Reporter {
	s := screen.New(out, getenv)
	return &Reporter{out: out, screen: s, live: screen.NewLive(s)}
}

// Say prints a message in a line of its own.
func (r *Reporter) Say(message string) {
	if r.Quiet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.live.Clear() // nobody is told if standard error fails
	fmt.Fprintf(r.out, "reactorctl: %s\n", printable.Text(message))
}

// Write prints text of others, such as a compiler's, in its printable form. It does so even if the reporter is quiet.
func (r *Reporter) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.live.Clear() // as in Say
	if _, err := io.WriteString(r.out, printable.Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Clear removes what is drawn, so that others can write to the same terminal. The next look draws it again, below.
func (r *Reporter) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.live.Clear() // as in Say
}

// Wait shows text until done is called, if that takes a while.
func (r *Reporter) Wait(text string) (done func()) {
	return r.Watch(func(context.Context) (string, bool) { return text, true })
}

// wait is a wait that goes on. It has a size, so that each has an address of its own.
type wait struct{ _ byte }

// Watch shows what look returns, again and again until done is called, or until look says that there is nothing more
// to show. The context of look ends when done is called. Of several waits at a time the terminal shows the last.
func (r *Reporter) Watch(look func(context.Context) (text string, more bool)) (done func()) {
	if r.Quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var showing sync.WaitGroup
	w := r.begin()
	showing.Go(func() {
		defer r.end(w)
		r.show(ctx, w, look)
	})
	return func() {
		cancel()
		showing.Wait()
	}
}

func (r *Reporter) begin() *wait {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := new(wait)
	r.waits = append(r.waits, w)
	return w
}

// end removes a wait, and what it has drawn.
func (r *Reporter) end(w *wait) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isShown(w) {
		_ = r.live.Clear() // as in Say
	}
	r.waits = slices.DeleteFunc(r.waits, func(other *wait) bool { return other == w })
}

func (r *Reporter) isShown(w *wait) bool { return r.waits[len(r.waits)-1] == w }

func (r *Reporter) show(ctx context.Context, w *wait, look func(context.Context) (string, bool)) {
	redraws := r.screen.CanRedraw()
	delay := otherDelay
	if redraws {
		delay = terminalDelay
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		text, more := look(ctx)
		switch {
		case !more || ctx.Err() != nil:
			return
		case redraws:
			r.draw(w, text)
			timer.Reset(interval)
		case text != "":
			r.Say(text)
			return
		default:
			timer.Reset(interval)
		}
	}
}

// draw draws a wait's text in place of the last one; an empty one removes it.
func (r *Reporter) draw(w *wait, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.isShown(w):
		return
	case text == "":
		_ = r.live.Clear() // as in Say
		return
	}
	_ = r.live.Draw(screen.Line{{Text: text, Style: screen.Faint}})
}
