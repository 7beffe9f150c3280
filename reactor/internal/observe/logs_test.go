package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// read reads a log to its end.
func (f *fixture) read(ctx context.Context, req api.LogRequest) (string, error) {
	var text strings.Builder
	req.ID = "w"
	_, _, err := f.ReadLog(ctx, req, func(c api.LogChunk) error {
		text.Write(c.Data)
		return nil
	})
	return text.String(), err
}

// writes is a guest that writes texts, in turn to stdout and stderr, with a pause after each, and ends when it is
// interrupted.
func writes(pause time.Duration, texts ...string) *program {
	return &program{run: func(fiber *executor.Fiber, cfg *abi.Config) error {
		for i, text := range texts {
			out := cfg.Stdout
			if i%2 == 1 {
				out = cfg.Stderr
			}
			if _, err := out.Write([]byte(text)); err != nil {
				return err
			}
			time.Sleep(pause)
		}
		return fiber.Park()
	}}
}

// TestReadLog reads what is in the store, and stops where the reader does.
func TestReadLog(t *testing.T) {
	x := newFixture(t)
	defer x.close()
	x.disk.log = []store.LogChunk{
		{Stream: store.Stdout, Data: []byte("one ")},
		{Offset: 4, Stream: store.Stderr, Data: []byte("two ")},
		{Offset: 8, Stream: store.Stdout, Data: []byte("three")},
	}
	for _, tc := range []struct {
		stream api.Stream
		want   string
	}{{api.BothStreams, "one two three"}, {api.Stdout, "one three"}, {api.Stderr, "two "}} {
		for _, follow := range []bool{false, true} {
			if got, err := x.read(t.Context(), api.LogRequest{Stream: tc.stream, Follow: follow}); err != nil || got != tc.want {
				t.Errorf("stream %d, following %t: %q, %v; want %q", tc.stream, follow, got, err, tc.want)
			}
		}
	}
	_, err := x.read(t.Context(), api.LogRequest{Stream: 9})
	wantClass(t, err, errs.InvalidArgument)
	calls := 0
	_, _, err = x.ReadLog(t.Context(), api.LogRequest{ID: "w"}, func(api.LogChunk) error { calls++; return errStop })
	if !errors.Is(err, errStop) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestFollow follows a workload from before its start to its end: all output comes once and in order, whether it is
// read from memory or from the store.
func TestFollow(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Millisecond, time.Minute} {
		t.Run(fmt.Sprint(pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t)
				defer x.close()
				w, _ := x.add("w", nil)
				var followers sync.WaitGroup
				follow := func(stream api.Stream, want string) {
					followers.Go(func() {
						if got, err := x.read(t.Context(), api.LogRequest{Stream: stream, Follow: true}); err != nil || got != want {
							t.Errorf("followed %q, %v; want %q", got, err, want)
						}
					})
				}
				follow(api.BothStreams, "abcd")
				synctest.Wait()
				ended := x.start(w, writes(pause, "a", "b", "c", "d"))
				time.Sleep(5 * pause / 2)
				follow(api.Stdout, "ac")
				time.Sleep(3 * pause)
				synctest.Wait()
				x.end(w, ended)
				followers.Wait()
			})
		})
	}
}

// TestFollowEnds with its context, and with the reactor.
func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t)
		defer x.close()
		x.add("w", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got, err := x.read(ctx, api.LogRequest{Follow: true}); got != "" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", got, err)
		}
		time.AfterFunc(time.Minute, x.End)
		_, err := x.read(t.Context(), api.LogRequest{Follow: true})
		wantClass(t, err, errs.Draining)
		if got, err := x.read(t.Context(), api.LogRequest{}); got != "" || err != nil {
			t.Errorf("not followed: %q, %v", got, err)
		}
	})
}

// TestTail: the last lines are looked for in the store, which is given first what is in memory; one that takes none is
// read as it is.
func TestTail(t *testing.T) {
	for _, refused := range []error{nil, store.ErrFull} {
		t.Run(fmt.Sprint(refused), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t)
				x.disk.refused = refused
				defer x.close()
				w, ended := x.add("w", writes(0, "1\n2\n3\n"))
				synctest.Wait()
				lines, want := uint32(2), "2\n3\n"
				if refused != nil {
					want = "1\n2\n3\n"
				}
				if got, err := x.read(t.Context(), api.LogRequest{TailLines: &lines}); err != nil || got != want {
					t.Errorf("%q, %v; want %q", got, err, want)
				}
				x.disk.mu.Lock()
				x.disk.refused = nil
				x.disk.mu.Unlock()
				x.end(w, ended)
			})
		})
	}
}

// TestReadLogBound: a guest that writes faster than the client reads does not keep a reader that does not follow.
func TestReadLogBound(t *testing.T) {
	one := uint32(1)
	for name, tc := range map[string]struct {
		req    api.LogRequest
		stored bool // what is written is in the store at once
		want   string
	}{
		"from memory":    {api.LogRequest{}, false, "a\nb\n"},
		"from the store": {api.LogRequest{}, true, "a\nb\n"},
		"of a stream":    {api.LogRequest{Stream: api.Stdout}, true, "a\n"},
		"the last line":  {api.LogRequest{TailLines: &one}, false, "b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t)
				defer x.close()
				texts := []string{"a\n", "b\n", "c\n", "d\n", "e\n", "f\n", "g\n", "h\n"}
				w, ended := x.add("w", writes(time.Second, texts...))
				time.Sleep(1500 * time.Millisecond)
				synctest.Wait()
				var got strings.Builder
				tc.req.ID = "w"
				position, missing, err := x.ReadLog(t.Context(), tc.req, func(c api.LogChunk) error {
					got.Write(c.Data)
					time.Sleep(3 * time.Second)
					if log, _ := x.node.Log("w"); tc.stored {
						log.Flush()
						synctest.Wait()
					}
					return nil
				})
				if err != nil || got.String() != tc.want || position != 4 || missing != 0 {
					t.Errorf("%q up to %d, %d missing, %v; want %q", got.String(), position, missing, err, tc.want)
				}
				time.Sleep(time.Minute)
				x.end(w, ended)
			})
		})
	}
}
