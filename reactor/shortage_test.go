package reactor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/hostcalls"
)

// However often guests are refused descriptors, one line a minute says so, with how often it was.
func TestShortageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		budget := hostcalls.NewBudget(2)
		s := newShortage(zap.New(core), budget)
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go s.run(ctx)
		told := func(want ...uint64) {
			t.Helper()
			synctest.Wait()
			all := logs.TakeAll()
			if len(all) != len(want) {
				t.Fatalf("%d lines, want %d", len(all), len(want))
			}
			for i, line := range all {
				if got := line.ContextMap(); got["refused"] != want[i] || got["workload"] != "greedy" || got["descriptors_of_guests"] != int64(2) || got["descriptors_for_guests"] != int64(2) {
					t.Errorf("line %d tells %v", i, got)
				}
			}
		}
		if !budget.Take("greedy", 2) {
			t.Fatal("nothing is left")
		}
		told()
		budget.Take("greedy", 1)
		told(1)
		for range 100 {
			budget.Take("greedy", 1)
		}
		told()
		time.Sleep(shortageInterval)
		told(100)
		time.Sleep(10 * shortageInterval)
		told()
		budget.Take("greedy", 1)
		told(1)
	})
}
