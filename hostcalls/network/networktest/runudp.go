package networktest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

var udpTests = []conformanceTest{
	{"Datagrams", testDatagrams},
	{"Truncation", testTruncation},
	{"Peek", testPeekDatagram},
	{"Empty", testEmptyDatagram},
	{"Sizes", testDatagramSizes},
	{"Connected", testConnectedUDP},
	{"Unbound", testUnboundUDP},
	{"NoPeer", testNoPeer},
	{"Waits", testUDPWaits},
	{"AddressInUse", testUDPAddressInUse},
}

var nameTests = []conformanceTest{
	{"Localhost", testLocalhost},
	{"Unknown", testUnknownName},
	{"Canceled", testCanceledLookup},
}

// receiveDatagram reads one datagram into a buffer of a size.
func (h *harness) receiveDatagram(u network.UDP, size int, peek bool) (data string, from netip.AddrPort, truncated bool) {
	h.Helper()
	p := make([]byte, size)
	n := 0
	h.must(h.retry(u, network.In, func() (err error) {
		n, from, truncated, err = u.ReadFrom(p, peek)
		return err
	}))
	return string(p[:n]), from, truncated
}

func (h *harness) send(u network.UDP, data string, to netip.AddrPort) {
	h.Helper()
	h.must(h.retry(u, network.Out, func() error {
		n, err := u.WriteTo([]byte(data), to)
		if err == nil && n != len(data) {
			h.Fatalf("%d bytes of a datagram of %d were sent", n, len(data))
		}
		return err
	}))
}

func testDatagrams(h *harness) {
	a, atA := h.boundUDP()
	b, atB := h.boundUDP()
	if atA.Port() == 0 || atA == atB {
		h.Fatalf("bound to %v and %v", atA, atB)
	}
	if _, _, _, err := a.ReadFrom(make([]byte, 8), false); !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("ReadFrom without a datagram: %v", err)
	}
	for _, text := range []string{"one", "two", "three"} {
		h.send(a, text, atB)
	}
	for _, want := range []string{"one", "two", "three"} {
		if got, from, truncated := h.receiveDatagram(b, 100, false); got != want || from != atA || truncated {
			h.Errorf("got %q from %v, truncated %v; want %q from %v", got, from, truncated, want, atA)
		}
	}
}

func testTruncation(h *harness) {
	u, at := h.boundUDP()
	h.send(u, "0123456789", at)
	h.send(u, "next", at)
	if got, _, truncated := h.receiveDatagram(u, 4, false); got != "0123" || !truncated {
		h.Errorf("got %q, truncated %v", got, truncated)
	}
	if got, _, truncated := h.receiveDatagram(u, 4, false); got != "next" || truncated {
		h.Errorf("then %q, truncated %v", got, truncated)
	}
}

func testPeekDatagram(h *harness) {
	u, at := h.boundUDP()
	h.send(u, "0123456789", at)
	for range 2 {
		if got, from, truncated := h.receiveDatagram(u, 4, true); got != "0123" || from != at || !truncated {
			h.Errorf("peek = %q from %v, truncated %v", got, from, truncated)
		}
	}
	if got, _, _ := h.receiveDatagram(u, 20, false); got != "0123456789" {
		h.Errorf("then %q", got)
	}
}

func testEmptyDatagram(h *harness) {
	u, at := h.boundUDP()
	h.send(u, "", at)
	h.send(u, "x", at)
	if got, from, _ := h.receiveDatagram(u, 4, false); got != "" || from != at {
		h.Errorf("got %q from %v, want an empty one", got, from)
	}
	if got, _, _ := h.receiveDatagram(u, 4, false); got != "x" {
		h.Errorf("then %q", got)
	}
}

func testDatagramSizes(h *harness) {
	u, at := h.boundUDP()
	for _, size := range []int{1, 508, 1472, 1473, 8192, 9000} {
		data := strings.Repeat("x", size)
		h.send(u, data, at)
		if got, _, truncated := h.receiveDatagram(u, 1<<16, false); got != data || truncated {
			h.Errorf("of %d bytes %d came, truncated %v", size, len(got), truncated)
		}
	}
	_, err := u.WriteTo(make([]byte, 1<<16), at)
	h.mustBe(syscall.EMSGSIZE, err)
}

