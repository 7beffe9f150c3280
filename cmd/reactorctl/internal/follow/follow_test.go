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

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
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
		began   int64 // zero if that is not told
		offset  uint64
		data    string
		fresh   string
		missing uint64
		again   bool
	}
	for _, c := range []struct {
		name string
		runs []run
		end  uint64
	}{
		{"in order", []run{{1, 0, 0, "abc", "abc", 0, false}, {1, 0, 3, "de", "de", 0, false}}, 5},
		{"a gap", []run{{1, 0, 0, "abc", "abc", 0, false}, {1, 0, 10, "k", "k", 7, false}}, 11},
		{"only the end is there", []run{{1, 0, 100, "abc", "abc", 100, false}}, 103},
		{"sent again", []run{
			{1, 7, 0, "abc", "abc", 0, false}, {1, 7, 0, "ab", "", 0, false}, {1, 0, 2, "cde", "de", 0, false}, {1, 7, 5, "f", "f", 0, false},
		}, 6},
		{"the next attempt", []run{{1, 7, 0, "abc", "abc", 0, false}, {2, 8, 3, "abc", "abc", 0, false}}, 6},
		{"the next attempt, after a death that forgot output", []run{
			{1, 7, 0, "abcdef", "abcdef", 0, false}, {1, 0, 0, "abc", "", 0, false}, {2, 8, 3, "abc", "abc", 0, false}, {2, 8, 6, "d", "d", 0, false},
		}, 7},
		{"the next attempt, and a gap", []run{{1, 0, 0, "abc", "abc", 0, false}, {2, 0, 13, "x", "x", 10, false}}, 14},
		{"an attempt that is over", []run{{2, 0, 5, "abc", "abc", 5, false}, {1, 0, 8, "x", "", 0, false}}, 8},
		{"an attempt that is over, whose start is told no more", []run{{2, 7, 5, "abc", "abc", 5, false}, {1, 0, 4, "x", "", 0, false}}, 8},
		{"the same attempt, after a death that forgot it", []run{
			{1, 7, 0, "abcdef", "abcdef", 0, false}, {1, 8, 0, "ab", "ab", 0, true}, {1, 8, 2, "cd", "cd", 0, false}, {1, 8, 0, "abcd", "", 0, false},
		}, 4},
		{"the same attempt, after a death that forgot it, and a gap", []run{{1, 7, 0, "abc", "abc", 0, false}, {1, 8, 9, "x", "x", 6, true}}, 10},
		{"the attempt before, after a death that forgot both", []run{{2, 7, 3, "abc", "abc", 3, false}, {1, 8, 0, "x", "x", 0, true}}, 1},
		{"an older daemon tells no starts", []run{{1, 7, 0, "abc", "abc", 0, false}, {1, 0, 0, "abcd", "d", 0, false}, {1, 7, 4, "e", "e", 0, false}}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cursor Cursor
			for i, r := range c.runs {
				at := &reactorv1.ReadLogsResponse{Attempt: r.attempt, AttemptStartUs: r.began, Offset: r.offset}
				fresh := cursor.Take(at, []byte(r.data))
				if string(fresh.Data) != r.fresh || fresh.Missing != r.missing || fresh.Again != r.again {
					t.Errorf("run %d: %q, %d missing, again %t; want %q, %d, %t", i, fresh.Data, fresh.Missing, fresh.Again, r.fresh, r.missing, r.again)
				}
				position, attempt, began := cursor.Resume()
				if len(fresh.Data) > 0 && (position != r.offset+uint64(len(r.data)) || attempt != r.attempt || r.began > 0 && began != r.began) {
					t.Errorf("run %d: resumes at %d of attempt %d of %v", i, position, attempt, began)
				}
			}
			if position, _, _ := cursor.Resume(); position != c.end {
				t.Errorf("resumes at %d, want %d", position, c.end)
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
