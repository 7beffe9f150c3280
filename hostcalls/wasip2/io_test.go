package wasip2

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
)

const (
	inputStreams  = "wasi:io/streams#input-stream"
	outputStreams = "wasi:io/streams#output-stream"
	pollables     = "wasi:io/poll#pollable"
)

// outcome is how an operation on a stream has ended.
type outcome struct {
	bytes  string
	n      uint64
	closed bool
	failed string // the debug string of the error
}

// streamError reads a stream-error.
func (g *guest) streamError(r *cabi.Reader) (o outcome) {
	if r.Variant() == closed {
		o.closed = true
		return o
	}
	g.call("wasi:io/error#[method]error.to-debug-string", borrowed(r.Own()), func(r *cabi.Reader) { o.failed = r.String() })
	return o
}

func (g *guest) read(method string, stream uint32, n uint64) (o outcome) {
	g.t.Helper()
	g.call("wasi:io/streams#[method]input-stream."+method, func(w *cabi.Writer) { w.Borrow(stream); w.U64(n) }, func(r *cabi.Reader) {
		switch {
		case !r.OK():
			o = g.streamError(r)
		case strings.HasSuffix(method, "skip"):
			o.n = r.U64()
		default:
			o.bytes = string(r.Bytes())
		}
	})
	return o
}

func (g *guest) write(method string, stream uint32, text string) (o outcome) {
	g.t.Helper()
	g.call("wasi:io/streams#[method]output-stream."+method, func(w *cabi.Writer) { w.Borrow(stream); w.Bytes([]byte(text)) }, func(r *cabi.Reader) {
		if !r.OK() {
			o = g.streamError(r)
		}
	})
	return o
}

func (g *guest) flush(method string, stream uint32) (o outcome) {
	g.t.Helper()
	g.call("wasi:io/streams#[method]output-stream."+method, borrowed(stream), func(r *cabi.Reader) {
		if !r.OK() {
			o = g.streamError(r)
		}
	})
	return o
}

func (g *guest) checkWrite(stream uint32) (o outcome) {
	g.t.Helper()
	g.call("wasi:io/streams#[method]output-stream.check-write", borrowed(stream), func(r *cabi.Reader) {
		if !r.OK() {
			o = g.streamError(r)
			return
		}
		o.n = r.U64()
	})
	return o
}

func (g *guest) splice(method string, to, from uint32, n uint64) (o outcome) {
	g.t.Helper()
	g.call("wasi:io/streams#[method]output-stream."+method, func(w *cabi.Writer) { w.Borrow(to); w.Borrow(from); w.U64(n) }, func(r *cabi.Reader) {
		if !r.OK() {
			o = g.streamError(r)
			return
		}
		o.n = r.U64()
	})
	return o
}

// poll returns which of the pollables are ready.
func (g *guest) poll(list ...uint32) (ready []uint32) {
	g.t.Helper()
	g.call("wasi:io/poll#poll", func(w *cabi.Writer) {
		in := w.List(len(list))
		for _, p := range list {
			in.Borrow(p)
		}
	}, func(r *cabi.Reader) {
		for out := r.List(); out.Len() > 0; {
			ready = append(ready, out.U32())
		}
	})
	return ready
}

func (g *guest) isReady(pollable uint32) (ready bool) {
	g.t.Helper()
	g.call("wasi:io/poll#[method]pollable.ready", borrowed(pollable), func(r *cabi.Reader) { ready = r.Bool() })
	return ready
}

// timer returns a pollable of a duration.
func (g *guest) timer(d time.Duration) (pollable uint32) {
	g.t.Helper()
	g.call("wasi:clocks/monotonic-clock#subscribe-duration", func(w *cabi.Writer) { w.U64(uint64(d)) }, func(r *cabi.Reader) { pollable = r.Own() })
	return pollable
}

func (g *guest) is(what string, have, want outcome) {
	g.t.Helper()
	if have != want {
		g.t.Errorf("%s: %+v, want %+v", what, have, want)
	}
}

func TestPollOfTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := withGuest(t, abi.Config{PendingOps: 4}, func(g *guest) {
			long, short := g.timer(time.Hour), g.timer(time.Second)
			began := time.Now()
			if ready := g.poll(long, short, short); !slices.Equal(ready, []uint32{1, 2}) || time.Since(began) != time.Second {
				t.Errorf("%v after %v", ready, time.Since(began))
			}
			if !g.isReady(short) || g.isReady(long) {
				t.Error("the wrong timer is over")
			}
			g.call("wasi:io/poll#[method]pollable.block", borrowed(long), nil)
			if time.Since(began) != time.Hour {
				t.Errorf("it blocked for %v", time.Since(began))
			}
			now := uint64(0)
			g.call("wasi:clocks/monotonic-clock#now", nil, func(r *cabi.Reader) { now = r.U64() })
			if now != uint64(time.Hour)+1 {
				t.Errorf("it is %d", now)
			}
			g.traps("no pollables", func() { g.poll() })
			g.traps("the limit is 4", func() { g.poll(long, long, long, long, long) })
			if r := g.store.Refused().Refusal(); r == nil || r.Kind != abi.RefusedOperations {
				t.Errorf("refused %+v", r)
			}
			g.drop(pollables, long)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestStdin(t *testing.T) {
	pipe := hostcalls.NewPipe(64)
	err := withGuest(t, abi.Config{Stdin: pipe.Reader()}, func(g *guest) {
		in := g.own("wasi:cli/stdin#get-stdin")
		ready := g.own("wasi:io/streams#[method]input-stream.subscribe", in)
		g.is("read of nothing", g.read("read", in, 10), outcome{})
		if g.isReady(ready) {
			t.Error("an empty pipe is ready")
		}
		_, _ = pipe.Writer().Write([]byte("hello, world"))
		if got := g.poll(g.timer(time.Hour), ready); !slices.Equal(got, []uint32{1}) {
			t.Errorf("ready are %v", got)
		}
		g.is("read", g.read("read", in, 5), outcome{bytes: "hello"})
		g.is("skip", g.read("skip", in, 2), outcome{n: 2})
		g.is("read of zero bytes", g.read("blocking-read", in, 0), outcome{})
		g.is("blocking read", g.read("blocking-read", in, 1<<40), outcome{bytes: "world"})
		go func() { _, _ = pipe.Writer().Write([]byte("more")) }()
		g.is("blocking read that waits", g.read("blocking-read", in, 100), outcome{bytes: "more"})
		pipe.CloseWrite()
		g.is("blocking skip at the end", g.read("blocking-skip", in, 1), outcome{closed: true})
		g.is("read at the end", g.read("read", in, 1), outcome{closed: true})
		g.is("read of zero bytes at the end", g.read("read", in, 0), outcome{closed: true})
		g.traps("1 others", func() { g.drop(inputStreams, in) })
		g.drop(pollables, ready)
		g.drop(inputStreams, in)
		g.is("read by another handle", g.read("read", g.own("wasi:cli/stdin#get-stdin"), 1), outcome{closed: true})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStdout(t *testing.T) {
	var sink strings.Builder
	err := withGuest(t, abi.Config{Stdout: into{&sink}}, func(g *guest) {
		out := g.own("wasi:cli/stdout#get-stdout")
		g.traps("check-write has permitted 0", func() { g.write("write", out, "x") })
		g.is("check-write", g.checkWrite(out), outcome{n: 64 << 10})
		g.is("write", g.write("write", out, "one "), outcome{})
		g.is("write", g.write("write", out, strings.Repeat("-", 64<<10-4)), outcome{})
		g.traps("check-write has permitted 0", func() { g.write("write", out, "x") })
		sink.Reset()
		g.is("blocking write", g.write("blocking-write-and-flush", out, "two"), outcome{})
		g.traps("the most is 4096", func() { g.write("blocking-write-and-flush", out, strings.Repeat("x", 4097)) })
		zeroes := func(method string, n uint64) {
			g.call("wasi:io/streams#[method]output-stream."+method, func(w *cabi.Writer) { w.Borrow(out); w.U64(n) }, nil)
		}
		zeroes("blocking-write-zeroes-and-flush", 2)
		g.traps("the most is 4096", func() { zeroes("blocking-write-zeroes-and-flush", 4097) })
		g.checkWrite(out)
		zeroes("write-zeroes", 1)
		g.traps("has permitted 65535", func() { zeroes("write-zeroes", 65536) })
		g.is("flush", g.flush("flush", out), outcome{})
		g.is("blocking flush", g.flush("blocking-flush", out), outcome{})
		if sink.String() != "two\x00\x00\x00" {
			t.Errorf("written: %q", sink.String())
		}
		if !g.isReady(g.own("wasi:io/streams#[method]output-stream.subscribe", out)) {
			t.Error("it is not ready")
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// into is a sink that accepts everything, and does not know how much.
type into struct{ io.Writer }

func (into) Notify(ready func()) (stop func()) {
	ready()
	return func() {}
}

// A write that the stream takes only a part of waits for the rest; whoever looks first is told how much there is room for.
func TestStdoutOfAPipe(t *testing.T) {
	pipe := hostcalls.NewPipe(512)
	err := withGuest(t, abi.Config{Stdout: pipe.Writer()}, func(g *guest) {
		out := g.own("wasi:cli/stdout#get-stdout")
		ready := g.own("wasi:io/streams#[method]output-stream.subscribe", out)
		g.is("check-write", g.checkWrite(out), outcome{n: 512})
		g.is("write", g.write("write", out, strings.Repeat("x", 512)), outcome{})
		g.is("check-write of a full pipe", g.checkWrite(out), outcome{})
		if g.isReady(ready) {
			t.Error("a full pipe is ready")
		}
		go drain(pipe)
		g.is("blocking write", g.write("blocking-write-and-flush", out, strings.Repeat("x", 100)), outcome{})
		pipe.CloseRead()
		for g.checkWrite(out).n == 0 {
			g.poll(ready)
		}
		g.is("write without a reader", g.write("blocking-write-and-flush", out, "x"), outcome{closed: true})
		g.is("write to a closed stream", g.write("blocking-write-and-flush", out, "x"), outcome{closed: true})
		other := g.own("wasi:cli/stdout#get-stdout")
		g.write("blocking-write-and-flush", other, "x")
		t.Error("it went on")
	})
	if err == nil || !strings.Contains(err.Error(), "141") {
		t.Errorf("it ended with %v, want exit 141", err)
	}
}

// drain reads a pipe until its writer has written what is awaited.
func drain(pipe *hostcalls.Pipe) {
	buf := make([]byte, 99)
	for n := 0; n < 612; {
		m, err := hostcalls.ReadContext(context.Background(), pipe.Reader(), buf)
		if err != nil {
			return
		}
		n += m
	}
}

func TestSplice(t *testing.T) {
	from, to := hostcalls.NewPipe(1<<20), hostcalls.NewPipe(512)
	err := withGuest(t, abi.Config{Stdin: from.Reader(), Stdout: to.Writer()}, func(g *guest) {
		in, out := g.own("wasi:cli/stdin#get-stdin"), g.own("wasi:cli/stdout#get-stdout")
		g.is("splice of nothing", g.splice("splice", out, in, 100), outcome{})
		_, _ = from.Writer().Write([]byte(strings.Repeat("x", 520)))
		g.is("splice", g.splice("splice", out, in, 3), outcome{n: 3})
		g.is("splice of as much as there is room for", g.splice("blocking-splice", out, in, 1000), outcome{n: 509})
		g.is("splice without room", g.splice("splice", out, in, 100), outcome{})
		go func() { _, _ = to.Reader().Read(make([]byte, 512)) }()
		g.is("splice that waits", g.splice("blocking-splice", out, in, 100), outcome{n: 8})
		from.CloseWrite()
		g.is("splice at the end", g.splice("splice", out, in, 1), outcome{closed: true})
	})
	if err != nil {
		t.Error(err)
	}
}

// An exit ends the guest with its code.
func TestExit(t *testing.T) {
	for code, exit := range map[string]func(*guest){
		"code 0": func(g *guest) { g.call("wasi:cli/exit#exit", func(w *cabi.Writer) { w.OK() }, nil) },
		"code 1": func(g *guest) { g.call("wasi:cli/exit#exit", func(w *cabi.Writer) { w.Err() }, nil) },
		"code 7": func(g *guest) { g.call("wasi:cli/exit#exit-with-code", func(w *cabi.Writer) { w.U8(7) }, nil) },
	} {
		err := withGuest(t, abi.Config{}, func(g *guest) {
			exit(g)
			t.Error("it went on")
		})
		if err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("it ended with %v, want exit %s", err, code)
		}
	}
}

func TestEnvironment(t *testing.T) {
	err := withGuest(t, abi.Config{Args: []string{"prog", "", "ü"}, Env: []string{"A=1=2", "B="}}, func(g *guest) {
		var args, env []string
		g.call("wasi:cli/environment#get-arguments", nil, func(r *cabi.Reader) {
			for list := r.List(); list.Len() > 0; {
				args = append(args, list.String())
			}
		})
		g.call("wasi:cli/environment#get-environment", nil, func(r *cabi.Reader) {
			for list := r.List(); list.Len() > 0; {
				pair := list.Record()
				env = append(env, pair.String(), pair.String())
			}
		})
		if !slices.Equal(args, []string{"prog", "", "ü"}) || !slices.Equal(env, []string{"A", "1=2", "B", ""}) {
			t.Errorf("arguments %q, environment %q", args, env)
		}
		for _, name := range []string{"environment#initial-cwd", "terminal-stdin#get-terminal-stdin", "terminal-stdout#get-terminal-stdout", "terminal-stderr#get-terminal-stderr"} {
			g.call("wasi:cli/"+name, nil, func(r *cabi.Reader) {
				if r.Option() {
					t.Errorf("%s is not none", name)
				}
			})
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRandom(t *testing.T) {
	err := withGuest(t, abi.Config{MemoryBytes: 1 << 20}, func(g *guest) {
		for _, name := range []string{"random#get-random-bytes", "insecure#get-insecure-random-bytes"} {
			g.call("wasi:random/"+name, func(w *cabi.Writer) { w.U64(100_000) }, func(r *cabi.Reader) {
				if b := r.Bytes(); len(b) != 100_000 || slices.Max(b[99_000:]) == 0 {
					t.Errorf("%s: %d bytes", name, len(b))
				}
			})
			g.traps("there is no memory", func() {
				g.call("wasi:random/"+name, func(w *cabi.Writer) { w.U64(2 << 20) }, nil)
			})
			g.traps("there is no memory", func() {
				g.call("wasi:random/"+name, func(w *cabi.Writer) { w.U64(1 << 63) }, nil)
			})
		}
		seen := map[uint64]bool{}
		for _, name := range []string{"random#get-random-u64", "insecure#get-insecure-random-u64"} {
			g.call("wasi:random/"+name, nil, func(r *cabi.Reader) { seen[r.U64()] = true })
		}
		for range 2 { // the same each time
			g.call("wasi:random/insecure-seed#insecure-seed", nil, func(r *cabi.Reader) {
				pair := r.Record()
				seen[pair.U64()], seen[pair.U64()] = true, true
			})
		}
		if len(seen) != 4 {
			t.Errorf("%d numbers of 4 differ", len(seen))
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// Objects of the host count as memory of the component until they are dropped.
func TestObjectsAreCounted(t *testing.T) {
	const memory = 1 << 20
	if err := withGuest(t, abi.Config{MemoryBytes: memory}, func(g *guest) {
		for range 2 * memory / wasi.ObjectBytes {
			g.drop(inputStreams, g.own("wasi:cli/stdin#get-stdin"))
		}
		n := 0
		g.traps("no memory for another object", func() {
			for ; n < 2*memory/wasi.ObjectBytes; n++ {
				g.own("wasi:cli/stdin#get-stdin")
			}
		})
		if n < memory/wasi.ObjectBytes/2 {
			t.Errorf("there is room for %d objects", n)
		}
	}); err != nil {
		t.Error(err)
	}
}

// A guest that is cancelled in a wait ends with the cause, and leaves nothing behind.
func TestCancel(t *testing.T) {
	stop := errors.New("stop")
	started := make(chan struct{})
	wait, task := startGuest(t, wasi.NewNode(files.NewAppends()), abi.Config{Stdin: hostcalls.NewPipe(1).Reader()}, func(g *guest) {
		in := g.own("wasi:cli/stdin#get-stdin")
		close(started)
		g.read("blocking-read", in, 1)
		t.Error("it went on")
	})
	<-started
	task.Cancel(stop)
	if err := wait(); !errors.Is(err, stop) {
		t.Errorf("it ended with %v", err)
	}
}
