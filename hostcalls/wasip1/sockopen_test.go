package wasip1

import (
	"io"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

func TestOpenAndConnect(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		for _, tt := range []struct {
			family uint64
			at     netip.AddrPort
		}{{afInet4, serverAt}, {afInet6, server6At}} {
			l := listenOn(t, stack, tt.at)
			fd := c.openSocket(tt.family, sockStream)
			c.iovec(inVec, inBuffer, 1)
			c.want(errnoNotconn, "fd_write", fd, inVec, 1, inResult)
			c.connect(errnoSuccess, fd, tt.at)
			c.connect(errnoIsconn, fd, tt.at)
			c.send(fd, "hello")
			echo(t, l)
			if got := c.receive(fd); got != "hello" {
				t.Errorf("received %q", got)
			}
			if got := c.receive(fd); got != "" {
				t.Errorf("received %q at the end", got)
			}
			c.want(errnoSuccess, "sock_shutdown", fd, uint64(shutdownWrite))
			c.want(errnoSuccess, "fd_close", fd)
		}
		c.want(errnoAfnosupport, "sock_open", afUnix, sockStream, inResult)
		c.want(errnoAfnosupport, "sock_open", afUnspec, sockStream, inResult)
		c.want(errnoInval, "sock_open", afInet4, sockAny, inResult)
		c.want(errnoFault, "sock_open", afInet4, sockStream, end-3)
	})
}

// TestConnectIsRefused: by the grants, by the peer, and for what can't be.
func TestConnectIsRefused(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		listenOn(t, stack, secretAt)
		fd := c.openSocket(afInet4, sockStream)
		c.connect(errnoAcces, fd, secretAt)
		c.connect(errnoConnrefused, fd, nobodyAt)
		c.connect(errnoAfnosupport, fd, server6At)
		record, _ := c.address(serverAt, sizeInet4)
		c.want(errnoInval, "sock_connect", fd, record, 1<<16)
		c.iovec(inAddress, inBytes, 5)
		c.want(errnoInval, "sock_connect", fd, inAddress, 80)
		c.want(errnoFault, "sock_connect", fd, end-7, 80)
		c.want(errnoNotsock, "sock_connect", 0, record, 80)
		c.want(errnoBadf, "sock_connect", 99, record, 80)
		record, port := c.address(serverAt, sizeStorage)
		le.PutUint16(c.mem.bytes[inBytes:], afUnix)
		c.want(errnoAfnosupport, "sock_connect", fd, record, port)

		// An address of IPv4 in one of IPv6 is no way around the grants.
		fd6 := c.openSocket(afInet6, sockStream)
		c.connect(errnoAfnosupport, fd6, netip.AddrPortFrom(netip.AddrFrom16(secretAt.Addr().As16()), 22))
	})
}

// TestConnectInProgress: with nonblock a poll for writing, and then the pending error, tell what came of it.
func TestConnectInProgress(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		begin := func() uint64 {
			fd := c.openSocket(afInet4, sockStream)
			c.want(errnoSuccess, "fd_fdstat_set_flags", fd, uint64(fdflagNonblock))
			return fd
		}
		stack.Fail(serverAt, networktest.Faults{Hang: true})
		fd := begin()
		c.connect(errnoInprogress, fd, serverAt)
		c.connect(errnoAlready, fd, serverAt)
		if got := c.option(fd, 2); got != 0 {
			t.Errorf("while it connects the pending error is %d", got)
		}
		c.iovec(inAddress, inBytes, sizeStorage)
		c.want(errnoNotconn, "sock_getpeeraddr", fd, inAddress, inPort)
		c.iovec(inVec, inBuffer, 1)
		c.want(errnoAgain, "fd_write", fd, inVec, 1, inResult)
		c.want(errnoAgain, "fd_read", fd, inVec, 1, inResult)
		events := c.poll(fdSubscription(1, eventFdWrite, uint32(fd)), clockSubscription(2, clockMonotonic, 1000, 0))
		if len(events) != 1 || events[0].userdata != 2 {
			t.Errorf("a connection that nobody answers: events %v", events)
		}
		c.want(errnoSuccess, "fd_close", fd)
	})
}

func TestBlockingConnectShowsItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stack := networktest.New()
		stack.Fail(serverAt, networktest.Faults{Hang: true})
		var process *Process
		wait, task := startProcess(t, abi.Config{Network: network.Config{Stack: stack, Access: access{dial: []netip.AddrPort{serverAt}}}}, func(c *caller) {
			process = c.Process
			fd := c.openSocket(afInet4, sockStream)
			// SO_SNDTIMEO bounds it.
			putTimeval(c.mem.bytes[inOption:], 1500*time.Millisecond)
			c.want(errnoSuccess, "sock_setsockopt", fd, levelSocket, 12, inOption, sizeTimeval)
			began := time.Now()
			c.connect(errnoInprogress, fd, serverAt)
			if took := time.Since(began); took != 1500*time.Millisecond {
				t.Errorf("it took %v", took)
			}
			fd = c.openSocket(afInet4, sockStream)
			c.connect(errnoSuccess, fd, serverAt)
			t.Error("the connect returned")
		})
		time.Sleep(2 * time.Second) // of the bubble's clock
		synctest.Wait()
		ops := process.AppendOps(nil)
		if len(ops) != 1 || ops[0].Kind != hostcalls.OpConnect || ops[0].Target != serverAt.String() {
			t.Errorf("ops are %+v", ops)
		}
		task.Cancel(errStop)
		if err := wait(); err == nil || err.Error() != errStop.Error() {
			t.Errorf("the guest ended with %v, want the cause", err)
		}
	})
}

func TestListenAndAccept(t *testing.T) {
	withNetwork(t, func(c *caller, _ *networktest.Stack) {
		l := c.openSocket(afInet4, sockStream)
		record, port := c.address(secretAt, sizeInet4)
		c.want(errnoAcces, "sock_bind", l, record, port)
		c.want(errnoAcces, "sock_listen", l, 5) // at any port of every address
		record, port = c.address(ownAt, sizeStorage)
		c.want(errnoSuccess, "sock_bind_v2", l, record, port)
		c.want(errnoInval, "sock_accept", l, inResult)
		c.want(errnoSuccess, "sock_listen", l, u(-1))
		if got := c.option(l, 13); got != 1 {
			t.Errorf("SO_ACCEPTCONN is %d", got)
		}
		c.want(errnoInval, "sock_bind", l, record, port)
		c.connect(errnoIsconn, l, serverAt)

		client := c.openSocket(afInet4, sockStream)
		c.connect(errnoSuccess, client, ownAt)
		c.want(errnoSuccess, "sock_accept", l, inResult) // the first version's
		server := uint64(c.u32(inResult))
		c.want(errnoInval, "sock_accept", server, 0, inResult)
		c.send(client, "ping")
		if got := c.receive(server); got != "ping" {
			t.Errorf("the server got %q", got)
		}
		c.want(errnoSuccess, "fd_fdstat_set_flags", l, uint64(fdflagNonblock))
		c.want(errnoAgain, "sock_accept_v2", l, 0, inResult)
		c.connect(errnoSuccess, c.openSocket(afInet4, sockStream), ownAt)
		events := c.poll(fdSubscription(1, eventFdRead, uint32(l)))
		if len(events) != 1 || events[0].err != 0 {
			t.Errorf("events of the listener: %v", events)
		}
		c.want(errnoSuccess, "sock_accept_v2", l, uint64(fdflagNonblock), inResult)
		c.iovec(inVec, inBuffer, 1)
		c.want(errnoAgain, "fd_read", uint64(c.u32(inResult)), inVec, 1, inFlags)

		// What was opened is a descriptor as any other.
		c.want(errnoSuccess, "fd_renumber", server, client)
		c.want(errnoSuccess, "fd_fdstat_get", client, 0)
		if kind := filetype(c.mem.bytes[0]); kind != filetypeSocketStream {
			t.Errorf("its type is %d", kind)
		}
		c.want(errnoBadf, "fd_close", server)
	})
}

