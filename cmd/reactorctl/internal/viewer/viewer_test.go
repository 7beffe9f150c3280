package viewer

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/reactord/reactord/cmd/internal/screen"
)

// stalled is a model that does not come to an end of drawing.
type stalled struct {
	drawing chan struct{}
	once    sync.Once
	goOn    chan struct{}
}

func (s *stalled) OnKey(string) bool { return false }

func (s *stalled) Lines(int, int) []screen.Line {
	s.once.Do(func() { close(s.drawing) })
	<-s.goOn
	return nil
}

// A process that ends at once, in the middle of whatever it does, leaves the terminal as it was.
func TestRestore(t *testing.T) {
	host, tty, err := pty.Open()
	if err != nil {
		t.Skip("there are no pseudo-terminals here:", err)
	}
	defer host.Close() // and not tty: a goroutine of the library may still look at it
	var shown buffer
	go shown.readAll(host)
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	model := &stalled{drawing: make(chan struct{}), goOn: make(chan struct{})}
	restores := make(chan func(), 2)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- Show(ctx, Terminal{In: tty, Out: tty, Screen: screen.New(tty, os.Getenv), FullScreen: true, OnShow: func(restore func()) { restores <- restore }},
			model, func(context.Context, func(func())) error { return nil })
	}()
	restore := <-restores
	<-model.drawing
	if state, err := term.GetState(int(tty.Fd())); err != nil || *state == *before {
		t.Errorf("the terminal was not taken: %v", err)
	}
	restore()
	if state, err := term.GetState(int(tty.Fd())); err != nil || *state != *before {
		t.Errorf("the terminal is not as it was: %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(shown.String(), leave); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it shows %q", shown.String())
		}
	}
	close(model.goOn)
	cancel()
	if err := <-ended; err == nil {
		t.Error("there is no error")
	}
	if restore := <-restores; restore != nil {
		t.Error("what has ended is to be restored")
	}
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) readAll(f *os.File) {
	part := make([]byte, 1<<10)
	for {
		n, err := f.Read(part)
		b.mu.Lock()
		b.b.Write(part[:n])
		b.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
