package closing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// TestWhatHangsIsLeft: a part that does not close is left when time is up, and told; the others are closed all
// the same, each with time of its own.
func TestWhatHangsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		release := make(chan struct{})
		var order []string
		begin := time.Now()
		err := Parts(ctx, zap.NewNop(), []Part{
			{"hung", func(context.Context) error { <-release; return nil }},
			{"slow", func(context.Context) error {
				time.Sleep(Least - time.Second)
				order = append(order, "slow")
				return nil
			}},
			{"knowing", func(ctx context.Context) error { <-ctx.Done(); return errors.New("a job hangs") }},
			{"good", func(context.Context) error { order = append(order, "good"); return nil }},
		})
		if took, most := time.Since(begin), 10*time.Second+2*Least; took > most {
			t.Errorf("it took %v, more than %v", took, most)
		}
		if got := fmt.Sprint(order); got != "[slow good]" {
			t.Errorf("closed %s", got)
		}
		if got := fmt.Sprint(err); !strings.Contains(got, "hung: it hangs") || !strings.Contains(got, "knowing: a job hangs") {
			t.Errorf("told: %s", got)
		}
		close(release)
	})
}