func TestAddresses(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		listenOn(t, stack, serverAt)
		fd := c.openSocket(afInet4, sockStream)
		c.iovec(inAddress, inBytes, sizeStorage)
		c.want(errnoSuccess, "sock_getlocaladdr", fd, inAddress, inPort)
		if got := c.hex(inBytes, 6); got != "010000000000" || c.u32(inPort) != 0 {
			t.Errorf("an unbound socket is at %s, port %d", got, c.u32(inPort))
		}
		c.connect(errnoSuccess, fd, serverAt)
		const want = "0a000001"
		c.iovec(inAddress, inBytes, sizeStorage)
		c.want(errnoSuccess, "sock_getpeeraddr", fd, inAddress, inPort)
		if got := c.hex(inBytes, 6); got != "0100"+want || c.u32(inPort) != 80 {
			t.Errorf("the peer is at %s, port %d", got, c.u32(inPort))
		}
		for _, size := range []uint32{sizeInet4, sizeInet6} {
			c.iovec(inAddress, inBytes, size)
			c.want(errnoSuccess, "sock_getpeeraddr", fd, inAddress, inFlags, inPort)
			if got := c.hex(inBytes, 4); got != want || c.u32(inFlags) != 4 || c.u32(inPort) != 80 {
				t.Errorf("the peer is at %s, type %d, port %d", got, c.u32(inFlags), c.u32(inPort))
			}
		}
		c.want(errnoFault, "sock_getpeeraddr", fd, inAddress, end-3, inPort)
		c.want(errnoFault, "sock_getlocaladdr", fd, inAddress, end-3)

		six := c.openSocket(afInet6, sockDgram)
		c.iovec(inAddress, inBytes, sizeInet4)
		c.want(errnoNomem, "sock_getlocaladdr", six, inAddress, inFlags, inPort)
	})
}

// leased allows to listen, by a lease.
type leased struct {
	access
	lease *lease.Lease
}

func (l leased) Listen(network.Protocol, netip.AddrPort) (network.Grant, error) {
	return l.lease, l.lease.Err()
}

// TestBindToGrantedListener: a program that binds and listens by itself where a grant listens gets that listener.
func TestBindToGrantedListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stack, l := networktest.New(), lease.New("listener")
		withProcess(t, abi.Config{
			Grants:  []capability.Grant{listenerGrant(ownAt.String())},
			Leases:  []*lease.Lease{l},
			Network: network.Config{Stack: stack, Access: leased{access{dial: []netip.AddrPort{ownAt}}, l}},
		}, func(c *caller) {
			own := c.openSocket(afInet4, sockStream)
			le.PutUint32(c.mem.bytes[inOption:], 1)
			c.want(errnoSuccess, "sock_setsockopt", own, levelSocket, 0, inOption, 4)
			record, port := c.address(ownAt, sizeInet4)
			c.want(errnoSuccess, "sock_bind", own, record, port)
			c.want(errnoInval, "sock_accept", own, inResult)
			c.want(errnoSuccess, "sock_listen", own, 128)

			client := c.openSocket(afInet4, sockStream)
			c.connect(errnoSuccess, client, ownAt)
			c.want(errnoSuccess, "sock_accept", own, inResult) // it blocks, other than the granted descriptor
			accepted := uint64(c.u32(inResult))
			c.send(client, "hello")
			if got := c.receive(accepted); got != "hello" {
				t.Errorf("received %q", got)
			}
			c.want(errnoSuccess, "fd_close", own)
			c.want(errnoAgain, "sock_accept", 3, 0, inResult)
			l.Revoke()
			c.want(errnoNotcapable, "sock_accept", 3, 0, inResult)
		})
	})
}

