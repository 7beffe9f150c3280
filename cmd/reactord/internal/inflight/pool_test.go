package inflight

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestShareHasItsOwn(t *testing.T) {
	p := NewPool(100)
	hog, other := p.NewShare(10), p.NewShare(10)
	for {
		if _, ok := hog.TryTake(5); !ok {
			break
		}
	}
	h, ok := other.TryTake(10)
	if !ok || h.drawn {
		t.Fatalf("what is its own: %v, %v", h, ok)
	}
	if _, ok := hog.TryTake(10); ok {
		t.Error("one share took what is another's own")
	}
	h.Release()
	if again, ok := other.TryTake(10); !ok || again.drawn {
		t.Error("what is its own was not given back")
	}
}

// With k shares that take what they can, each has as much as is left for the next.
func TestHogLeavesRoom(t *testing.T) {
	p := NewPool(1000)
	hogs := make([]*Share, 4)
	for i := range hogs {
		hogs[i] = p.NewShare(0)
	}
	for took := true; took; {
		took = false
		for _, s := range hogs {
			_, ok := s.TryTake(1)
			took = took || ok
		}
	}
	if left := p.total - p.used; left < 199 || hogs[0].drawn > 201 {
		t.Errorf("4 hogs have %d each, and %d are left", hogs[0].drawn, left)
	}
}

func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(10)
		a, b := p.NewShare(0), p.NewShare(0)
		held, _ := a.TryTake(8)
		time.AfterFunc(time.Second, held.Release)
		start := time.Now()
		h, ok := b.Take(t.Context(), 6, 5*time.Second)
		if !ok || time.Since(start) != time.Second {
			t.Fatalf("%v after %v, want it after 1s", ok, time.Since(start))
		}
		start = time.Now()
		if _, ok := a.Take(t.Context(), 6, 5*time.Second); ok || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v, want a refusal after 5s", ok, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if _, ok := a.Take(ctx, 6, 5*time.Second); ok || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want the context's end", ok, time.Since(start))
		}
		start = time.Now()
		if _, ok := a.Take(t.Context(), 11, 5*time.Second); ok || time.Since(start) != 0 {
			t.Errorf("%v after %v: what can never be had is waited for", ok, time.Since(start))
		}
		h.Release()
		if p.used != 0 || len(p.waiting) != 0 {
			t.Errorf("%d are in use and %d wait in the end", p.used, len(p.waiting))
		}
	})
}

// A share that waits many times over does not hold up one that waits once.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1)
		flood, other := p.NewShare(0), p.NewShare(0)
		first, _ := flood.TryTake(1)
		order := make(chan string, 21)
		wait := func(s *Share, name string) {
			if h, ok := s.Take(t.Context(), 1, time.Minute); ok {
				order <- name
				h.Release()
			}
		}
		for range 20 {
			go wait(flood, "flood")
		}
		synctest.Wait()
		go wait(other, "other")
		synctest.Wait()
		first.Release()
		if got := <-order; got != "other" {
			t.Errorf("the first turn is the %s's", got)
		}
		for range 20 {
			<-order
		}
	})
}

func TestCloseGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(10)
		s, other := p.NewShare(1), p.NewShare(0)
		own, _ := s.TryTake(1)
		h, _ := s.TryTake(9)
		got := make(chan bool)
		go func() {
			_, ok := other.Take(t.Context(), 5, time.Minute)
			got <- ok
		}()
		synctest.Wait()
		s.Close()
		if !<-got {
			t.Error("what a closed share had is not given to who waits")
		}
		h.Release()
		own.Release()
		s.Close()
		if p.used != 5 || s.drawn != 0 {
			t.Errorf("%d are in use, want 5", p.used)
		}
		if _, ok := s.TryTake(9); ok {
			t.Error("a closed share draws")
		}
	})
}
