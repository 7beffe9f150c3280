package wasip1

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero/api"
	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errStop = errors.New("stop")

// linear is a linear memory without a guest. The slices that it returns do not reach outside of it.
type linear struct {
	api.Memory
	bytes []byte
}

func (l *linear) Size() uint32 { return uint32(len(l.bytes)) }

func (l *linear) Read(offset, n uint32) ([]byte, bool) {
	if uint64(offset)+uint64(n) > uint64(len(l.bytes)) {
		return nil, false
	}
	return l.bytes[offset : offset+n : offset+n], true
}

// caller makes the calls that a guest would, on the fiber of its process.
type caller struct {
	*Process
	t     testing.TB
	mem   *linear
	table map[string]function
}

// startProcess runs body on the fiber of a new process. wait waits for its end and its executor's,
// and returns what newProcess, or a call that ended the guest, returned.
func startProcess(t testing.TB, config abi.Config, body func(*caller)) (wait func() error, _ *executor.Task) {
	t.Helper()
	return startProcessOf(t, New(), config, body)
}

// startProcessOf is startProcess for a process of an ABI.
func startProcessOf(t testing.TB, a *ABI, config abi.Config, body func(*caller)) (wait func() error, _ *executor.Task) {
	t.Helper()
	e, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	config.Driver = e.Driver()
	if config.Mounts == nil {
		config.Mounts = vfs.NewMounts()
		config.Mounts.Read() // so that lanes stay what they are
	}
	var ended error
	done := make(chan struct{})
	task, err := e.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			p, err := newProcess(a, &config)
			if err != nil {
				ended = err
				return
			}
			p.enter(f, &config)
			defer p.close()
			if ended = p.openGrants(&config); ended != nil {
				return
			}
			defer func() {
				if v := recover(); v != nil {
					ended = v.(error) // of engine.Abort
				}
			}()
			body(&caller{p, t, &linear{bytes: make([]byte, 1<<16)}, byName()})
		},
		Done: func(*executor.Task) { close(done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		<-done
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		return ended
	}, task
}

// withProcess runs body on the fiber of a new process, to its end.
func withProcess(t testing.TB, config abi.Config, body func(*caller)) {
	t.Helper()
	withProcessOf(t, New(), config, body)
}

