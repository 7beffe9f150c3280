package interrupt

import "context"

// Do calls f, which may block where no context reaches: in a read from a terminal, or a write to a pipe that is full. If
// ctx ends before f returns, Do returns the cause, and f goes on without anybody who waits for it.
func Do[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
