package observe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/reactor/errs"
)

// TestStreamsEnd: after End nobody enters, and Wait waits for those inside.
func TestStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStreams()
		for range 2 {
			if err := s.Enter(); err != nil {
				t.Fatal(err)
			}
		}
		s.End()
		wantClass(t, s.Enter(), errs.Draining)
		waited := make(chan error, 1)
		go func() { waited <- s.Wait(t.Context()) }()
		s.Leave()
		synctest.Wait()
		select {
		case err := <-waited:
			t.Errorf("one is inside, and the wait has ended: %v", err)
		default:
		}
		s.Leave()
		if err := <-waited; err != nil {
			t.Error(err)
		}
		if err := s.Wait(t.Context()); err != nil {
			t.Errorf("nobody is inside: %v", err)
		}
	})
}

// TestStreamsHang: a wait ends with its context.
func TestStreamsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStreams()
		if err := s.Enter(); err != nil {
			t.Fatal(err)
		}
		s.End()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
	})
}

// TestAwait ends with what comes first. A change that has come counts, whatever else has.
func TestAwait(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name    string
		ctx     context.Context
		changed chan struct{}
		end     bool
		want    func(error) bool
	}{
		{"changed", t.Context(), closed, false, func(err error) bool { return err == nil }},
		{"changed, and all else", over, closed, true, func(err error) bool { return err == nil }},
		{"its context", over, make(chan struct{}), false, func(err error) bool { return errors.Is(err, context.Canceled) }},
		{"the end", t.Context(), make(chan struct{}), true, func(err error) bool { return errs.ClassOf(err) == errs.Draining }},
		{"gone", t.Context(), nil, false, func(err error) bool { return errs.ClassOf(err) == errs.Internal }},
	} {
		s := NewStreams()
		if tc.end {
			s.End()
		}
		if err := s.Await(tc.ctx, "w", tc.changed); !tc.want(err) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
