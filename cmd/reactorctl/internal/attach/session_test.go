package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

var (
	errGone     = status.Error(codes.Unavailable, "connection refused")
	errAttached = withReason(codes.FailedPrecondition, "WORKLOAD_ATTACHED", "another client is attached")
	errEvicted  = withReason(codes.Unavailable, "UNAVAILABLE", "the guest was stopped")
	errNotFound = withReason(codes.NotFound, "WORKLOAD_NOT_FOUND", "there is no such workload")
	errBroken   = errors.New("broken pipe")
	errReading  = errors.New("the disk is broken")
)

// on is a workload that runs an attempt, off one that waits to be started again.
func on(attempts uint32) *reactorv1.Workload {
	return &reactorv1.Workload{Status: &reactorv1.WorkloadStatus{State: reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING, Attempts: attempts}}
}

func off(attempts uint32) *reactorv1.Workload {
	return &reactorv1.Workload{Status: &reactorv1.WorkloadStatus{State: reactorv1.WorkloadState_WORKLOAD_STATE_PENDING, Attempts: attempts}}
}

func over() *reactorv1.Workload {
	return &reactorv1.Workload{Status: &reactorv1.WorkloadStatus{EndTime: &timestamppb.Timestamp{Seconds: 9}}}
}

// out is output of an attempt that was started at a time.
func out(attempt uint32, start int64, offset uint64, text string) *reactorv1.AttachWorkloadResponse {
	return &reactorv1.AttachWorkloadResponse{
		Part:   &reactorv1.AttachWorkloadResponse_Stdout{Stdout: []byte(text)},
		Offset: offset, Attempt: attempt, AttemptStartUs: start,
	}
}

func end(offset uint64) *reactorv1.AttachWorkloadResponse {
	return &reactorv1.AttachWorkloadResponse{Part: &reactorv1.AttachWorkloadResponse_Ended{Ended: over()}, Offset: offset}
}

type responses = []*reactorv1.AttachWorkloadResponse

func TestOutput(t *testing.T) {
	stderr := &reactorv1.AttachWorkloadResponse{Part: &reactorv1.AttachWorkloadResponse_Stderr{Stderr: []byte("e")}, Offset: 2, Attempt: 1, AttemptStartUs: 7}
	for _, c := range []struct {
		name    string
		lives   []*life
		out     string // what went to stderr is in brackets
		missing uint64
		want    error // nil: the workload has ended
		said    []string
	}{
		{"to the end", []*life{
			{sends: responses{out(1, 7, 0, "ab"), stderr, out(1, 7, 3, "c"), end(4)}},
		}, "ab[e]c", 0, nil, nil},
		{"an older daemon", []*life{
			{sends: responses{out(0, 0, 0, "ab"), out(0, 0, 0, "c"), end(0)}},
		}, "abc", 0, nil, nil},
		{"some is missing, also at the end", []*life{
			{sends: responses{out(1, 7, 2, "ab"), out(1, 7, 5, "c"), end(10)}},
		}, "abc", 2 + 1 + 4, nil, nil},
		{"a lost connection", []*life{
			{sends: responses{out(1, 7, 0, "abc")}, breaks: errGone},
			{refuses: errGone},
			{refuses: errGone},
			{workload: on(1), wantOffset: 3, wantAttempt: 1, wantStart: 7, sends: responses{out(1, 7, 1, "bcd"), end(4)}},
		}, "abcd", 0, nil, []string{"is gone", "is back; workload w goes on"}},
		{"a restart", []*life{
			{sends: responses{out(1, 7, 0, "abc")}, breaks: errGone},
			{workload: off(1), wantOffset: 3, wantAttempt: 1, wantStart: 7, sends: responses{out(2, 8, 2, "abc"), end(5)}},
		}, "abcabc", 0, nil, []string{"is gone", "goes on, attempt 2"}},
		{"a restart that forgot the start", []*life{
			{sends: responses{out(1, 7, 0, "abc")}, breaks: errGone},
			{workload: off(0), wantOffset: 3, wantAttempt: 1, wantStart: 7, sends: responses{out(1, 8, 0, "ab"), out(1, 8, 2, "c"), end(3)}},
		}, "abcabc", 0, nil, []string{"is gone", "is back; workload w goes on", "attempt 1 of w was started again"}},
		{"it has ended meanwhile", []*life{
			{breaks: errGone},
			{workload: over(), sends: responses{out(1, 7, 0, "abc"), end(3)}},
		}, "abc", 0, nil, []string{"is gone", "is back; workload w has ended"}},
		{"it is gone after a restart", []*life{
			{breaks: errGone},
			{workload: on(1), breaks: errNotFound},
		}, "", 0, errNotFound, []string{"is gone", "is back"}},
		{"another client is attached", []*life{{breaks: errAttached}}, "", 0, errAttached, nil},
		{"its own lost connection is taken for alive", []*life{
			{breaks: errGone},
			{workload: on(1), breaks: errAttached},
			{workload: on(1), sends: responses{end(0)}},
		}, "", 0, nil, []string{"is gone", "is back", "is gone", "is back"}},
		{"the guest is stopped for its memory", []*life{
			{sends: responses{out(1, 7, 0, "abc")}, breaks: errEvicted},
			{workload: off(1), wantOffset: 3, wantAttempt: 1, wantStart: 7, sends: responses{out(2, 8, 3, "abc"), end(6)}},
		}, "abcabc", 0, nil, []string{"the guest was stopped"}},
		{"nobody reads the output", []*life{
			{sends: responses{out(1, 7, 0, "broken")}},
		}, "", 0, errBroken, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newSession(t, c.lives, nil)
				w, err := x.Run(t.Context())
				if x.out.String() != c.out || x.Missing() != c.missing || !slices.EqualFunc(x.said, c.said, strings.Contains) {
					t.Errorf("output %q, %d missing, said %q; want %q, %d, %q", x.out.String(), x.Missing(), x.said, c.out, c.missing, c.said)
				}
				if !errors.Is(err, c.want) || (w != nil) != (c.want == nil) {
					t.Errorf("it returned %v, %v; want %v", w, err, c.want)
				}
			})
		})
	}
}

