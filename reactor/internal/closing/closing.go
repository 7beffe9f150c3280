// Package closing closes the parts of something one after the other, without hanging on one that hangs.
package closing

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Part is something to be closed.
type Part struct {
	Name  string
	Close func(context.Context) error
}

// Least is how long a part has to close if others took all the time there was. It has no other work
// left than its own.
const Least = 5 * time.Second

// Parts closes parts in order. It waits for each until ctx ends, or Least if that is later; then it logs what hangs,
// leaves it, and goes on. It returns all errors.
func Parts(ctx context.Context, log *zap.Logger, parts []Part) error {
	var err error
	for _, p := range parts {
		if e := p.close(ctx); e != nil {
			log.Error("a part did not close", zap.String("part", p.Name), zap.Error(e))
			if e = fmt.Errorf("%s: %w", p.Name, e); err != nil {
				e = fmt.Errorf("%w; %w", err, e)
			}
			err = e
		}
	}
	return err
}

func (p *Part) close(ctx context.Context) error {
	ctx, cancel := atLeast(ctx, Least)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Close(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select { // it may have seen the same, and know more
	case err := <-done:
		return err
	case <-time.After(100 * time.Millisecond):
		return fmt.Errorf("it hangs: %w", context.Cause(ctx))
	}
}

// atLeast is ctx for no less than a duration from now.
func atLeast(ctx context.Context, least time.Duration) (context.Context, context.CancelFunc) {
	left := least
	if due, ok := ctx.Deadline(); ok {
		left = max(time.Until(due), least)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), left)
}
