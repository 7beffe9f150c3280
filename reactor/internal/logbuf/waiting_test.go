package logbuf

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// fill appends to a log until it has no room, and returns how much it took.
func fill(l *Log) (n int) {
	for {
		k, err := appendTo(l, store.Stdout, make([]byte, maxWrite))
		if err != nil {
			return n
		}
		n += k
	}
}

// TestWaiting: of many writers that wait, a release wakes exactly those whose logs have room, those that hold the least
// first, and of equals in their order.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, 1<<20)
		loud := s.NewLog("loud", 1, 1<<30, Origin{})
		fill(loud)
		var logs []*Log
		for i := range 20 { // the further behind, the fuller
			l := s.NewLog(fmt.Sprint(i), 1, 1<<30, Origin{})
			_, _ = appendTo(l, store.Stdout, make([]byte, 1<<10*(1+i/2)))
			logs = append(logs, l)
		}
		fill(loud)
		s.mu.Lock()
		s.charge(loud, s.cfg.Bytes-s.used) // nobody has room
		s.mu.Unlock()
		var woken, want []int
		for i, l := range logs {
			l.Notify(func() { woken = append(woken, i) }, false)
			l.Notify(func() { woken = append(woken, i) }, false)()
		}
		hasRoom := func() (now []int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for i, l := range logs {
				if s.hasRoom(l) {
					now = append(now, i)
				}
			}
			return now
		}
		for range 100 {
			s.release(loud, 512)
			if want = hasRoom(); !slices.Equal(woken, want) {
				t.Fatalf("with %d bytes free %v are woken, want %v", s.cfg.Bytes-s.Used(), woken, want)
			}
		}
		if len(woken) != len(logs) {
			t.Errorf("%v are woken", woken)
		}
		if len(s.waiting)+len(s.waitingOver) != 0 {
			t.Errorf("%d wait still", len(s.waiting)+len(s.waitingOver))
		}
		s.release(loud, loud.charged-1) // what it holds was charged by hand
	})
}

// TestWaitingMoves: the place of a log in the queue follows what it holds, and whether it is over its window.
func TestWaitingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, 1<<20)
		loud, a, b := s.NewLog("loud", 1, 1<<30, Origin{}), s.NewLog("a", 1, 1<<30, Origin{}), s.NewLog("b", 1, 1<<30, Origin{})
		fill(loud)
		_, _ = appendTo(a, store.Stdout, make([]byte, 4<<10))
		_, _ = appendTo(b, store.Stdout, make([]byte, 8<<10))
		s.mu.Lock()
		s.charge(loud, s.cfg.Bytes-s.used)
		s.mu.Unlock()
		woken := ""
		a.Notify(func() { woken += "a" }, false)
		b.Notify(func() { woken += "b" }, false)
		s.mu.Lock()
		s.charge(b, -6<<10) // now it holds less than a
		s.charge(loud, 6<<10)
		s.mu.Unlock()
		if s.waiting[0] != b {
			t.Error("the queue is not in order")
		}
		s.setOver(b)
		if len(s.waiting) != 1 || len(s.waitingOver) != 1 {
			t.Errorf("%d and %d wait", len(s.waiting), len(s.waitingOver))
		}
		s.release(loud, 64<<10)
		if woken != "ba" && woken != "ab" {
			t.Errorf("woken are %q", woken)
		}
	})
}

// TestWaitersTakeTurns: of guests that write as much as they can, with hardly any memory, none starves. (Who comes first
// takes half of what is free, so they are not equally fast.)
func TestWaitersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const logs, rounds = 50, 400
		d := &tape{}
		s := NewSpool(Config{Store: d, Bytes: 256 << 10, Age: time.Second, OnFailed: func(string, error) {}})
		defer s.Close()
		written := make([]int, logs)
		ready := make([]int, 0, logs) // the logs whose writers run, in the order in which they were woken
		var all []*Log
		for i := range logs {
			all = append(all, s.NewLog(fmt.Sprint(i), 1, 1<<30, Origin{}))
			ready = append(ready, i)
		}
		for range rounds {
			for len(ready) > 0 {
				i := ready[0]
				ready = ready[1:]
				n, err := appendTo(all[i], store.Stdout, make([]byte, maxWrite))
				switch {
				case errors.Is(err, ErrNoRoom):
					all[i].Notify(func() { ready = append(ready, i) }, false)
				case err != nil:
					t.Fatal(err)
				default:
					written[i] += n
					ready = append(ready, i)
				}
			}
			synctest.Wait()
			d.commit()
		}
		if least, most := slices.Min(written), slices.Max(written); least < most/16 {
			t.Errorf("they have written %d to %d bytes: %v", least, most, written)
		}
	})
}

// BenchmarkRelease takes room and gives it back, while the writers of many other logs wait for more than that.
func BenchmarkRelease(b *testing.B) {
	for _, waiters := range []int{0, 100, 10_000, 100_000} {
		b.Run(fmt.Sprint(waiters), func(b *testing.B) {
			s := NewSpool(Config{Store: &scale{}, Bytes: 1 << 30, Age: time.Hour, OnFailed: func(string, error) {}})
			defer s.Close()
			loud := s.NewLog("loud", 1, 1<<40, Origin{})
			s.mu.Lock()
			s.charge(loud, 1<<30)
			s.mu.Unlock()
			for i := range waiters {
				s.NewLog(fmt.Sprint(i), 1, 1<<40, Origin{}).Notify(func() { b.Error("woken") }, false)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.release(loud, 1)
				s.mu.Lock()
				s.charge(loud, 1)
				s.mu.Unlock()
			}
		})
	}
}
