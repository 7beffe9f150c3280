package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestLane: waiters are admitted by when they came and how long they take.
func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1, 0)
		if !l.enter(t.Context(), time.Hour, 0, nil) {
			t.Fatal("a free lane is closed")
		}
		var order []string
		done := make(chan struct{})
		enter := func(ctx context.Context, name string, expected time.Duration) {
			go func() {
				if l.enter(ctx, expected, 0, nil) {
					order = append(order, name)
					l.leave(0)
				} else {
					order = append(order, name+" gave up")
				}
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		enter(t.Context(), "long", time.Minute)
		enter(t.Context(), "short", time.Second)
		impatient, stop := context.WithCancel(t.Context())
		enter(impatient, "impatient", time.Millisecond)
		stop()
		<-done
		time.Sleep(patience * time.Minute)
		enter(t.Context(), "late", time.Second) // after the long one's patience
		l.leave(0)
		for range 3 {
			<-done
		}
		if want := []string{"impatient gave up", "short", "long", "late"}; !slices.Equal(order, want) {
			t.Errorf("order %q, want %q", order, want)
		}
		if l.free != 1 || l.waiting.Len() != 0 {
			t.Errorf("%d free, %d waiting", l.free, l.waiting.Len())
		}
	})
}

// TestLaneHasRoom: a waiter that does not fit beside others waits, and later ones do not pass it.
func TestLaneHasRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(3, 10)
		if !l.enter(t.Context(), 0, 6, nil) {
			t.Fatal("a free lane is closed")
		}
		outcomes := make(chan int64, 3) // the weight of each that was admitted, negative for each that gave up
		enter := func(ctx context.Context, weight int64) {
			go func() {
				if !l.enter(ctx, 0, weight, nil) {
					weight = -weight
				}
				outcomes <- weight
			}()
			time.Sleep(time.Second)
			synctest.Wait()
		}
		impatient, stop := context.WithCancel(t.Context())
		enter(impatient, 10)
		enter(t.Context(), 5)
		enter(t.Context(), 4)
		if n := len(outcomes); n > 0 {
			t.Fatalf("%d were let in beside 6 of 10, or gave up", n)
		}
		stop()
		if first := <-outcomes; first != -10 {
			t.Fatalf("%d was let in beside 6 of 10", first)
		}
		synctest.Wait()
		if n := len(outcomes); n > 0 {
			t.Fatalf("%d passed the 5 that there is no room for", n)
		}
		l.leave(6)
		synctest.Wait()
		if len(outcomes) != 2 || <-outcomes+<-outcomes != 9 || l.room != 1 || l.free != 1 {
			t.Errorf("%d more are told, %d of room and %d places are left", len(outcomes), l.room, l.free)
		}
	})
}
