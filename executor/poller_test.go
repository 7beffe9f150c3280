//go:build unix

package executor

import (
	"testing"
	"time"
)

// TestPoll: poll returns, again and again, and reads the byte that it wrote. While one goroutine polls, poll returns
// false to another.
func TestPoll(t *testing.T) {
	var p poller
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for i := range 1000 {
		if !p.poll() {
			t.Fatalf("poll %d did not poll", i)
		}
	}
	p.mu.Lock()
	if p.poll() {
		t.Error("poll polled while somebody else did")
	}
	p.mu.Unlock()
	if !p.poll() {
		t.Error("poll does not poll any more")
	}
}

// TestYielderPollsByTime: the network is polled once every pollEvery, and only if no worker sleeps.
func TestYielderPollsByTime(t *testing.T) {
	b, err := newYielder()
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	tests := []struct {
		name    string
		now     int64
		allBusy bool
		polled  int64
	}{
		{"not yet", int64(pollEvery) - 1, true, 0},
		{"a worker sleeps", int64(pollEvery), false, 0},
		{"time has come", int64(pollEvery), true, int64(pollEvery)},
		{"not again", int64(pollEvery) + 1, true, int64(pollEvery)},
		{"again", 2 * int64(pollEvery), true, 2 * int64(pollEvery)},
	}
	for _, tt := range tests {
		b.yield(time.Duration(tt.now), tt.allBusy)
		if got := b.polled.Load(); got != tt.polled {
			t.Errorf("%s: polled at %d, want %d", tt.name, got, tt.polled)
		}
	}
}
