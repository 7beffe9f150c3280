package memory

import (
	"errors"
	"os"
	"sync"
	"testing"
)

func TestAllowance(t *testing.T) {
	p := newPool(t, 100*PageBytes)
	no := errors.New("no")
	var asked []int64
	allowed := new(Allowance)
	allowed.Ask = func(bytes int64) error {
		if asked = append(asked, bytes/PageBytes); bytes > 4*PageBytes {
			return no
		}
		allowed.Grant(bytes)
		return nil
	}
	allowed.Grant(PageBytes)
	a := p.NewAccount(10*PageBytes, allowed)
	m := a.NewMemory(1000 * PageBytes)
	for _, step := range []struct {
		pages  int64
		ok     bool
		denied bool
	}{{1, true, false}, {3, true, false}, {5, false, true}, {4, true, true}, {11, false, false}} {
		if got := m.Reallocate(uint64(step.pages*PageBytes)) != nil; got != step.ok || a.Denied() != step.denied {
			t.Errorf("grown to %d pages: %v, denied: %v (%v)", step.pages, got, a.Denied(), a.Refusal())
		}
	}
	if len(asked) != 3 || asked[0] != 3 || asked[1] != 5 || asked[2] != 4 {
		t.Errorf("asked for %d pages, want 3, 5 and 4", asked)
	}
	allowed.Grant(50 * PageBytes)
	if held := allowed.Settle(); held != 4*PageBytes || a.Used() != held || p.Used() != held {
		t.Errorf("%d are held, the account has %d and the pool %d", held, a.Used(), p.Used())
	}
	if m.Reallocate(uint64(6*PageBytes)) != nil || !errors.Is(a.Refusal(), no) {
		t.Errorf("it grows beyond what was settled: %v", a.Refusal())
	}
	a.Close()
	if held := allowed.Settle(); held != 0 {
		t.Errorf("a closed account holds %d", held)
	}
}

// An account that asks while it is settled never holds more than its last grant.
func TestSettleRaces(t *testing.T) {
	p := newPool(t, 0)
	var mu sync.Mutex // of the owner of the allowance
	allowed := new(Allowance)
	allowed.Ask = func(bytes int64) error {
		mu.Lock()
		defer mu.Unlock()
		allowed.Grant(bytes + 8)
		return nil
	}
	a := p.NewAccount(0, allowed)
	defer a.Close()
	var settling sync.WaitGroup
	done := make(chan struct{})
	settling.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			mu.Lock()
			held := allowed.Settle()
			if granted := allowed.granted.Load(); held > granted {
				t.Errorf("it holds %d and was granted %d", held, granted)
			}
			mu.Unlock()
		}
	})
	for range 20_000 {
		if !a.Reserve(3) {
			t.Fatal(a.Refusal())
		}
		mu.Lock() // while Settle is at work it may grant less for a moment
		used, granted := a.Used(), allowed.granted.Load()
		mu.Unlock()
		if used > granted {
			t.Fatalf("it holds %d and was granted %d", used, granted)
		}
	}
	close(done)
	settling.Wait()
	mu.Lock()
	defer mu.Unlock()
	if held := allowed.Settle(); held != a.Used() || held > allowed.granted.Load() {
		t.Errorf("in the end it holds %d, settled at %d", a.Used(), held)
	}
}

// An abandoned account counts as freeing until the other goroutine has closed it, whichever comes first.
func TestAbandon(t *testing.T) {
	told := 0
	p := NewPool(Config{OnReclaimed: func() { told++ }})
	defer p.Close()
	a := p.NewAccount(0, nil)
	a.Reserve(1000)
	a.Abandon()
	if p.Freeing() != 1000 {
		t.Errorf("%d bytes are freeing, want 1000", p.Freeing())
	}
	a.Close()
	if p.Freeing() != 0 || p.Used() != 0 || told != 1 {
		t.Errorf("closed: %d freeing, %d used, told %d times", p.Freeing(), p.Used(), told)
	}
	b := p.NewAccount(0, nil)
	b.Reserve(1000)
	b.Close()
	b.Abandon()
	if p.Freeing() != 0 {
		t.Errorf("%d bytes are freeing of what was closed before", p.Freeing())
	}
}

// A large memory of which many pages were touched counts as freeing until it is free.
func TestFreeing(t *testing.T) {
	reclaimed := make(chan struct{}, 1)
	p := NewPool(Config{OnReclaimed: func() { reclaimed <- struct{}{} }})
	defer p.Close()
	a := p.NewAccount(0, nil)
	view := a.NewMemory(gib).Reallocate(uint64(64 * mib))
	for at := range 2 * wipedPages {
		view[at*os.Getpagesize()] = 1
	}
	a.Close()
	<-reclaimed
	if p.Freeing() != 0 || p.Used() != 0 {
		t.Errorf("%d freeing, %d used", p.Freeing(), p.Used())
	}
}

// Whoever counts without an account holds what is granted, and is settled as an account is.
func TestHold(t *testing.T) {
	var allowed Allowance
	allowed.Grant(10)
	if !allowed.Hold(10) || allowed.Hold(11) || !allowed.Hold(4) {
		t.Error("what is granted is not what may be held")
	}
	if held := allowed.Settle(); held != 4 || allowed.Hold(5) {
		t.Errorf("settled to %d, and more may be held", held)
	}
}
