package pipes

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

var pair = Pair{"t", "a", "b"}

// registry says how workloads stand.
type registry struct {
	mu    sync.Mutex
	b     Standing
	fails error
}

func (r *registry) look(Pair, Side) (Standing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b, r.fails
}

func (r *registry) set(b Standing, fails error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b, r.fails = b, fails
}

// A partner that is not there is waited for, for so long as it may come.
func TestPatience(t *testing.T) {
	const patience = time.Minute
	for _, tt := range []struct {
		name   string
		first  Standing
		then   Standing // after half of patience
		broken time.Duration
		why    string
	}{
		{"never submitted", Unknown, Unknown, patience, "workload b was not submitted within 1m0s"},
		{"submitted late", Unknown, Coming, 0, ""},
		{"submitted with another partner", Unknown, Other, patience, "workload b has another partner"},
		{"queued", Coming, Coming, 0, ""},
		{"ended", Ended, Ended, time.Nanosecond, "workload b had ended"},
		{"other", Other, Other, time.Nanosecond, "workload b has another partner"},
		{"ends", Ending, Ended, patience/2 + recheck, "workload b had ended"},
		{"is put back", Ending, Coming, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := &registry{b: tt.first}
				p := New(Config{Look: reg.look, Patience: patience})
				defer p.Close()
				w := p.JoinFrom(pair)
				start, told := time.Now(), make(chan time.Duration, 1)
				_, err := w.Write([]byte("x"))
				if errors.Is(err, hostcalls.ErrWouldBlock) {
					defer w.Notify(func() { told <- time.Since(start) + time.Nanosecond })()
				} else {
					told <- time.Nanosecond
				}
				time.Sleep(patience / 2)
				reg.set(tt.then, nil)
				time.Sleep(100 * patience)
				if tt.broken == 0 {
					if len(told) > 0 {
						t.Error("it waits no more")
					}
					return
				}
				if at := <-told; at > tt.broken+time.Nanosecond {
					t.Errorf("broken after %v, want %v", at, tt.broken)
				}
				if _, err := w.Write([]byte("x")); !errors.Is(err, hostcalls.ErrBrokenPipe) || w.Fault() != tt.why {
					t.Errorf("%v, because %q, want %q", err, w.Fault(), tt.why)
				}
			})
		})
	}
}

// An error of the store decides nothing.
func TestLookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &registry{fails: errors.New("the disk hangs")}
		p := New(Config{Look: reg.look, Patience: time.Minute})
		defer p.Close()
		r := p.JoinTo(pair)
		time.Sleep(time.Hour)
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, hostcalls.ErrWouldBlock) {
			t.Error(err)
		}
		reg.set(Ended, nil)
		time.Sleep(time.Minute)
		if _, err := r.Read(make([]byte, 1)); err == nil || err.Error() != "workload a had ended" || r.Fault() != err.Error() {
			t.Errorf("%v", err)
		}
	})
}

// An attempt that has used a pipe can't be replaced by another; one that has not can.
func TestNextAttempt(t *testing.T) {
	p := New(Config{Look: func(Pair, Side) (Standing, error) { return Coming, nil }, Patience: time.Minute})
	defer p.Close()
	w := p.JoinFrom(pair)
	p.JoinTo(pair)
	p.OnEnd("t", "b", Again)
	r := p.JoinTo(pair)
	if n, err := w.Write([]byte("abc")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := r.Read(make([]byte, 2)); n != 2 || err != nil || r.Transferred(hostcalls.OpRead) != 2 {
		t.Fatal(n, err)
	}
	p.OnEnd("t", "b", Again)
	again := p.JoinTo(pair)
	if _, err := again.Read(make([]byte, 2)); err == nil || err.Error() != "workload b was sent back to the queue, for the node's memory, after it had used the pipe" {
		t.Errorf("the next attempt reads %v", err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, hostcalls.ErrBrokenPipe) || w.Fault() != "workload b was sent back to the queue, for the node's memory, after it had used the pipe" {
		t.Errorf("the writer gets %v, %q", err, w.Fault())
	}
}

// A guest that closes one end half-closes the pipe.
func TestHalfClose(t *testing.T) {
	p := New(Config{Look: func(Pair, Side) (Standing, error) { return Coming, nil }, Patience: time.Minute})
	defer p.Close()
	w, r := p.JoinFrom(pair), p.JoinTo(pair)
	_, _ = w.Write([]byte("abc"))
	_ = w.Close()
	b := make([]byte, 8)
	if n, err := r.Read(b); n != 3 || err != nil {
		t.Error(n, err)
	}
	if _, err := r.Read(b); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	p.OnEnd("t", "a", Failed) // it had said that this is all
	if _, err := r.Read(b); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	p.OnEnd("t", "b", Exited)
	if p.count.Load() != 0 {
		t.Error("the pair is kept")
	}

	w, r = p.JoinFrom(pair), p.JoinTo(pair)
	_ = r.Close()
	if _, err := w.Write([]byte("x")); !errors.Is(err, hostcalls.ErrBrokenPipe) || w.Fault() != "workload b reads no more" {
		t.Errorf("%v, %q", err, w.Fault())
	}
}
