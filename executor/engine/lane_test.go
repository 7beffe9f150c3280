package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestLane: who waits is let in in the order of when it came and how long it takes.
func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1)
		if !l.enter(t.Context(), time.Hour) {
			t.Fatal("a free lane is closed")
		}
		var order []string
		done := make(chan struct{})
		enter := func(ctx context.Context, name string, expected time.Duration) {
			go func() {
				if l.enter(ctx, expected) {
					order = append(order, name)
					l.leave()
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
		l.leave()
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