func TestOptions(t *testing.T) {
	withNetwork(t, func(c *caller, _ *networktest.Stack) {
		stream, datagrams := c.openSocket(afInet4, sockStream), c.openSocket(afInet4, sockDgram)
		if got := c.option(stream, 1); got != sockStream {
			t.Errorf("the type of a stream is %d", got)
		}
		// As the Rust library asks, with a pointer to the size.
		le.PutUint32(c.mem.bytes[inFlags:], 16)
		c.want(errnoSuccess, "sock_getsockopt", datagrams, levelSocket, 1, inOption, inFlags)
		if kind, size := c.u32(inOption), c.u32(inFlags); kind != sockDgram || size != 4 {
			t.Errorf("the type of a datagram socket is %d, of %d bytes", kind, size)
		}
		le.PutUint32(c.mem.bytes[inOption:], 1)
		c.want(errnoSuccess, "sock_setsockopt", stream, levelSocket, 0, inOption, 4)
		if got := c.option(stream, 0); got != 1 {
			t.Errorf("SO_REUSEADDR is %d", got)
		}
		putTimeval(c.mem.bytes[inOption:], 2500*time.Millisecond)
		c.want(errnoSuccess, "sock_setsockopt", datagrams, levelSocket, 11, inOption, sizeTimeval)
		clear(c.mem.bytes[inOption : inOption+sizeTimeval])
		c.want(errnoSuccess, "sock_getsockopt", datagrams, levelSocket, 11, inOption, sizeTimeval)
		if s, us := c.u64(inOption), c.u64(inOption+8); s != 2 || us != 500_000 {
			t.Errorf("SO_RCVTIMEO is %d s and %d us", s, us)
		}
		began := time.Now()
		c.iovec(inVec, inBuffer, 10)
		c.want(errnoAgain, "fd_read", datagrams, inVec, 1, inResult)
		if took := time.Since(began); took != 2500*time.Millisecond {
			t.Errorf("the read took %v", took)
		}
		for name, e := range map[uint64]errno{3: errnoNoprotoopt, 14: errnoNoprotoopt, 99: errnoNoprotoopt} {
			c.want(e, "sock_getsockopt", stream, levelSocket, name, inOption, 4)
			c.want(e, "sock_setsockopt", stream, levelSocket, name, inOption, 4)
		}
		// SO_LINGER is in whole seconds.
		for _, want := range [][2]uint32{{1, 5}, {1, 0}, {0, 0}} {
			le.PutUint32(c.mem.bytes[inOption:], want[0])
			le.PutUint32(c.mem.bytes[inOption+4:], want[1])
			c.want(errnoSuccess, "sock_setsockopt", stream, levelSocket, 9, inOption, sizeLinger)
			le.PutUint64(c.mem.bytes[inOption:], math.MaxUint64)
			c.want(errnoSuccess, "sock_getsockopt", stream, levelSocket, 9, inOption, sizeLinger)
			if got := [2]uint32{c.u32(inOption), c.u32(inOption + 4)}; got != want {
				t.Errorf("SO_LINGER is %v, want %v", got, want)
			}
		}
		c.want(errnoInval, "sock_setsockopt", stream, levelSocket, 9, inOption, 4)
		c.want(errnoNoprotoopt, "sock_setsockopt", stream, levelSocket, 2, inOption, 4) // SO_ERROR
		c.want(errnoNoprotoopt, "sock_setsockopt", stream, levelSocket, 14, inOption, 2)
		c.want(errnoInval, "sock_getsockopt", stream, 1, 0, inOption, 4)
		c.want(errnoInval, "sock_getsockopt", stream, levelSocket, 0, inOption, 3)
		c.want(errnoInval, "sock_getsockopt", stream, levelSocket, 11, inOption, 4)
		c.want(errnoFault, "sock_getsockopt", stream, levelSocket, 0, end-3, 4)
		c.want(errnoFault, "sock_getsockopt", stream, levelSocket, 0, inOption, end-3)
		c.want(errnoNotsock, "sock_getsockopt", 0, levelSocket, 0, inOption, 4)
		putTimeval(c.mem.bytes[inOption:], -time.Second)
		c.want(errnoDom, "sock_setsockopt", stream, levelSocket, 12, inOption, sizeTimeval)
	})
}

