package wasip1

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// Sizes of what the largest calls work on, and its places in memory.
const (
	manyValues  = 4096
	valueBytes  = 250
	longValue   = 1 << 20
	manySubs    = 1 << 16
	folderNames = 2000

	atList    = 0         // of buffers
	atOut     = 64 << 10  // results
	atLong    = 128 << 10 // a path
	atSubs    = 1 << 20
	atEvents  = 8 << 20
	atData    = 16 << 20
	heapBytes = 40 << 20

	atFault = heapBytes - 1
)

// Descriptors of the process that makes them.
const (
	fdFolder = 3 + iota
	fdListener
	fdPeer
	fdFile
	fdFile2
	fdStream   // of the guest, connected
	fdDatagram // of the guest, bound
	fdIdle     // a TCP socket of the guest
	fdNone     = 1000
)

// costly is a call that does the most work for its arguments, or that fails as late as possible. Every call has one,
// except proc_exit and the signals that end the process, which do not return.
type costly struct {
	function string
	name     string
	prepare  func(c *caller) // what lies in memory
	params   []uint64
	least    int64 // units of fuel that it must be charged, in addition to callCost
}

func costlyCalls() []costly {
	values := int64(manyValues*(stringCost+(valueBytes>>3)) + longValue>>3)
	lists := int64(maxIovecs * iovecCost)
	paths := int64(maxPath * pathCost)
	buffers := func(n uint32, ptr func(i uint32) uint32) func(*caller) {
		return func(c *caller) {
			for i := range uint32(maxIovecs) {
				c.iovec(atList+i*sizeIovec, ptr(i), n)
			}
		}
	}
	small := buffers(64, func(i uint32) uint32 { return atData + 64*i })
	large := func(c *caller) { c.iovec(atList, atData, 16<<20) }
	faulty := buffers(64, func(i uint32) uint32 { return atData + 64*i + i/(maxIovecs-1)*heapBytes })
	path := func(last string) func(*caller) {
		return func(c *caller) {
			c.str(atLong, (strings.Repeat("none/", maxPath/5+1))[:maxPath-1]+last)
		}
	}
	subs := func(sub func(i uint64) []byte) func(*caller) {
		return func(c *caller) {
			for i := range uint64(manySubs) {
				copy(c.mem.bytes[atSubs+i*sizeSubscription:], sub(i))
			}
		}
	}
	due := subs(func(i uint64) []byte { return clockSubscription(i, clockMonotonic, 0, 0) })
	ready := subs(func(i uint64) []byte { return fdSubscription(i, eventFdWrite, fdPeer) })
	bad := subs(func(i uint64) []byte { return fdSubscription(i, eventFdRead, fdNone) })
	long := []uint64{atLong, maxPath}
	address := func(c *caller) {
		c.iovec(atOut, atOut+sizeAddress, sizeInet4)
		copy(c.mem.bytes[atOut+sizeAddress:], serverAt.Addr().AsSlice())
	}
	datagram := func(c *caller) { // as long as any
		address(c)
		buffers(63, func(i uint32) uint32 { return atData + 63*i })(c)
	}
	hints := func(c *caller) {
		clear(c.mem.bytes[atSubs : atSubs+sizeAddrinfo])
		c.str(atLong, strings.Repeat("name.", maxNode/5))
	}
	many := func(c *caller) {
		hints(c)
		c.str(atLong, "many")
		c.list(atOut, atSubs, maxAddrinfo, sizeData6)
	}
	with := func(lists ...[]uint64) []uint64 { return slices.Concat(lists...) }
	all := []costly{
		{"args_get", "", nil, []uint64{atSubs, atData}, values},
		{"args_get", "no room", nil, []uint64{atSubs, atFault}, 0},
		{"args_sizes_get", "", nil, []uint64{atOut, atOut}, 0},
		{"environ_get", "", nil, []uint64{atSubs, atData}, values},
		{"environ_sizes_get", "", nil, []uint64{atOut, atFault}, 0},
		{"clock_res_get", "", nil, []uint64{0, atOut}, 0},
		{"clock_time_get", "", nil, []uint64{1, 0, atOut}, 0},
		{"proc_raise", "", nil, []uint64{sigPipe}, 0},
		{"sched_yield", "", nil, nil, 0},
		{"random_get", "", nil, []uint64{atData, 16 << 20}, 16 << 20 * randomCost},
		{"random_get", "no room", nil, []uint64{atData, heapBytes}, 0},
		{"poll_oneoff", "clocks", due, []uint64{atSubs, atEvents, manySubs, atOut}, manySubs * pollCost},
		{"poll_oneoff", "a socket", ready, []uint64{atSubs, atEvents, manySubs, atOut}, manySubs * pollCost},
		{"poll_oneoff", "no descriptors", bad, []uint64{atSubs, atEvents, manySubs, atOut}, manySubs * pollCost},
		{"epoll_oneoff", "", due, []uint64{atSubs, atEvents, manySubs, atOut}, manySubs * pollCost},
		{"poll_oneoff", "no room", due, []uint64{atSubs, atEvents, manySubs, atFault}, 0},
		{"fd_close", "", nil, []uint64{fdNone}, 0},
		{"fd_renumber", "", nil, []uint64{fdFile, fdNone}, 0},
		{"fd_fdstat_get", "", nil, []uint64{fdFile, atOut}, 0},
		{"fd_fdstat_set_flags", "", nil, []uint64{fdFile, uint64(fdflagAppend)}, 0},
		{"fd_fdstat_set_rights", "", nil, []uint64{fdFile, 1 << 60, 0}, 0},
		{"fd_filestat_get", "", nil, []uint64{fdFile, atOut}, 0},
		{"fd_read", "many buffers", small, []uint64{0, atList, maxIovecs, atOut}, 2*lists + pieceBytes>>3},
		{"fd_read", "one buffer", large, []uint64{0, atList, 1, atOut}, pieceBytes >> 3},
		{"fd_read", "the last buffer faults", faulty, []uint64{0, atList, maxIovecs, atOut}, lists},
		{"fd_read", "of a file", small, []uint64{fdFile, atList, maxIovecs, atOut}, lists},
		{"fd_write", "many buffers", small, []uint64{1, atList, maxIovecs, atOut}, 2*lists + pieceBytes>>3},
		{"fd_write", "one buffer", large, []uint64{1, atList, 1, atOut}, pieceBytes >> 3},
		{"fd_write", "the last buffer faults", faulty, []uint64{1, atList, maxIovecs, atOut}, lists},
		{"fd_write", "too many buffers", small, []uint64{1, atList, 1 << 30, atOut}, 0},
		{"fd_write", "to a file", small, []uint64{fdFile, atList, maxIovecs, atOut}, lists + pieceBytes>>3},
		{"sock_accept", "", nil, []uint64{fdListener, 0, atOut}, 0},
		{"sock_recv", "peek", small, []uint64{fdPeer, atList, maxIovecs, uint64(recvPeek), atOut, atOut}, 2 * lists},
		{"sock_recv", "all", small, []uint64{fdPeer, atList, maxIovecs, uint64(recvWaitall), atOut, atOut}, 2 * lists},
		{"sock_send", "many buffers", small, []uint64{fdPeer, atList, maxIovecs, 0, atOut}, 2*lists + pieceBytes>>3},
		{"sock_shutdown", "", nil, []uint64{fdPeer, uint64(shutdownRead)}, 0},
		{"sock_open", "", nil, []uint64{afInet4, sockStream, atOut}, openCost},
		{"sock_open_v2", "no such family", nil, []uint64{afUnix, sockStream, atOut}, 0},
		{"sock_bind", "", address, []uint64{fdIdle, atOut, 1}, 0},
		{"sock_bind_v2", "", address, []uint64{fdIdle, atOut, 1}, 0},
		{"sock_connect", "", address, []uint64{fdIdle, atOut, 9}, connectCost},
		{"sock_connect_v2", "connected", address, []uint64{fdStream, atOut, 9}, 0},
		{"sock_listen", "", nil, []uint64{fdIdle, 1}, 0},
		{"sock_listen_v2", "", nil, []uint64{fdIdle, 1}, 0},
		{"sock_accept", "of the first version", nil, []uint64{fdListener, atOut}, 0},
		{"sock_accept_v2", "", nil, []uint64{fdListener, 0, atOut}, 0},
		{"sock_recv_v2", "peek", small, []uint64{fdPeer, atList, maxIovecs, uint64(recvPeek), atOut, atOut}, 2 * lists},
		{"sock_send_v2", "", small, []uint64{fdPeer, atList, maxIovecs, 0, atOut}, 2*lists + pieceBytes>>3},
		{"sock_getlocaladdr", "", address, []uint64{fdStream, atOut, atOut}, 0},
		{"sock_getlocaladdr", "with the type", address, []uint64{fdStream, atOut, atOut, atOut}, 0},
		{"sock_getlocaladdr_v2", "", address, []uint64{fdStream, atOut, atOut}, 0},
		{"sock_getpeeraddr", "", address, []uint64{fdStream, atOut, atOut}, 0},
		{"sock_getpeeraddr", "with the type", address, []uint64{fdStream, atOut, atOut, atOut}, 0},
		{"sock_getpeeraddr_v2", "", address, []uint64{fdStream, atOut, atOut}, 0},
		{"sock_getsockopt", "", nil, []uint64{fdStream, levelSocket, 0, atOut, 4}, 0},
		{"sock_setsockopt", "", nil, []uint64{fdStream, levelSocket, 0, atOut, 4}, 0},
		{"sock_recv_from", "", datagram, []uint64{fdDatagram, atList, maxIovecs, atOut, 0, atOut, atOut, atOut}, 2 * lists},
		{"sock_recv_from", "without a port", datagram, []uint64{fdDatagram, atList, maxIovecs, atOut, 0, atOut, atOut}, 2 * lists},
		{"sock_recv_from_v2", "", datagram, []uint64{fdDatagram, atList, maxIovecs, atOut, 0, atOut, atOut, atOut}, 2 * lists},
		{"sock_send_to", "", datagram, []uint64{fdDatagram, atList, maxIovecs, atOut, 9, 0, atOut}, 2 * lists},
		{"sock_send_to_v2", "", datagram, []uint64{fdDatagram, atList, maxIovecs, atOut, 9, 0, atOut}, 2 * lists},
		{"sock_getaddrinfo", "", hints, []uint64{atLong, maxNode, atLong, 0, atSubs, atOut, 8, atOut}, 0},
		{"sock_getaddrinfo", "of many", many, []uint64{atLong, 4, atLong, 0, atSubs, atOut, maxAddrinfo, atOut}, addrinfoCost},
		{"fd_advise", "", nil, []uint64{fdFile, 0, 1 << 20, 0}, 0},
		{"fd_allocate", "", nil, []uint64{fdFile, 0, 1 << 20}, 0},
		{"fd_datasync", "", nil, []uint64{fdFile}, 0},
		{"fd_sync", "", nil, []uint64{fdFile}, 0},
		{"fd_filestat_set_size", "", nil, []uint64{fdFile, 1 << 20}, 0},
		{"fd_filestat_set_times", "", nil, []uint64{fdFile, 0, 0, 1}, 0},
		{"fd_pread", "", small, []uint64{fdFile, atList, maxIovecs, 0, atOut}, lists},
		{"fd_pwrite", "", small, []uint64{fdFile, atList, maxIovecs, 0, atOut}, lists + pieceBytes>>3},
		{"fd_prestat_get", "", nil, []uint64{fdFolder, atOut}, 0},
		{"fd_prestat_dir_name", "", nil, []uint64{fdFolder, atOut, 1 << 10}, 0},
		{"fd_readdir", "", nil, []uint64{fdFolder, atData, 16 << 20, 0, atOut}, folderNames * sizeDirent >> 3},
		{"fd_seek", "", nil, []uint64{fdFile, 0, whenceEnd, atOut}, 0},
		{"fd_tell", "", nil, []uint64{fdFile, atOut}, 0},
	}
	for _, p := range []struct {
		last string
		name string
	}{{"n", "of none"}, {"\x00", "with a NUL at its end"}, {"\xff", "that is no text"}} {
		for _, f := range []struct {
			function string
			params   []uint64
			paths    int64
		}{
			{"path_create_directory", with([]uint64{fdFolder}, long), 1},
			{"path_filestat_get", with([]uint64{fdFolder, 1}, long, []uint64{atOut}), 1},
			{"path_filestat_set_times", with([]uint64{fdFolder, 1}, long, []uint64{0, 0, 0}), 1},
			{"path_link", with([]uint64{fdFolder, 0}, long, []uint64{fdFolder}, long), 1},
			{"path_open", with([]uint64{fdFolder, 1}, long, []uint64{0, 2, 0, 0, atOut}), 1},
			{"path_readlink", with([]uint64{fdFolder}, long, []uint64{atOut, 1 << 10, atOut}), 1},
			{"path_remove_directory", with([]uint64{fdFolder}, long), 1},
			{"path_rename", with([]uint64{fdFolder}, long, []uint64{fdFolder}, long), 1},
			{"path_symlink", with(long, []uint64{fdFolder}, long), 1},
			{"path_unlink_file", with([]uint64{fdFolder}, long), 1},
		} {
			all = append(all, costly{f.function, p.name, path(p.last), f.params, f.paths * paths})
		}
	}
	return all
}