func TestInput(t *testing.T) {
	done := responses{end(0)}
	for _, c := range []struct {
		name  string
		from  string // text: a pipe; @text: a file; "tty": a terminal; "silence": a pipe without input; "fault"
		lives []*life
		want  string // in the error; empty: the workload has ended
		said  []string
	}{
		{"to the end", "abc", []*life{{workload: on(1), takes: "abc$", sends: done}}, "", nil},
		{"the workload ends first", "silence", []*life{{workload: on(1), sends: done}}, "", nil},
		{"it can't be read", "fault", []*life{{workload: on(1)}}, "reading the input: " + errReading.Error(), nil},
		{"a pipe, and a lost connection", "abc", []*life{
			{workload: on(1), takes: "abc$", breaks: errGone},
			{workload: on(1)},
		}, "how much of its input the guest has read is not known", []string{"is gone", "is back"}},
		{"a pipe, and a restart", "abc", []*life{
			{daemon: 1, workload: on(1), takes: "abc$", breaks: errGone},
			{daemon: 2, workload: off(1)},
		}, "comes from a pipe that cannot be read again", []string{"is gone", "is back"}},
		{"a pipe, and a restart that forgot the start", "abc", []*life{
			{daemon: 1, workload: on(1), takes: "abc$", breaks: errGone},
			{daemon: 2, workload: on(1)},
		}, "comes from a pipe that cannot be read again", []string{"is gone", "is back"}},
		{"a pipe of which nothing was read, and a restart", "silence", []*life{
			{daemon: 1, workload: on(1), breaks: errGone},
			{daemon: 2, workload: off(1), sends: done},
		}, "", []string{"is gone", "is back; workload w goes on, attempt 2"}},
		{"a pipe, and it has ended meanwhile", "abc", []*life{
			{daemon: 1, workload: on(1), takes: "abc$", breaks: errGone},
			{daemon: 2, workload: over(), sends: done},
		}, "", []string{"is gone", "is back; workload w has ended"}},
		{"a file, and a lost connection", "@abc", []*life{
			{workload: on(1), takes: "abc$", breaks: errGone},
			{workload: on(1)},
		}, "how much of its input the guest has read is not known", []string{"is gone", "is back"}},
		{"a file, and two restarts", "@abc", []*life{
			{daemon: 1, workload: on(1), takes: "abc$", breaks: errGone},
			{daemon: 2, workload: off(1), takes: "abc$", breaks: errGone},
			{daemon: 3, workload: on(2), takes: "abc$", sends: done},
		}, "", []string{"is gone", "attempt 2; its input is sent again", "is gone", "attempt 2; its input is sent again"}},
		{"a file, and a guest that is stopped for its memory", "@abc", []*life{
			{workload: on(1), takes: "abc$", breaks: errEvicted},
			{workload: off(1), takes: "abc$", sends: done},
		}, "", []string{"the guest was stopped"}},
		{"a terminal, and a lost connection", "tty", []*life{
			{workload: on(1), takes: "abc", breaks: errGone},
			{workload: on(1), sends: done},
		}, "", []string{"is gone", "what was typed last may be lost"}},
		{"a terminal, and a restart", "tty", []*life{
			{daemon: 1, workload: on(1), takes: "abc", breaks: errGone},
			{daemon: 2, workload: off(1), sends: done},
		}, "", []string{"is gone", "attempt 2; what was typed before is not read again"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "input")
			if text, ok := strings.CutPrefix(c.from, "@"); ok {
				if err := os.WriteFile(file, []byte("skipped "+text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				x := newSession(t, c.lives, inputFrom(t, c.from, file))
				w, err := x.Run(t.Context())
				if (w != nil) != (c.want == "") || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("it returned %v, %v; want %q", w, err, c.want)
				}
				if !slices.EqualFunc(x.said, c.said, strings.Contains) {
					t.Errorf("said %q, want %q", x.said, c.said)
				}
				if x.next != len(c.lives) && c.want == "" {
					t.Errorf("it has attached %d times, not %d", x.next, len(c.lives))
				}
			})
		})
	}
}