// withProcessOf is withProcess for a process of an ABI.
func withProcessOf(t testing.TB, a *ABI, config abi.Config, body func(*caller)) {
	t.Helper()
	wait, _ := startProcessOf(t, a, config, body)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func byName() map[string]function {
	table := make(map[string]function)
	for _, f := range slices.Backward(functions()) {
		table[f.name] = f
		table[formOf(f.name, len(f.params))] = f
	}
	return table
}

// formOf is the key in byName of a function that has several forms.
func formOf(name string, params int) string { return fmt.Sprint(name, "/", params) }

// call calls a function by its name.
func (c *caller) call(name string, params ...uint64) errno {
	c.t.Helper()
	f, ok := c.table[formOf(name, len(params))]
	if !ok || len(params) != len(f.params) {
		c.t.Fatalf("%s does not take %d parameters", name, len(params))
	}
	return f.call(c.Process, memory{c.mem}, params)
}

// want calls a function and fails the test if the errno is another.
func (c *caller) want(e errno, name string, params ...uint64) {
	c.t.Helper()
	if got := c.call(name, params...); got != e {
		c.t.Errorf("%s%v = errno %d, want %d", name, params, got, e)
	}
}

// iovec writes a list of one buffer at ptr.
func (c *caller) iovec(ptr, buf, n uint32) {
	le.PutUint32(c.mem.bytes[ptr:], buf)
	le.PutUint32(c.mem.bytes[ptr+4:], n)
}

func (c *caller) u32(ptr uint32) uint32 { return le.Uint32(c.mem.bytes[ptr:]) }
func (c *caller) u64(ptr uint32) uint64 { return le.Uint64(c.mem.bytes[ptr:]) }

// hex is the memory at ptr.
func (c *caller) hex(ptr, n uint32) string { return hex.EncodeToString(c.mem.bytes[ptr : ptr+n]) }

// u is a negative number as an argument.
func u(n int64) uint64 { return uint64(n) }

// TestProcessIsSmall: a process is small, since a hundred thousand of them wait at once.
func TestProcessIsSmall(t *testing.T) {
	const most = 704 - 8 // the allocator has a header for what is larger than 512 bytes
	if n := unsafe.Sizeof(Process{}); n > most {
		t.Errorf("a Process takes %d bytes, more than %d", n, most)
	}
}

func TestFunctionsOfAModuleWithoutMemory(t *testing.T) {
	withProcess(t, abi.Config{}, func(c *caller) {
		c.memoryless = true
		f := c.table["clock_time_get"]
		if e := f.call(c.Process, c.memoryOf(nil), args{0, 0, 0}); e != errnoFault {
			t.Errorf("clock_time_get = %d, want fault", e)
		}
	})
}

// TestSignatures compares the functions and their types with the specification.
func TestSignatures(t *testing.T) {
	want := map[string]string{
		"args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii",
		"clock_res_get": "ii", "clock_time_get": "iIi",
		"fd_advise": "iIIi", "fd_allocate": "iII", "fd_close": "i", "fd_datasync": "i",
		"fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII",
		"fd_filestat_get": "ii", "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi",
		"fd_pread": "iiiIi", "fd_prestat_get": "ii", "fd_prestat_dir_name": "iii",
		"fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi", "fd_renumber": "ii",
		"fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii",
		"path_create_directory": "iii", "path_filestat_get": "iiiii",
		"path_filestat_set_times": "iiiiIIi", "path_link": "iiiiiii", "path_open": "iiiiiIIii",
		"path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
		"path_symlink": "iiiii", "path_unlink_file": "iii",
		"poll_oneoff": "iiii", "proc_exit": "i", "proc_raise": "i", "sched_yield": "",
		"random_get": "ii", "sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii",
		"sock_shutdown": "ii",
	}
	// WasmEdge's wasimodule.cpp and wasifunc.h, and the libraries that import the second version by the names of the first.
	forms := map[string][]string{"sock_accept": {"ii"}, "sock_recv_from": {"iiiiiiii"}, "sock_getlocaladdr": {"iii"}, "sock_getpeeraddr": {"iii"}}
	maps.Copy(want, map[string]string{
		"sock_open": "iii", "sock_bind": "iii", "sock_connect": "iii", "sock_listen": "ii", "sock_recv_from": "iiiiiii",
		"sock_send_to": "iiiiiii", "sock_getsockopt": "iiiii", "sock_setsockopt": "iiiii", "sock_getlocaladdr": "iiii",
		"sock_getpeeraddr": "iiii", "sock_getaddrinfo": "iiiiiiii",
		"sock_open_v2": "iii", "sock_bind_v2": "iii", "sock_connect_v2": "iii", "sock_listen_v2": "ii", "sock_accept_v2": "iii",
		"sock_recv_v2": "iiiiii", "sock_recv_from_v2": "iiiiiiii", "sock_send_v2": "iiiii", "sock_send_to_v2": "iiiiiii",
		"sock_getlocaladdr_v2": "iii", "sock_getpeeraddr_v2": "iii", "epoll_oneoff": "iiii",
	})
	for name, params := range want {
		forms[name] = append(forms[name], params)
		slices.Sort(forms[name])
	}
	got := map[string][]string{}
	for _, f := range functions() {
		got[f.name] = append(got[f.name], f.params)
		slices.Sort(got[f.name])
	}
	if diff := cmp.Diff(forms, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if first := functions()[slices.IndexFunc(functions(), func(f function) bool { return f.name == "sock_accept" })]; first.params != "iii" {
		t.Errorf("the first form of sock_accept has parameters %q", first.params)
	}
}

// extremes are numbers with which arithmetic on pointers and lengths goes wrong.
var extremes = []uint64{
	0, 1, 2, 3, 4, 7, 8, 24, 32, 48, 64, 1023, 1024, 1025, 4095, 4096,
	1<<16 - 8, 1<<16 - 4, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20,
	1<<31 - 1, 1 << 31, math.MaxUint32 - 47, math.MaxUint32 - 7, math.MaxUint32 - 1, math.MaxUint32,
}
