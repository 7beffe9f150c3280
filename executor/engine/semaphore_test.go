package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSemaphore: waiters are admitted by when they came and how long they take.
func TestSemaphore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSemaphore(1, 0)
		if !s.acquire(t.Context(), time.Hour, 0, nil) {
			t.Fatal("a free semaphore is closed")
		}
		var order []string
		done := make(chan struct{})
		enter := func(ctx context.Context, name string, expected time.Duration) {
			go func() {
				if s.acquire(ctx, expected, 0, nil) {
					order = append(order, name)
					s.release(0)
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
		s.release(0)
		for range 3 {
			<-done
		}
		if want := []string{"impatient gave up", "short", "long", "late"}; !slices.Equal(order, want) {
			t.Errorf("order %q, want %q", order, want)
		}
		if s.free != 1 || s.waiting.Len() != 0 {
			t.Errorf("%d free, %d waiting", s.free, s.waiting.Len())
		}
	})
}

// TestSemaphoreHasRoom: a waiter that does not fit beside others waits, and later ones do not pass it.
func TestSemaphoreHasRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSemaphore(3, 10)
		if !s.acquire(t.Context(), 0, 6, nil) {
			t.Fatal("a free semaphore is closed")
		}
		outcomes := make(chan int64, 3) // the weight of each that was admitted, negative for each that gave up
		enter := func(ctx context.Context, weight int64) {
			go func() {
				if !s.acquire(ctx, 0, weight, nil) {
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
		s.release(6)
		synctest.Wait()
		if len(outcomes) != 2 || <-outcomes+<-outcomes != 9 || s.room != 1 || s.free != 1 {
			t.Errorf("%d more are told, %d of room and %d places are left", len(outcomes), s.room, s.free)
		}
	})
}
