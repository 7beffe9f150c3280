package networktest

import (
	"errors"
	"io"
	"net/netip"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// This file tests how streams are opened: who connects to whom, and what is refused.

// free returns an address where nobody listens.
func (h *harness) free() netip.AddrPort {
	h.Helper()
	l := h.listen(loopback4)
	at := l.LocalAddr()
	h.must(l.Close())
	return at
}

func testRefused(h *harness) {
	c, err := h.connect(h.free())
	h.mustBe(syscall.ECONNREFUSED, err)
	_, err = c.Read(make([]byte, 1), false)
	h.oneOf(err, syscall.ENOTCONN, io.EOF)
	_, err = c.Write([]byte("x"))
	h.oneOf(err, syscall.ENOTCONN, syscall.EPIPE)
}

func testReconnectAfterRefusal(h *harness) {
	_, err := h.connect(h.free())
	h.mustBe(syscall.ECONNREFUSED, err)
	client, server := h.pair()
	h.write(client, "x")
	h.expect(server, "x")
}

func testAcceptInOrder(h *harness) {
	l := h.listen(loopback4)
	var clients []network.TCP
	for range 5 {
		c, err := h.connect(l.LocalAddr())
		h.must(err)
		clients = append(clients, c)
	}
	for i, c := range clients {
		if got, want := h.accept(l).RemoteAddr(), c.LocalAddr(); got != want {
			h.Errorf("connection %d is from %v, want %v", i, got, want)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("Accept after the last one: %v", err)
	}
}

// What a client sent before it left can still be read.
func testAcceptAfterClose(h *harness) {
	l := h.listen(loopback4)
	client, err := h.connect(l.LocalAddr())
	h.must(err)
	h.write(client, "bye")
	h.must(client.Close())
	server := h.accept(l)
	if got := h.expectError(server, io.EOF); got != "bye" {
		h.Errorf("got %q", got)
	}
}

func testCloseListener(h *harness) {
	l := h.listen(loopback4)
	at := l.LocalAddr()
	client, err := h.connect(at)
	h.must(err)
	h.must(l.Close())
	h.expectError(client, io.EOF, syscall.ECONNRESET)
	_, err = h.connect(at)
	h.mustBe(syscall.ECONNREFUSED, err)
}

func testAddressInUse(h *harness) {
	l := h.listen(loopback4)
	other := h.tcp(network.IPv4)
	err := other.Bind(l.LocalAddr())
	if err == nil { // a system may find it later
		err = other.Listen(1)
	}
	h.mustBe(syscall.EADDRINUSE, err)
}

func testBoundClient(h *harness) {
	l := h.listen(loopback4)
	c := h.tcp(network.IPv4)
	h.must(c.Bind(loopback4))
	local := c.LocalAddr()
	if local.Port() == 0 {
		h.Fatalf("bound to %v", local)
	}
	err := c.Connect(l.LocalAddr())
	if errors.Is(err, hostcalls.ErrWouldBlock) {
		err = h.retry(c, network.Out, c.FinishConnect)
	}
	h.must(err)
	if from := h.accept(l).RemoteAddr(); from != local {
		h.Errorf("the connection is from %v, want %v", from, local)
	}
}

// needIPv6 skips the test on hosts without IPv6.
func (h *harness) needIPv6() {
	h.Helper()
	s, err := h.stack.TCP(network.IPv6)
	if err == nil {
		err = s.Bind(loopback6)
		_ = s.Close()
	}
	if err != nil {
		h.Skipf("no IPv6: %v", err)
	}
}

func testIPv6(h *harness) {
	h.needIPv6()
	l := h.listen(loopback6)
	client, err := h.connect(l.LocalAddr())
	h.must(err)
	server := h.accept(l)
	if !client.RemoteAddr().Addr().Is6() || server.RemoteAddr() != client.LocalAddr() {
		h.Errorf("from %v to %v", server.RemoteAddr(), client.RemoteAddr())
	}
	h.write(client, "six")
	h.expect(server, "six")
}

// A listener of IPv6 at all addresses leaves the port of IPv4 to others.
func testFamiliesApart(h *harness) {
	h.needIPv6()
	six := h.listen(netip.AddrPortFrom(netip.IPv6Unspecified(), 0))
	four := h.tcp(network.IPv4)
	if err := four.Bind(netip.AddrPortFrom(loopback4.Addr(), six.LocalAddr().Port())); err != nil {
		h.Skipf("another program has the port: %v", err)
	}
	h.must(four.Listen(1))
	client, err := h.connect(four.LocalAddr())
	h.must(err)
	if from := h.accept(four).RemoteAddr(); from != client.LocalAddr() {
		h.Errorf("the connection is from %v", from)
	}
	if _, err := six.Accept(); !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("the other listener: %v", err)
	}
}

func testWrongFamily(h *harness) {
	s := h.tcp(network.IPv4)
	h.mustBe(syscall.EAFNOSUPPORT, s.Bind(loopback6))
	h.mustBe(syscall.EAFNOSUPPORT, s.Connect(netip.AddrPortFrom(loopback6.Addr(), 1)))
	h.needIPv6()
	six := h.tcp(network.IPv6)
	h.mustBe(syscall.EAFNOSUPPORT, six.Bind(loopback4))
	h.mustBe(syscall.EAFNOSUPPORT, six.Connect(netip.AddrPortFrom(loopback4.Addr(), 1)))
	u := h.udp()
	h.mustBe(syscall.EAFNOSUPPORT, u.Bind(loopback6))
	_, err := u.WriteTo([]byte("x"), netip.AddrPortFrom(loopback6.Addr(), 1))
	h.mustBe(syscall.EAFNOSUPPORT, err)
}

func testWrongState(h *harness) {
	fresh := h.tcp(network.IPv4)
	_, err := fresh.Accept()
	h.mustBe(syscall.EINVAL, err)
	_, err = fresh.Read(make([]byte, 1), false)
	h.mustBe(syscall.ENOTCONN, err)
	_, err = fresh.Write([]byte("x"))
	h.oneOf(err, syscall.ENOTCONN, syscall.EPIPE)
	h.mustBe(syscall.ENOTCONN, fresh.Shutdown(true, true))
	h.must(fresh.Bind(loopback4))
	h.mustBe(syscall.EINVAL, fresh.Bind(loopback4))

	client, server := h.pair()
	_ = client.Connect(client.RemoteAddr()) // on Linux the first one says that the connection was made
	h.mustBe(syscall.EISCONN, client.Connect(client.RemoteAddr()))
	h.mustBe(syscall.EINVAL, server.Listen(1))
	_, err = server.Accept()
	h.mustBe(syscall.EINVAL, err)
	h.write(client, "fine")
	h.expect(server, "fine")
}