func testConnectedUDP(h *harness) {
	a, atA := h.boundUDP()
	b, atB := h.boundUDP()
	stranger, _ := h.boundUDP()
	h.must(a.Connect(atB))
	if a.RemoteAddr() != atB {
		h.Errorf("connected to %v, want %v", a.RemoteAddr(), atB)
	}
	h.send(stranger, "not you", atA)
	h.send(a, "to the peer", netip.AddrPort{})
	if got, from, _ := h.receiveDatagram(b, 100, false); got != "to the peer" || from != atA {
		h.Errorf("the peer got %q from %v", got, from)
	}
	h.send(b, "from the peer", atA)
	if got, from, _ := h.receiveDatagram(a, 100, false); got != "from the peer" || from != atB {
		h.Errorf("got %q from %v, want only what is from the peer", got, from)
	}
	h.must(a.Connect(netip.AddrPort{}))
	if a.RemoteAddr() != (netip.AddrPort{}) {
		h.Errorf("still connected to %v", a.RemoteAddr())
	}
}

func testUnboundUDP(h *harness) {
	server, at := h.boundUDP()
	client := h.udp()
	h.send(client, "hello", at)
	if client.LocalAddr().Port() == 0 {
		h.Errorf("a socket that has sent is at %v", client.LocalAddr())
	}
	got, from, _ := h.receiveDatagram(server, 100, false)
	if got != "hello" || from.Port() != client.LocalAddr().Port() {
		h.Errorf("got %q from %v, sent from %v", got, from, client.LocalAddr())
	}
	h.send(server, "answer", from)
	if got, from, _ := h.receiveDatagram(client, 100, false); got != "answer" || from != at {
		h.Errorf("got %q from %v", got, from)
	}
}

func testNoPeer(h *harness) {
	_, err := h.udp().WriteTo([]byte("x"), netip.AddrPort{})
	h.mustBe(syscall.EDESTADDRREQ, err)
}

func testUDPWaits(h *harness) {
	u, at := h.boundUDP()
	if !now(u, network.Out) {
		h.Error("there is no room for a datagram")
	}
	ready := make(chan struct{})
	defer u.Notify(network.In, sync.OnceFunc(func() { close(ready) }))()
	h.send(u, "x", at)
	h.receive(ready)
	if !now(u, network.In) {
		h.Error("a socket with a datagram is not ready at once")
	}
}

func testUDPAddressInUse(h *harness) {
	_, at := h.boundUDP()
	h.mustBe(syscall.EADDRINUSE, h.udp().Bind(at))
}

func testLocalhost(h *harness) {
	for family, is := range map[network.Family]func(netip.Addr) bool{
		network.AnyFamily: netip.Addr.IsLoopback,
		network.IPv4:      netip.Addr.Is4,
	} {
		addrs, err := h.stack.Lookup(h.Context(), family, "localhost")
		if err != nil || len(addrs) == 0 {
			h.Fatalf("localhost is %v, %v", addrs, err)
		}
		for _, addr := range addrs {
			if !is(addr) || !addr.IsLoopback() {
				h.Errorf("localhost of family %d is %v", family, addr)
			}
		}
	}
}

func testUnknownName(h *harness) {
	ctx, cancel := context.WithTimeout(h.Context(), 5*time.Second)
	defer cancel()
	addrs, err := h.stack.Lookup(ctx, network.AnyFamily, "no-such-name.invalid")
	if _, ok := errors.AsType[*net.DNSError](err); !ok {
		h.Errorf("Lookup = %v, %v; want a *net.DNSError", addrs, err)
	}
}

func testCanceledLookup(h *harness) {
	ctx, cancel := context.WithCancel(h.Context())
	cancel()
	if addrs, err := h.stack.Lookup(ctx, network.AnyFamily, "no-such-name.invalid"); err == nil {
		h.Errorf("a canceled lookup found %v", addrs)
	}
}
