package follow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	errGone     = status.Error(codes.Unavailable, "connection refused")
	errNotFound = status.Error(codes.NotFound, "no such workload")
)

// withReason returns an error as the daemon makes them.
func withReason(t *testing.T, code codes.Code, reason string) error {
	t.Helper()
	st, err := status.New(code, "try later").WithDetails(&errdetails.ErrorInfo{Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func TestDo(t *testing.T) {
	draining, busy := withReason(t, codes.Unavailable, "DRAINING"), withReason(t, codes.ResourceExhausted, "TOO_MUCH_IN_FLIGHT")
	evicted, full := withReason(t, codes.Unavailable, "UNAVAILABLE"), withReason(t, codes.ResourceExhausted, "QUEUE_FULL")
	for _, c := range []struct {
		name  string
		met   bool
		tries []error // the last is repeated
		want  error
		calls int // if not all of tries
		said  []string
	}{
		{"an answer", false, []error{nil}, nil, 0, nil},
		{"no daemon from the start", false, []error{errGone}, errGone, 0, nil},
		{"not found", true, []error{errNotFound}, errNotFound, 0, nil},
		{"a restart", true, []error{errGone, draining, errGone, nil}, nil, 0, []string{"is gone; waiting", "is back"}},
		{"a restart that forgot it", true, []error{errGone, errNotFound}, errNotFound, 0, []string{"is gone; waiting", "is back"}},
		{"a busy daemon", true, []error{busy, evicted, nil}, nil, 0, nil},
		{"a full queue", true, []error{full}, full, 0, nil},
		{"not to be repeated", true, []error{Permanent(errGone)}, errGone, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				f := &Follower{Address: "unix:///s", Patience: time.Minute, Say: func(m string) { said = append(said, m) }, met: c.met}
				calls := 0
				err := f.Do(t.Context(), func(context.Context) error { calls++; return c.tries[calls-1] })
				if !errors.Is(err, c.want) || calls != len(c.tries) {
					t.Errorf("%d calls, %v; want %d, %v", calls, err, len(c.tries), c.want)
				}
				if !slices.EqualFunc(said, c.said, strings.Contains) {
					t.Errorf("said %q, want %q", said, c.said)
				}
			})
		})
	}
}

func TestDoGivesUp(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := &Follower{Patience: patience, Say: func(string) {}, met: true}
			began := time.Now()
			err := f.Do(t.Context(), func(context.Context) error { return errGone })
			if e, ok := errors.AsType[*GoneError](err); !ok || !errors.Is(e.Err, errGone) {
				t.Errorf("got %v", err)
			}
			if waited := time.Since(began); waited < patience || waited > patience+longestPause {
				t.Errorf("it gave up after %v, not %v", waited, patience)
			}
		})
	}
}

// An interrupt ends the wait, with its cause.
func TestDoInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Second, func() { cancel(cause) })
		f := &Follower{Patience: time.Hour, Say: func(string) {}, met: true}
		if err := f.Do(ctx, func(context.Context) error { return errGone }); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

// Two calls are cut off by one restart, which is told once.
func TestOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		f := &Follower{Patience: time.Minute, Say: func(m string) { said = append(said, m) }}
		goneAt, backAt := time.Now().Add(10*time.Second), time.Now().Add(15*time.Second)
		call := func(context.Context) error { // it is answered, and cut off when the daemon goes
			if now := time.Now(); now.After(goneAt) && now.Before(backAt) {
				return errGone
			}
			f.Reached("")
			end := goneAt
			if time.Now().After(end) {
				end = backAt.Add(10 * time.Second)
			}
			time.Sleep(time.Until(end) + time.Millisecond)
			if end.After(backAt) {
				return nil
			}
			return errGone
		}
		done := make(chan error)
		for range 2 {
			go func() { done <- f.Do(t.Context(), call) }()
		}
		if err := errors.Join(<-done, <-done); err != nil || len(said) != 2 {
			t.Errorf("%v, said %q", err, said)
		}
	})
}

func TestCursor(t *testing.T) {
	type run struct {
		attempt uint32
		offset  uint64
		data    string
		fresh   string
		missing uint64
	}
	for _, c := range []struct {
		name string
		runs []run
		end  uint64
	}{
		{"in order", []run{{1, 0, "abc", "abc", 0}, {1, 3, "de", "de", 0}}, 5},
		{"a gap", []run{{1, 0, "abc", "abc", 0}, {1, 10, "k", "k", 7}}, 11},
		{"only the end is there", []run{{1, 100, "abc", "abc", 100}}, 103},
		{"sent again", []run{{1, 0, "abc", "abc", 0}, {1, 0, "ab", "", 0}, {1, 2, "cde", "de", 0}, {1, 5, "f", "f", 0}}, 6},
		{"the next attempt", []run{{1, 0, "abc", "abc", 0}, {2, 3, "abc", "abc", 0}}, 6},
		{"the next attempt, after a death that forgot output", []run{{1, 0, "abcdef", "abcdef", 0}, {1, 0, "abc", "", 0}, {2, 3, "abc", "abc", 0}, {2, 6, "d", "d", 0}}, 7},
		{"the next attempt, and a gap", []run{{1, 0, "abc", "abc", 0}, {2, 13, "x", "x", 10}}, 14},
		{"an attempt that is over", []run{{2, 5, "abc", "abc", 5}, {1, 8, "x", "", 0}}, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cursor Cursor
			var latest uint32
			for i, r := range c.runs {
				latest = max(latest, r.attempt)
				if fresh, missing := cursor.Take(r.attempt, r.offset, []byte(r.data)); string(fresh) != r.fresh || missing != r.missing {
					t.Errorf("run %d: %q, %d missing; want %q, %d", i, fresh, missing, r.fresh, r.missing)
				}
			}
			position, attempt := cursor.Resume()
			if position != c.end || attempt != latest {
				t.Errorf("resumes at %d of attempt %d, want %d of %d", position, attempt, c.end, latest)
			}
			if cursor.End(c.end) != 0 || cursor.End(c.end+2) != 2 || cursor.End(0) != 0 {
				t.Errorf("%+v, want the end %d", cursor, c.end)
			}
		})
	}
}

// Who leaves does not wait for a daemon that is gone, though patience was promised before.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Follower{Address: "here", Patience: time.Hour, Say: func(string) {}}
		f.Reached("")
		time.AfterFunc(time.Minute, f.GiveUp)
		began := time.Now()
		err := f.Do(t.Context(), func(context.Context) error { return status.Error(codes.Unavailable, "gone") })
		if _, ok := errors.AsType[*GoneError](err); !ok || time.Since(began) > time.Minute+longestPause {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		tries := 0
		err = f.Do(t.Context(), func(context.Context) error { tries++; return status.Error(codes.Unavailable, "gone") })
		if _, ok := errors.AsType[*GoneError](err); !ok || tries != 1 {
			t.Errorf("got %v after %d tries", err, tries)
		}
	})
}