// inputFrom returns an input as TestInput describes it. It is closed at the end of the test.
func inputFrom(t *testing.T, from, file string) *Input {
	t.Helper()
	silent, never := io.Pipe()
	t.Cleanup(func() { _ = never.Close() })
	switch {
	case from == "silence":
		return NewInput(silent)
	case from == "fault":
		return NewInput(iotest.ErrReader(errReading))
	case from == "tty":
		in := NewInput(io.MultiReader(strings.NewReader("abc"), silent))
		in.terminal = true
		return in
	case from[0] == '@':
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		if _, err := f.Seek(int64(len("skipped ")), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		return NewInput(f)
	}
	return NewInput(strings.NewReader(from))
}

// A daemon that does not come back is waited for, but not for ever; an interrupt ends the wait, and an attachment.
func TestEnds(t *testing.T) {
	interrupt := errors.New("interrupted")
	for _, c := range []struct {
		name  string
		lives []*life
		after time.Duration // the interrupt; zero: none
		takes time.Duration
	}{
		{"the daemon stays away", []*life{{breaks: errGone}, {refuses: errGone}}, 0, time.Minute},
		{"interrupted while the daemon is away", []*life{{breaks: errGone}, {refuses: errGone}}, time.Second, time.Second},
		{"interrupted while attached", []*life{{workload: on(1)}}, time.Hour, time.Hour},
	} {
		for _, from := range []string{"", "silence"} {
			t.Run(fmt.Sprint(c.name, " ", from), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					if c.after > 0 {
						time.AfterFunc(c.after, func() { cancel(interrupt) })
					}
					var in *Input
					if from != "" {
						in = inputFrom(t, from, "")
					}
					x := newSession(t, c.lives, in)
					began := time.Now()
					w, err := x.Run(ctx)
					if took := time.Since(began); w != nil || err == nil || took < c.takes || took > c.takes+2*time.Second {
						t.Errorf("it returned %v, %v after %v; want an error after %v", w, err, took, c.takes)
					}
					if gone, ok := errors.AsType[*follow.GoneError](err); ok != (c.after == 0) {
						t.Errorf("it returned %v, %v", gone, err)
					}
				})
			})
		}
	}
}

// session is a Session of a fake daemon.
type session struct {
	*Session
	*daemon
	out  strings.Builder
	said []string
}

func newSession(t *testing.T, lives []*life, in *Input) *session {
	x := &session{daemon: &daemon{t: t, lives: lives}}
	x.Session = &Session{
		Client: x.daemon, Node: x.daemon, ID: "w", In: in,
		Out: writer(func(text string) { x.out.WriteString(text) }),
		Err: writer(func(text string) { x.out.WriteString("[" + text + "]") }),
		Follower: &follow.Follower{Address: "unix:///s", Patience: time.Minute, Say: func(m string) {
			x.said = append(x.said, m)
		}},
	}
	x.Session.Follower.Reached("")
	return x
}

// writer writes everything but "broken".
type writer func(text string)

func (w writer) Write(p []byte) (int, error) {
	if string(p) == "broken" {
		return 0, errBroken
	}
	w(string(p))
	return len(p), nil
}
