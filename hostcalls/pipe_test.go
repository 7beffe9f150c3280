package hostcalls

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPipeStates(t *testing.T) {
	tests := []struct {
		name     string
		prepare  func(*Pipe)
		readN    int
		readErr  error
		writeN   int
		writeErr error
	}{
		{"empty", func(*Pipe) {}, 0, ErrWouldBlock, 8, nil},
		{"partly full", func(p *Pipe) { fill(t, p, 510) }, 8, nil, 2, nil},
		{"full", func(p *Pipe) { fill(t, p, 512) }, 8, nil, 0, ErrWouldBlock},
		{"write side closed", (*Pipe).CloseWrite, 0, io.EOF, 0, io.ErrClosedPipe},
		{"write side closed with bytes left", func(p *Pipe) { fill(t, p, 3); p.CloseWrite() }, 3, nil, 0, io.ErrClosedPipe},
		{"failed with bytes left", func(p *Pipe) { fill(t, p, 3); p.Fail(errFailed) }, 3, nil, 0, io.ErrClosedPipe},
		{"failed", func(p *Pipe) { p.Fail(errFailed) }, 0, errFailed, 0, io.ErrClosedPipe},
		{"failed after its end", func(p *Pipe) { p.CloseWrite(); p.Fail(errFailed) }, 0, io.EOF, 0, io.ErrClosedPipe},
		{"held", (*Pipe).Hold, 0, ErrWouldBlock, 0, ErrWouldBlock},
		{"released", func(p *Pipe) { p.Hold(); p.Release() }, 0, ErrWouldBlock, 8, nil},
		{"held and read side closed", func(p *Pipe) { p.Hold(); p.CloseRead() }, 0, io.ErrClosedPipe, 0, ErrBrokenPipe},
		{"read side closed", func(p *Pipe) { fill(t, p, 3); p.CloseRead() }, 0, io.ErrClosedPipe, 0, ErrBrokenPipe},
		{"read side closed when full", func(p *Pipe) { fill(t, p, 512); p.CloseRead() }, 0, io.ErrClosedPipe, 0, ErrBrokenPipe},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read, write := NewPipe(512), NewPipe(512)
			tt.prepare(read)
			tt.prepare(write)
			if n, err := read.Reader().Read(make([]byte, 8)); n != tt.readN || !errors.Is(err, tt.readErr) {
				t.Errorf("Read = %d, %v; want %d, %v", n, err, tt.readN, tt.readErr)
			}
			if n, err := write.Writer().Write(make([]byte, 8)); n != tt.writeN || !errors.Is(err, tt.writeErr) {
				t.Errorf("Write = %d, %v; want %d, %v", n, err, tt.writeN, tt.writeErr)
			}
			read, write = NewPipe(512), NewPipe(512)
			tt.prepare(read)
			tt.prepare(write)
			if got, want := notified(read.Reader()), !errors.Is(tt.readErr, ErrWouldBlock); got != want {
				t.Errorf("reader is ready: %v, want %v", got, want)
			}
			if got, want := notified(write.Writer()), !errors.Is(tt.writeErr, ErrWouldBlock); got != want {
				t.Errorf("writer is ready: %v, want %v", got, want)
			}
		})
	}
}

var errFailed = errors.New("failed")

func fill(t *testing.T, p *Pipe, n int) {
	t.Helper()
	if got, err := p.Writer().Write(make([]byte, n)); got != n || err != nil {
		t.Fatalf("Write of %d = %d, %v", n, got, err)
	}
}

// notified reports whether Notify calls ready at once.
func notified(n Notifier) bool {
	called := false
	n.Notify(func() { called = true })()
	return called
}

func TestPipeLevel(t *testing.T) {
	p := NewPipe(512)
	fill(t, p, 100)
	if n, hangup := p.Reader().Level(); n != 100 || hangup {
		t.Errorf("reader's level = %d, %v; want 100, false", n, hangup)
	}
	if n, hangup := p.Writer().Level(); n != 412 || hangup {
		t.Errorf("writer's level = %d, %v; want 412, false", n, hangup)
	}
	p.CloseWrite()
	if n, hangup := p.Reader().Level(); n != 100 || !hangup {
		t.Errorf("reader's level = %d, %v; want 100, true", n, hangup)
	}
	p.CloseRead()
	if _, hangup := p.Writer().Level(); !hangup {
		t.Error("the writer is not told that the reader has gone")
	}
}

func TestPipeNotifyIsCalledOnceAndNotAfterStop(t *testing.T) {
	p := NewPipe(512)
	calls, stopped := 0, 0
	p.Reader().Notify(func() { calls++ })
	stop := p.Reader().Notify(func() { stopped++ })
	stop()
	stop()
	fill(t, p, 1)
	fill(t, p, 1)
	if calls != 1 || stopped != 0 {
		t.Errorf("called %d times, and %d after stop; want 1 and 0", calls, stopped)
	}
}

func TestPipeGivesBackMemory(t *testing.T) {
	p := NewPipe(64 << 10)
	fill(t, p, 64<<10)
	if _, err := io.ReadFull(p.Reader(), make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if len(p.ring) > minRing {
		t.Errorf("an empty pipe holds on to %d bytes", len(p.ring))
	}
}

// TestPipeKeepsOrder sends random bytes in random pieces from one goroutine to another, by way of
// the blocking functions, through a pipe that is much smaller.
func TestPipeKeepsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 200_000)
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	p := NewPipe(1024)
	failed := make(chan error, 1)
	go func() {
		defer p.CloseWrite()
		pieces := rand.New(rand.NewPCG(3, 4))
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+pieces.IntN(3000))
			if _, err := WriteContext(context.Background(), p.Writer(), rest[:n]); err != nil {
				failed <- err
				return
			}
			rest = rest[n:]
		}
		failed <- nil
	}()
	var got bytes.Buffer
	buf := make([]byte, 1500)
	for {
		n, err := ReadContext(context.Background(), p.Reader(), buf[:1+random.IntN(len(buf))])
		got.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("what was read is not what was written")
	}
}

func TestContextEndsWait(t *testing.T) {
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	p := NewPipe(512)
	if _, err := ReadContext(ctx, p.Reader(), make([]byte, 1)); !errors.Is(err, cause) {
		t.Errorf("ReadContext = %v, want the cause", err)
	}
	if n, err := WriteContext(ctx, p.Writer(), make([]byte, 600)); n != 512 || !errors.Is(err, cause) {
		t.Errorf("WriteContext = %d, %v; want 512 and the cause", n, err)
	}
	if len(p.readers.list)+len(p.writers.list) != 0 {
		t.Error("callbacks were left behind")
	}
}

func TestEmptyAndDiscard(t *testing.T) {
	if n, err := (Empty{}).Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Empty: Read = %d, %v", n, err)
	}
	if n, err := (Discard{}).Write(make([]byte, 7)); n != 7 || err != nil {
		t.Errorf("Discard: Write = %d, %v", n, err)
	}
	if !notified(Empty{}) || !notified(Discard{}) {
		t.Error("not ready")
	}
}
