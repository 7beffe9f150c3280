package registries

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns: who waits for a registry that is slow keeps nobody from another.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns
		var ends []func()
		for range maxFetches {
			end, err := all.take(t.Context(), "slow")
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := all.take(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one more has a turn: %v", err)
		}
		end, err := all.take(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		end()
		ends[0]()
		if end, err = all.take(t.Context(), "slow"); err != nil {
			t.Fatal(err)
		}
		end()
	})
}