func TestDatagrams(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		server, err := stack.UDP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if err := server.Bind(serverAt); err != nil {
			t.Fatal(err)
		}
		fd := c.openSocket(afInet4, sockDgram)
		c.want(errnoSuccess, "fd_fdstat_get", fd, 0)
		if kind := filetype(c.mem.bytes[0]); kind != filetypeSocketDgram {
			t.Errorf("its type is %d", kind)
		}
		sendTo := func(want errno, to netip.AddrPort, text string) {
			t.Helper()
			copy(c.mem.bytes[inBuffer:], text)
			c.iovec(inVec, inBuffer, 1)
			c.iovec(inVec+8, inBuffer+1, uint32(len(text))-1)
			record, port := c.address(to, sizeInet4)
			c.want(want, "sock_send_to", fd, inVec, 2, record, port, 0, inResult)
		}
		sendTo(errnoAcces, secretAt, "hello")
		sendTo(errnoSuccess, serverAt, "hello")
		if n := c.u32(inResult); n != 5 {
			t.Errorf("sent %d bytes", n)
		}
		buf := make([]byte, 100)
		n, from, _, err := server.ReadFrom(buf, false)
		if err != nil || string(buf[:n]) != "hello" {
			t.Fatalf("the server got %q, %v", buf[:n], err)
		}
		if _, err := server.WriteTo([]byte("welcome"), from); err != nil {
			t.Fatal(err)
		}
		receiveFrom := func(size uint32, flags riflags, text string, out roflags) {
			t.Helper()
			c.iovec(inVec, inBuffer, size)
			c.iovec(inAddress, inBytes, sizeStorage)
			c.want(errnoSuccess, "sock_recv_from", fd, inVec, 1, inAddress, uint64(flags), inPort, inResult, inFlags)
			if got := string(c.mem.bytes[inBuffer : inBuffer+c.u32(inResult)]); got != text || roflags(c.u32(inFlags)) != out {
				t.Errorf("received %q, flags %d; want %q, flags %d", got, c.u32(inFlags), text, out)
			}
			if got := c.hex(inBytes, 6); got != "01000a000001" || le.Uint16(c.mem.bytes[inPort:]) != 80 {
				t.Errorf("received from %s, port %d", got, le.Uint16(c.mem.bytes[inPort:]))
			}
		}
		receiveFrom(100, recvPeek, "welcome", 0)
		receiveFrom(3, 0, "wel", recvDataTruncated)
		c.want(errnoSuccess, "fd_fdstat_set_flags", fd, uint64(fdflagNonblock))
		c.want(errnoAgain, "sock_recv_from", fd, inVec, 1, inAddress, 0, inResult, inFlags) // the first version's

		c.connect(errnoAcces, fd, secretAt)
		c.connect(errnoSuccess, fd, serverAt)
		c.send(fd, strings.Repeat("x", 50))
		if n, _, _, err := server.ReadFrom(buf, false); err != nil || n != 50 {
			t.Errorf("the server got %d bytes, %v", n, err)
		}
		record, port := c.address(serverAt, sizeInet4)
		c.want(errnoSuccess, "sock_send_to", fd, inVec, 0, record, port, 0, inResult) // empty
		if n, _, _, err := server.ReadFrom(buf, false); err != nil || n != 0 {
			t.Errorf("the server got %d bytes, %v", n, err)
		}
		c.iovec(inVec, 0, 1<<16)
		c.want(errnoMsgsize, "fd_write", fd, inVec, 1, inResult)
		c.want(errnoNotsup, "sock_listen", fd, 1)
		c.want(errnoNotsup, "sock_accept", fd, inResult)
		c.want(errnoNotconn, "sock_shutdown", fd, uint64(shutdownWrite))
	})
}

// TestStreamsHaveNoUseForAddresses: libraries send and receive on connected streams by the calls with addresses.
func TestStreamsHaveNoUseForAddresses(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		l := listenOn(t, stack, serverAt)
		fd := c.openSocket(afInet4, sockStream)
		c.connect(errnoSuccess, fd, serverAt)
		copy(c.mem.bytes[inBuffer:], "hi")
		c.iovec(inVec, inBuffer, 2)
		record, port := c.address(secretAt, sizeStorage)
		c.want(errnoSuccess, "sock_send_to", fd, inVec, 1, record, port, 0, inResult)
		echo(t, l)
		c.want(errnoSuccess, "sock_recv_from_v2", fd, inVec, 1, record, 0, inPort, inResult, inFlags)
		if n, at := c.u32(inResult), c.hex(inBytes, 6); n != 2 || at != "01000a000001" {
			t.Errorf("received %d bytes from %s", n, at)
		}
	})
}

// TestWithoutGrants: sockets can be opened, and reach nothing.
func TestWithoutGrants(t *testing.T) {
	withProcess(t, abi.Config{Network: network.Config{Stack: networktest.New()}}, func(c *caller) {
		fd := c.openSocket(afInet4, sockStream)
		c.connect(errnoAcces, fd, serverAt)
		record, port := c.address(ownAt, sizeInet4)
		c.want(errnoAcces, "sock_bind", fd, record, port)
	})
}

// TestOpenedSocketsAreClosed with their process.
func TestOpenedSocketsAreClosed(t *testing.T) {
	stack := networktest.New()
	l := listenOn(t, stack, serverAt)
	withProcess(t, abi.Config{Network: network.Config{Stack: stack, Access: access{dial: []netip.AddrPort{serverAt}}}, Descriptors: 4}, func(c *caller) {
		c.connect(errnoSuccess, c.openSocket(afInet4, sockStream), serverAt)
		c.want(errnoMfile, "sock_open", afInet4, sockStream, inResult)
	})
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if n, err := peer.Read(make([]byte, 1), false); err != io.EOF {
		t.Errorf("the peer read %d bytes, %v", n, err)
	}
}