// endless is a Source that always has something, a Sink that takes everything, and a Notifier.
type endless struct{ hostcalls.Discard }

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// withCostly runs body on a process with everything that the costly calls need.
func withCostly(t testing.TB, body func(*caller)) {
	t.Helper()
	values := append(slices.Repeat([]string{strings.Repeat("y", valueBytes)}, manyValues), strings.Repeat("z", longValue))
	dir := t.TempDir()
	for i := range folderNames {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	stack := networktest.New()
	stack.SetCapacity(1 << 20)
	server := listenOn(t, stack, serverAt)
	stack.Name("many", networktest.Answer{Addrs: slices.Repeat([]netip.Addr{serverAt.Addr()}, 500)})
	wait, _ := startProcessOf(t, counting(), abi.Config{
		Args: values, Env: values, Stdin: endless{}, Stdout: endless{},
		Grants: []capability.Grant{
			folderGrant{HostPath: dir, GuestPath: "/"},
			listenerGrant("127.0.0.1:0"),
			connectionGrant(serverAt.String()),
		},
		PendingOps: manySubs,
		Network:    network.Config{Stack: stack, Access: access{dial: []netip.AddrPort{serverAt}, names: []string{"many"}}},
	}, func(c *caller) {
		c.mem.bytes = make([]byte, heapBytes)
		peer, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if _, err := peer.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		for fd, want := range []uint64{fdFile, fdFile2} {
			if got := c.mustOpen(fdFolder, fmt.Sprint(fd), 0, fileRights, 0); got != want {
				t.Fatalf("a file has the number %d", got)
			}
		}
		withOpened(c)
		c.want(errnoSuccess, "fd_fdstat_set_flags", fdPeer, uint64(fdflagNonblock))
		body(c)
	})
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// withOpened opens the sockets of the guest.
func withOpened(c *caller) {
	for _, want := range []uint64{fdStream, fdDatagram, fdIdle} {
		kind := uint64(sockStream)
		if want == fdDatagram {
			kind = sockDgram
		}
		if got := c.openSocket(afInet4, kind); got != want {
			c.t.Fatalf("a socket has the number %d, want %d", got, want)
		}
		if want == fdStream {
			c.connect(errnoSuccess, fdStream, serverAt)
		}
		c.want(errnoSuccess, "fd_fdstat_set_flags", want, uint64(fdflagNonblock))
	}
}

// ledger is a Meter that records the charges of its process: in all, and the most between two points where it gives the
// worker up.
type ledger struct {
	*Process
	all, most int64
	began     time.Duration // the CPU time of before, in which time on a worker does not show here
}

// pooled is what it was charged for the blocking pool's time.
func (l *ledger) pooled() int64 {
	return (l.Fiber().Task().Usage().CPU - l.began).Microseconds() * hostcalls.FuelPerMicrosecond
}

// Refill gives almost no fuel, so that the worker is given up wherever possible.
func (l *ledger) Refill(int64) { l.Process.Refill(callCost) }

func (l *ledger) Burnt() int64 {
	burnt := l.Process.Burnt()
	l.all += burnt
	l.most = max(l.most, burnt)
	return burnt
}

// TestEveryCallIsCharged: each function of the module is charged for the work that its arguments cause, whether or not it
// succeeds, in pieces of less than a quantum each.
func TestEveryCallIsCharged(t *testing.T) {
	const quantum = 500_000 // executor.Config
	calls := costlyCalls()
	covered := map[string]bool{formOf("proc_exit", 1): true}
	for _, call := range calls {
		covered[formOf(call.function, len(call.params))] = true
	}
	for _, f := range functions() {
		if !covered[formOf(f.name, len(f.params))] {
			t.Errorf("%s%q has no entry among the costly calls", f.name, f.params)
		}
	}
	synctest.Test(t, func(t *testing.T) { // system calls take no time
		withCostly(t, func(c *caller) {
			for _, call := range calls {
				l := &ledger{Process: c.Process, began: c.Fiber().Task().Usage().CPU}
				c.make(call, l)
				c.Fiber().Yield()
				if want := call.least + callCost; l.all < want {
					t.Errorf("%s, %s: charged %d units, want %d or more", call.function, call.name, l.all, want)
				}
				// Work of the blocking pool is charged at once, but was not done on the worker.
				if atOnce := l.most - l.pooled(); atOnce > quantum/2 {
					t.Errorf("%s, %s: charged %d units at a time, more than half a quantum", call.function, call.name, atOnce)
				}
			}
		})
	})
}

// make makes a call, counted by a meter.
func (c *caller) make(call costly, m executor.Meter) {
	if call.prepare != nil {
		call.prepare(c)
	}
	c.Fiber().SetMeter(m)
	defer c.Fiber().SetMeter(nil)
	c.charge(callCost) // as function.Call does
	c.call(call.function, call.params...)
}
