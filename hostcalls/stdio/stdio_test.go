package stdio

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

// end is both ends of a joined stream, which can be closed.
type end struct {
	hostcalls.Joint
	n      int
	err    error
	closed int
}

func (e *end) Read([]byte) (int, error)          { return e.n, e.err }
func (e *end) Write([]byte) (int, error)         { return e.n, e.err }
func (e *end) Notify(ready func()) (stop func()) { ready(); return func() {} }
func (e *end) Target() string                    { return "workload a" }
func (e *end) Close() error                      { e.closed++; return nil }
func (e *end) Level() (nbytes int, hangup bool)  { return -1, true }

func TestStreamsCount(t *testing.T) {
	in, out := In{Source: &end{n: 3}}, Out{Sink: &end{n: 2}}
	if _, err := in.Read(nil); err != nil {
		t.Error(err)
	}
	if _, err := out.Write(nil); err != nil {
		t.Error(err)
	}
	if in.Transferred(hostcalls.OpRead) != 3 || out.Transferred(hostcalls.OpWrite) != 2 {
		t.Errorf("counted %d and %d", in.Transferred(hostcalls.OpRead), out.Transferred(hostcalls.OpWrite))
	}
	if n, hangup := in.Level(); n != 0 || !hangup {
		t.Errorf("level %d, %t", n, hangup)
	}
	plain := Out{Sink: hostcalls.Discard{}}
	if n, hangup := plain.Level(); n != 1 || hangup {
		t.Errorf("the level of what does not know it is %d, %t", n, hangup)
	}
}

// Only a use that was told to wait leaves the wait as it is.
func TestStreamsKeepTheStartOfAWait(t *testing.T) {
	source := &end{err: hostcalls.ErrWouldBlock}
	in := In{Source: source}
	began := in.Waiting.Poll(time.Unix(100, 0))
	_, _ = in.Read(nil)
	if got := in.Waiting.Poll(time.Unix(200, 0)); !got.Equal(began) {
		t.Errorf("the wait began at %v", got)
	}
	source.err = io.EOF
	_, _ = in.Read(nil)
	if got := in.Waiting.Poll(time.Unix(200, 0)); got.Equal(began) {
		t.Error("the wait goes on")
	}
}

func TestOps(t *testing.T) {
	sink := &end{}
	plain, joined := Out{Sink: hostcalls.Discard{}}, Out{Sink: sink}
	if op := plain.Op(hostcalls.Stderr); op.Kind != hostcalls.OpWrite || op.Target != hostcalls.Stderr || op.Subject != &plain {
		t.Errorf("the operation is %+v", op)
	}
	if op := joined.Op(hostcalls.Stderr); op.Target != "workload a" || op.Subject != sink {
		t.Errorf("the operation is %+v", op)
	}
	in := In{Source: hostcalls.Empty{}}
	if op := in.Op(); op.Kind != hostcalls.OpRead || op.Target != hostcalls.Stdin || op.Subject != &in {
		t.Errorf("the operation is %+v", op)
	}
	in.Close()
}

// A stream whose reader has gone is closed, stays ready, and fails.
func TestBreak(t *testing.T) {
	sink := &end{}
	out := Out{Sink: sink}
	if out.Broken() {
		t.Error("it is broken from the start")
	}
	out.Break()
	if _, err := out.Write([]byte("a")); !out.Broken() || sink.closed != 1 || !errors.Is(err, hostcalls.ErrBrokenPipe) {
		t.Errorf("broken %t, closed %d times, error %v", out.Broken(), sink.closed, err)
	}
	ready := false
	out.Notify(func() { ready = true })()
	if n, hangup := out.Level(); n != 1 || !hangup || !ready {
		t.Errorf("level %d, %t, ready %t", n, hangup, ready)
	}
}
