package wasip1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"
)

const end = 1 << 16 // of the memory that caller makes

func TestArgs(t *testing.T) {
	withProcess(t, abi.Config{Args: []string{"prog", "", "ü"}, Env: []string{"A=1"}}, func(c *caller) {
		c.want(errnoSuccess, "args_sizes_get", 0, 4)
		if n, size := c.u32(0), c.u32(4); n != 3 || size != 9 {
			t.Errorf("%d arguments of %d bytes, want 3 of 9", n, size)
		}
		c.want(errnoSuccess, "args_get", 16, 100)
		if got := string(c.mem.bytes[100:109]); got != "prog\x00\x00ü\x00" {
			t.Errorf("arguments are %q", got)
		}
		if c.u32(16) != 100 || c.u32(20) != 105 || c.u32(24) != 106 {
			t.Errorf("pointers are %s", c.hex(16, 12))
		}
		c.want(errnoSuccess, "environ_sizes_get", 0, 4)
		if n, size := c.u32(0), c.u32(4); n != 1 || size != 4 {
			t.Errorf("%d variables of %d bytes, want 1 of 4", n, size)
		}
		c.want(errnoSuccess, "environ_get", 16, 100)
		if got := string(c.mem.bytes[100:104]); got != "A=1\x00" {
			t.Errorf("environment is %q", got)
		}

		c.want(errnoSuccess, "args_get", end-12, end-21)
		c.want(errnoFault, "args_get", end-11, 100)
		c.want(errnoFault, "args_get", 0, end-8)
		c.want(errnoFault, "args_sizes_get", 0, end-3)
		c.want(errnoFault, "args_sizes_get", end-3, 0)
	})
}

func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		withProcess(t, abi.Config{}, func(c *caller) {
			for id := range uint64(4) {
				c.want(errnoSuccess, "clock_res_get", id, 0)
				if c.u64(0) == 0 {
					t.Errorf("clock %d has no resolution", id)
				}
				c.want(errnoFault, "clock_time_get", id, 0, end-7)
			}
			c.want(errnoInval, "clock_res_get", 4, 0)
			c.want(errnoInval, "clock_time_get", 4, 0, 0)

			c.want(errnoSuccess, "clock_time_get", uint64(clockRealtime), 0, 0)
			if got, want := c.u64(0), uint64(time.Now().UnixNano()); got != want {
				t.Errorf("realtime is %d, want %d", got, want)
			}
			c.want(errnoSuccess, "clock_time_get", uint64(clockMonotonic), 0, 0)
			before := c.u64(0)
			if before == 0 {
				t.Error("monotonic time is zero")
			}
			if err := c.Sleep(time.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
			c.want(errnoSuccess, "clock_time_get", uint64(clockMonotonic), 0, 0)
			if passed := c.u64(0) - before; passed != uint64(time.Second) {
				t.Errorf("a second of monotonic time is %d", passed)
			}
		})
	})
}

func TestCPUTime(t *testing.T) {
	withProcess(t, abi.Config{}, func(c *caller) {
		for begin := time.Now(); time.Since(begin) < 5*time.Millisecond; {
		}
		c.want(errnoSuccess, "sched_yield")
		c.want(errnoSuccess, "clock_time_get", uint64(clockProcessCPU), 0, 0)
		if used := time.Duration(c.u64(0)); used < 5*time.Millisecond {
			t.Errorf("CPU time is %v after 5 ms of work", used)
		}
	})
}

// counter reads the bytes 0, 1, 2 and so on.
type counter struct{ next byte }

func (c *counter) Read(p []byte) (int, error) {
	n := min(len(p), 1000) // as short as readers may be
	for i := range n {
		p[i] = c.next
		c.next++
	}
	return n, nil
}

// counting is an ABI whose random bytes count up.
func counting() *ABI { return &ABI{appends: files.NewAppends(), random: new(counter)} }

