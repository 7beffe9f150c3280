package wasip1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// startConnected runs body with the connection it was granted as descriptor 3, and returns the
// other end of it.
func startConnected(t *testing.T, body func(*caller)) (wait func() error, peer *net.TCPConn, _ *executor.Task) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wait, task := startProcess(t, abi.Config{
		Grants: []capability.Grant{connectionGrant(l.Addr().String())},
	}, body)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return wait, c.(*net.TCPConn), task
}

func TestConnection(t *testing.T) {
	wait, peer, _ := startConnected(t, func(c *caller) {
		c.want(errnoSuccess, "fd_fdstat_get", 3, 0)
		if kind := filetype(c.mem.bytes[0]); kind != filetypeSocketStream {
			t.Errorf("the connection's type is %d", kind)
		}
		c.iovec(0, 100, 5)
		c.want(errnoSuccess, "sock_send", 3, 0, 1, 0, 16) // five zeros

		c.want(errnoSuccess, "sock_recv", 3, 0, 1, uint64(recvPeek), 16, 20)
		if got := string(c.mem.bytes[100:103]); c.u32(16) != 3 || got != "abc" {
			t.Errorf("peeked at %d bytes: %q", c.u32(16), got)
		}
		events := c.poll(fdSubscription(1, eventFdRead, 3), fdSubscription(2, eventFdWrite, 3))
		if want := []pollEvent{{1, 0, eventFdRead, 3, false}, {2, 0, eventFdWrite, 1, false}}; !sameEvents(events, want) {
			t.Errorf("events %v, want %v", events, want)
		}
		c.iovec(0, 100, 2)
		c.want(errnoSuccess, "fd_read", 3, 0, 1, 16)
		if got := string(c.mem.bytes[100:102]); c.u32(16) != 2 || got != "ab" {
			t.Errorf("read %d bytes: %q", c.u32(16), got)
		}
		// The peer sends the rest once it has got this byte.
		c.iovec(0, 100, 1)
		c.want(errnoSuccess, "fd_write", 3, 0, 1, 16)
		c.iovec(0, 100, 3)
		c.iovec(8, 200, 2)
		c.want(errnoSuccess, "sock_recv", 3, 0, 2, uint64(recvWaitall), 16, 20)
		if got := string(c.mem.bytes[100:103]) + string(c.mem.bytes[200:202]); c.u32(16) != 5 || got != "cdefg" {
			t.Errorf("received %d bytes: %q", c.u32(16), got)
		}
		c.want(errnoSuccess, "sock_shutdown", 3, uint64(shutdownWrite))
		// The peer closes when it sees the end.
		events = c.poll(fdSubscription(1, eventFdRead, 3))
		if want := []pollEvent{{1, 0, eventFdRead, 0, true}}; !sameEvents(events, want) {
			t.Errorf("events %v, want %v", events, want)
		}
		c.want(errnoSuccess, "sock_recv", 3, 0, 2, uint64(recvWaitall), 16, 20)
		if c.u32(16) != 0 {
			t.Errorf("received %d bytes at the end", c.u32(16))
		}
		c.want(errnoPipe, "sock_send", 3, 0, 1, 0, 16)
	})
	if _, err := peer.Write([]byte("abc")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(peer, make([]byte, 6)); err != nil {
		t.Error(err)
	}
	for _, part := range []string{"de", "fg"} {
		if _, err := peer.Write([]byte(part)); err != nil {
			t.Error(err)
		}
	}
	if rest, err := io.ReadAll(peer); err != nil || len(rest) != 0 {
		t.Errorf("the peer got %q, %v at the end", rest, err)
	}
	_ = peer.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestConnectionDoesNotBlock(t *testing.T) {
	wait, _, _ := startConnected(t, func(c *caller) {
		c.want(errnoSuccess, "fd_fdstat_set_flags", 3, uint64(fdflagNonblock))
		c.iovec(0, 100, 1<<15)
		c.want(errnoAgain, "fd_read", 3, 0, 1, 16)
		c.want(errnoAgain, "sock_recv", 3, 0, 1, uint64(recvPeek), 16, 20)
		c.want(errnoAgain, "sock_recv", 3, 0, 1, uint64(recvWaitall), 16, 20)
		// The peer does not read: some time there is no room.
		for range 10_000 {
			if e := c.call("fd_write", 3, 0, 1, 16); e == errnoAgain {
				return
			} else if e != errnoSuccess {
				t.Fatalf("fd_write: errno %d", e)
			}
		}
		t.Error("there is no end to what a socket takes")
	})
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestConnectionBackpressure writes more than the sockets hold to a peer that reads when it likes.
func TestConnectionBackpressure(t *testing.T) {
	const total = 16 << 20
	wait, peer, _ := startConnected(t, func(c *caller) {
		c.iovec(0, 100, 60_000)
		for sent := 0; sent < total; sent += int(c.u32(16)) {
			c.iovec(0, 100, uint32(min(60_000, total-sent)))
			if e := c.call("fd_write", 3, 0, 1, 16); e != errnoSuccess {
				t.Errorf("fd_write: errno %d", e)
				return
			}
		}
	})
	got, err := io.Copy(io.Discard, peer)
	if got != total || err != nil {
		t.Errorf("the peer got %d bytes, %v; want %d", got, err, total)
	}
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestCancelEndsRecv(t *testing.T) {
	begun := make(chan struct{})
	wait, peer, task := startConnected(t, func(c *caller) {
		close(begun)
		c.iovec(0, 100, 10)
		c.call("sock_recv", 3, 0, 1, uint64(recvWaitall), 16, 20)
		t.Error("the call returned")
	})
	<-begun
	awaitParked(task)
	task.Cancel(errStop)
	if err := wait(); err == nil || err.Error() != errStop.Error() {
		t.Errorf("the guest ended with %v, want the cause", err)
	}
	if n, err := peer.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the process left its connection open: %d, %v", n, err)
	}
}

// awaitParked returns when a task waits for something.
func awaitParked(task *executor.Task) {
	for task.Phase() != executor.Parked {
		runtime.Gosched()
	}
}

// bound returns a TCP socket that has an address, and does not listen.
func bound(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}

// TestCancelEndsDial dials a peer that does not answer: its backlog is full, with connections of those that were
// made before, if any were.
func TestCancelEndsDial(t *testing.T) {
	fd, address := bound(t)
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for connected := true; connected; {
		connected = false
		wait, task := startProcess(t, abi.Config{Grants: []capability.Grant{connectionGrant(address)}}, func(*caller) {
			connected = true
		})
		for task.Phase() != executor.Parked && task.Phase() != executor.Done {
			runtime.Gosched()
		}
		task.Cancel(errStop)
		if err := wait(); !connected && !errors.Is(err, errStop) {
			t.Errorf("openGrants = %v, want the cause", err)
		}
	}
}

func TestListener(t *testing.T) {
	addresses := make(chan string, 1)
	wait, _ := startProcess(t, abi.Config{
		Grants: []capability.Grant{listenerGrant("127.0.0.1:0")}, Descriptors: 6,
	}, func(c *caller) {
		c.want(errnoAgain, "sock_accept", 3, 0, 0) // it does not block unless it is told to
		c.want(errnoSuccess, "fd_fdstat_set_flags", 3, 0)
		c.want(errnoInval, "sock_accept", 3, uint64(fdflagAppend), 0)
		c.want(errnoFault, "sock_accept", 3, 0, end-3)
		c.want(errnoBadf, "fd_read", 3, 0, 0, 0)
		c.want(errnoNotconn, "sock_recv", 3, 0, 0, 0, 16, 20)
		c.want(errnoNotconn, "sock_shutdown", 3, 1)
		events := c.poll(fdSubscription(1, eventFdRead, 3), fdSubscription(2, eventFdWrite, 3),
			clockSubscription(3, clockMonotonic, 1, 0))
		if want := []pollEvent{{3, 0, eventClock, 0, false}}; !sameEvents(events, want) {
			t.Errorf("events %v, want %v", events, want)
		}
		addresses <- c.ListenAddresses()[0]
		events = c.poll(fdSubscription(1, eventFdRead, 3))
		if want := []pollEvent{{1, 0, eventFdRead, 1, false}}; !sameEvents(events, want) {
			t.Errorf("events %v, want %v", events, want)
		}
		c.want(errnoSuccess, "sock_accept", 3, uint64(fdflagNonblock), 0)
		if fd := c.u32(0); fd != 4 {
			t.Errorf("accepted as %d, want 4", fd)
		}
		c.want(errnoSuccess, "fd_fdstat_get", 4, 0)
		if flags := fdflags(c.mem.bytes[2]); flags != fdflagNonblock {
			t.Errorf("flags are %d", flags)
		}
		c.want(errnoSuccess, "sock_accept", 3, 0, 0) // waits for the second
		c.want(errnoMfile, "sock_accept", 3, 0, 0)
		c.iovec(0, 100, 4)
		for fd := uint64(4); fd <= 5; fd++ {
			copy(c.mem.bytes[100:], []byte{'n', 'o', '.', '0' + byte(fd)})
			c.want(errnoSuccess, "sock_send", fd, 0, 1, 0, 16)
			c.want(errnoSuccess, "fd_close", fd)
		}
		c.want(errnoInval, "sock_accept", 3, 1<<16, 0)
	})
	address := <-addresses
	var conns []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	if err := wait(); err != nil {
		t.Error(err)
	}
	var texts []string
	for _, conn := range conns {
		text, err := io.ReadAll(conn)
		if err != nil {
			t.Error(err)
		}
		texts = append(texts, string(text))
	}
	slices.Sort(texts) // which was accepted first is up to the system
	if !slices.Equal(texts, []string{"no.4", "no.5"}) {
		t.Errorf("got %q", texts)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Error("the process left its listener open")
	}
}

func TestSockCallsOfOthers(t *testing.T) {
	withProcess(t, abi.Config{}, func(c *caller) {
		c.want(errnoNotsock, "sock_shutdown", 1, 1)
		c.want(errnoNotsock, "sock_accept", 0, 0, 0)
		c.want(errnoNotsock, "sock_recv", 0, 0, 0, 0, 16, 20)
		c.want(errnoNotsock, "sock_send", 1, 0, 0, 0, 16)
		for _, fd := range []uint64{3, 1 << 31, 1<<32 - 1} {
			c.want(errnoBadf, "sock_shutdown", fd, 1)
			c.want(errnoBadf, "sock_accept", fd, 0, 0)
			c.want(errnoBadf, "sock_recv", fd, 0, 0, 0, 16, 20)
			c.want(errnoBadf, "sock_send", fd, 0, 0, 0, 16)
		}
	})
}

func TestSockArguments(t *testing.T) {
	wait, _, _ := startConnected(t, func(c *caller) {
		c.want(errnoInval, "sock_recv", 3, 0, 0, 4, 16, 20)
		c.want(errnoFault, "sock_recv", 3, 0, 0, 0, end-3, 20)
		c.want(errnoFault, "sock_recv", 3, 0, 0, 0, 16, end-1)
		c.want(errnoInval, "sock_send", 3, 0, 0, 1, 16)
		c.want(errnoInval, "sock_shutdown", 3, 0)
		c.want(errnoInval, "sock_shutdown", 3, 4)
		c.want(errnoInval, "sock_shutdown", 3, 1<<8)
		c.want(errnoInval, "sock_accept", 3, 0, 0)
		kept := uint64(rightFdRead)
		c.want(errnoSuccess, "fd_fdstat_set_rights", 3, kept, 0)
		c.want(errnoNotcapable, "sock_shutdown", 3, 1)
		c.want(errnoBadf, "sock_send", 3, 0, 0, 0, 16)
	})
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestGrantsThatFail: the error tells which grant and why, and nothing is left open.
func TestGrantsThatFail(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, deaf := bound(t) // nobody else is given its port meanwhile
	good := listenerGrant("127.0.0.1:0")
	for _, tt := range []struct {
		grant capability.Grant
		is    error  // nil: the text
		text  string // part of it
	}{
		{listenerGrant(busy.Addr().String()), syscall.EADDRINUSE, ""},
		{listenerGrant("nonsense"), nil, "missing port"},
		{connectionGrant(deaf), syscall.ECONNREFUSED, ""},
		{connectionGrant("127.0.0.1"), nil, "missing port"},
		{connectionGrant("localhost:http"), nil, "invalid port"},
		{connectionGrant("[fe80::1%lo]:80"), nil, "zone"},
	} {
		wait, _ := startProcess(t, abi.Config{Grants: []capability.Grant{good, tt.grant}}, func(*caller) {
			t.Errorf("%v was given", tt.grant)
		})
		err := wait()
		denied, ok := errors.AsType[*capability.Error](err)
		if !ok || denied.Grant != tt.grant || !strings.Contains(err.Error(), tt.text) ||
			(tt.is != nil && !errors.Is(err, tt.is)) {
			t.Errorf("%v: error %v", tt.grant, err)
		}
	}
}

// TestDialByName also tries the address that does not answer first, where a name has several.
func TestDialByName(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	withProcess(t, abi.Config{Grants: []capability.Grant{
		connectionGrant("localhost:" + port),
	}}, func(c *caller) {
		c.want(errnoSuccess, "sock_shutdown", 3, 3)
	})
}

// TestGrantOrder: folders first, then sockets.
func TestGrantOrder(t *testing.T) {
	withProcess(t, abi.Config{Grants: []capability.Grant{
		listenerGrant("127.0.0.1:0"),
		folderGrant{HostPath: t.TempDir(), GuestPath: "/"},
		listenerGrant("[::1]:0"),
	}}, func(c *caller) {
		var kinds []byte
		for fd := range uint64(6) {
			c.want(errnoSuccess, "fd_fdstat_get", fd, 0)
			kinds = append(kinds, c.mem.bytes[0])
		}
		want := []byte{0, 0, 0, byte(filetypeDirectory), byte(filetypeSocketStream), byte(filetypeSocketStream)}
		if !bytes.Equal(kinds, want) {
			t.Errorf("types are %v, want %v", kinds, want)
		}
		if a := c.ListenAddresses(); len(a) != 2 || !strings.HasPrefix(a[0], "127.0.0.1:") || !strings.HasPrefix(a[1], "[::1]:") {
			t.Errorf("addresses are %v", a)
		}
	})
}