func TestRandom(t *testing.T) {
	withProcessOf(t, counting(), abi.Config{}, func(c *caller) {
		c.want(errnoSuccess, "random_get", 16, end-16)
		for i, b := range c.mem.bytes[16:] {
			if b != byte(i) {
				t.Fatalf("byte %d is %d", i, b)
			}
		}
		if got := c.hex(0, 16); got != strings.Repeat("00", 16) {
			t.Errorf("before the buffer there is %s", got)
		}
		c.want(errnoSuccess, "random_get", end, 0)
		c.want(errnoFault, "random_get", 1, end)
		c.want(errnoFault, "random_get", 0, math.MaxUint32)
	})
}

// TestRandomIsPreempted: a guest can't keep its worker with one call.
func TestRandomIsPreempted(t *testing.T) {
	e, err := executor.New(executor.Config{Workers: 1, Quantum: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	_, err = e.Spawn(executor.TaskSpec{Run: func(f *executor.Fiber) {
		defer close(done)
		config := abi.Config{Driver: e.Driver()}
		p, err := newProcess(New(), &config)
		if err != nil {
			t.Error(err)
			return
		}
		p.enter(f, &config)
		defer p.close()
		f.SetMeter(p)
		defer f.SetMeter(nil)
		mem := memory{&linear{bytes: make([]byte, 8<<20)}}
		if e := randomGet(p, mem, args{0, 8 << 20}); e != errnoSuccess {
			t.Errorf("random_get: errno %d", e)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if err := e.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if got, want := e.Stats().Preemptions, uint64(8<<20*randomCost/100_000/2); got < want {
		t.Errorf("preempted %d times, want %d or more", got, want)
	}
}

func TestProcExitAndRaise(t *testing.T) {
	for _, tt := range []struct {
		function string
		param    uint64
		code     int64 // -1: it goes on
		e        errno
	}{
		{"proc_exit", 0, 0, 0},
		{"proc_exit", 3, 3, 0},
		{"proc_exit", math.MaxUint32, math.MaxUint32, 0},
		{"proc_raise", 0, -1, errnoSuccess},
		{"proc_raise", 6, 128 + 6, 0}, // abrt
		{"proc_raise", 13, -1, errnoSuccess},
		{"proc_raise", 15, 128 + 15, 0}, // term
		{"proc_raise", 18, -1, errnoNotsup},
		{"proc_raise", 30, 128 + 30, 0}, // sys
		{"proc_raise", 31, -1, errnoInval},
		{"proc_raise", 1 << 31, -1, errnoInval},
	} {
		wait, _ := startProcess(t, abi.Config{}, func(c *caller) {
			c.want(tt.e, tt.function, tt.param)
			if tt.code >= 0 {
				t.Errorf("%s(%d) returned", tt.function, tt.param)
			}
		})
		err := wait()
		if tt.code < 0 && err != nil {
			t.Errorf("%s(%d) ended the guest: %v", tt.function, tt.param, err)
		}
		if want := (&exit{uint32(tt.code)}).Error(); tt.code >= 0 && (err == nil || err.Error() != want) {
			t.Errorf("%s(%d): %v, want %s", tt.function, tt.param, err, want)
		}
	}
}

func TestStdio(t *testing.T) {
	in, out := hostcalls.NewPipe(1024), hostcalls.NewPipe(1024)
	write(t, in, "hello, world")
	in.CloseWrite()
	withProcess(t, abi.Config{Stdin: in.Reader(), Stdout: out.Writer()}, func(c *caller) {
		le.PutUint64(c.mem.bytes[0:], 100|5<<32)
		le.PutUint64(c.mem.bytes[8:], 200|100<<32)
		c.want(errnoSuccess, "fd_read", 0, 0, 2, 16)
		if c.u32(16) != 12 || string(c.mem.bytes[100:105])+string(c.mem.bytes[200:207]) != "hello, world" {
			t.Errorf("read %d bytes: %q, %q", c.u32(16), c.mem.bytes[100:105], c.mem.bytes[200:207])
		}
		c.want(errnoSuccess, "fd_read", 0, 0, 2, 16)
		if c.u32(16) != 0 {
			t.Errorf("read %d bytes at the end", c.u32(16))
		}
		c.iovec(8, 200, 7)
		c.want(errnoSuccess, "fd_write", 1, 0, 2, 16)
		if c.u32(16) != 12 {
			t.Errorf("wrote %d bytes, want 12", c.u32(16))
		}
		c.want(errnoSuccess, "fd_write", 2, 0, 2, 16)

		c.want(errnoBadf, "fd_write", 0, 0, 2, 16)
		c.want(errnoBadf, "fd_read", 1, 0, 2, 16)
		c.want(errnoBadf, "fd_read", 3, 0, 2, 16)
		c.want(errnoFault, "fd_write", 1, end-15, 2, 16)
		c.want(errnoFault, "fd_write", 1, 0, 2, end-3)
		c.want(errnoInval, "fd_write", 1, 0, 1025, 16)
		c.iovec(8, end-6, 7)
		c.want(errnoFault, "fd_write", 1, 0, 2, 16)
		c.want(errnoSuccess, "fd_write", 1, 0, 0, 16)
		if c.u32(16) != 0 {
			t.Errorf("wrote %d bytes from nowhere", c.u32(16))
		}
	})
	if got := drain(t, out); got != "hello, world" {
		t.Errorf("stdout has %q", got)
	}
}

func write(t testing.TB, p *hostcalls.Pipe, text string) {
	t.Helper()
	if _, err := hostcalls.WriteContext(t.Context(), p.Writer(), []byte(text)); err != nil {
		t.Error(err)
	}
}

// drain reads what is in a pipe.
func drain(t testing.TB, p *hostcalls.Pipe) string {
	t.Helper()
	var b bytes.Buffer
	buf := make([]byte, 1<<16)
	for {
		n, err := p.Reader().Read(buf)
		b.Write(buf[:n])
		if errors.Is(err, hostcalls.ErrWouldBlock) || errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Error(err)
			return b.String()
		}
	}
}

// TestStdioWaits: a read waits for input and a write for room. With nonblock they fail instead.
func TestStdioWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := hostcalls.NewPipe(512), hostcalls.NewPipe(512)
		var process *Process
		wait, _ := startProcess(t, abi.Config{Stdin: in.Reader(), Stdout: out.Writer()}, func(c *caller) {
			process = c.Process
			c.want(errnoSuccess, "fd_fdstat_set_flags", 0, uint64(fdflagNonblock))
			c.want(errnoSuccess, "fd_fdstat_set_flags", 1, uint64(fdflagNonblock))
			c.iovec(0, 100, 600)
			c.want(errnoAgain, "fd_read", 0, 0, 1, 16)
			c.want(errnoSuccess, "fd_write", 1, 0, 1, 16)
			if c.u32(16) != 512 {
				t.Errorf("wrote %d bytes into a pipe of 512", c.u32(16))
			}
			c.want(errnoAgain, "fd_write", 1, 0, 1, 16)

			c.want(errnoSuccess, "fd_fdstat_set_flags", 0, 0)
			c.want(errnoSuccess, "fd_fdstat_set_flags", 1, 0)
			c.want(errnoSuccess, "fd_read", 0, 0, 1, 16)
			if got := string(c.mem.bytes[100:103]); c.u32(16) != 3 || got != "abc" {
				t.Errorf("read %d bytes, %q", c.u32(16), got)
			}
			c.want(errnoSuccess, "fd_write", 1, 0, 1, 16)
			if c.u32(16) != 600 {
				t.Errorf("wrote %d bytes of 600 when there was room for all", c.u32(16))
			}
			c.want(errnoSuccess, "fd_write", 1, 0, 1, 16)
			if c.u32(16) != 50 {
				t.Errorf("wrote %d bytes, want the 50 there was room for before the reader left", c.u32(16))
			}
			c.want(errnoPipe, "fd_write", 1, 0, 1, 16)
		})
		synctest.Wait()
		wantOp(t, process, hostcalls.Op{Kind: hostcalls.OpRead, Target: "stdin", Bytes: 600}, 0)
		write(t, in, "abc")
		synctest.Wait()
		wantOp(t, process, hostcalls.Op{Kind: hostcalls.OpWrite, Target: "stdout", Bytes: 600}, 512)
		written := uint64(512)
		for _, n := range []int{100, 500, 50} {
			if _, err := out.Reader().Read(make([]byte, n)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			written += uint64(n)
			wantOp(t, process, hostcalls.Op{Kind: hostcalls.OpWrite, Target: "stdout", Bytes: 600}, written)
		}
		out.CloseRead()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// wantOp checks that a process waits for a single operation, which started now.
func wantOp(t *testing.T, p *Process, want hostcalls.Op, transferred uint64) {
	t.Helper()
	want.Start = time.Now()
	ops := p.AppendOps(nil)
	if len(ops) != 1 || ops[0].Transferred() != transferred {
		t.Errorf("ops are %+v, want one that has transferred %d bytes", ops, transferred)
	}
	for _, op := range ops {
		op.Subject = nil
		if op != want {
			t.Errorf("an op is %+v, want %+v", op, want)
		}
	}
}

func TestCancelEndsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := hostcalls.NewPipe(512)
		wait, task := startProcess(t, abi.Config{Stdin: in.Reader()}, func(c *caller) {
			c.iovec(0, 100, 600)
			c.call("fd_read", 0, 0, 1, 16)
			t.Error("the read returned")
		})
		synctest.Wait()
		task.Cancel(errStop)
		if err := wait(); err == nil || err.Error() != errStop.Error() {
			t.Errorf("the guest ended with %v, want the cause", err)
		}
	})
}

func TestDescriptorCalls(t *testing.T) {
	withProcess(t, abi.Config{}, func(c *caller) {
		c.want(errnoSuccess, "fd_fdstat_get", 1, 0)
		if got, want := c.hex(0, 24), "00000000"+"00000000"+"4800200800000000"+"0000000000000000"; got != want {
			t.Errorf("fdstat of stdout is %s, want %s", got, want)
		}
		c.want(errnoFault, "fd_fdstat_get", 1, end-23)
		c.want(errnoBadf, "fd_fdstat_get", 9, 0)
		c.want(errnoSuccess, "fd_filestat_get", 1, 0)
		c.want(errnoFault, "fd_filestat_get", 1, end-63)

		c.want(errnoInval, "fd_fdstat_set_flags", 1, 1<<5)
		c.want(errnoInval, "fd_fdstat_set_flags", 1, 1<<16)
		c.want(errnoSuccess, "fd_fdstat_set_flags", 1, uint64(fdflagNonblock))
		c.want(errnoSuccess, "fd_fdstat_get", 1, 0)
		if flags := c.mem.bytes[2]; flags != byte(fdflagNonblock) {
			t.Errorf("flags are %d", flags)
		}

		kept := uint64(rightPollFdReadwrite)
		c.want(errnoNotcapable, "fd_fdstat_set_rights", 1, kept|uint64(rightFdRead), 0)
		c.want(errnoNotcapable, "fd_fdstat_set_rights", 1, kept, 1)
		c.want(errnoSuccess, "fd_fdstat_set_rights", 1, kept, 0)
		c.iovec(0, 100, 1)
		c.want(errnoBadf, "fd_write", 1, 0, 1, 16)
		c.want(errnoNotcapable, "fd_fdstat_set_flags", 1, 0)
		c.want(errnoNotcapable, "fd_filestat_get", 1, 0)

		c.want(errnoSuccess, "fd_renumber", 2, 1)
		c.want(errnoBadf, "fd_close", 2)
		c.want(errnoSuccess, "fd_write", 1, 0, 1, 16)
		c.want(errnoSuccess, "fd_close", 1)
		c.want(errnoBadf, "fd_write", 1, 0, 1, 16)
		c.want(errnoBadf, "fd_renumber", 0, 1)
	})
}
