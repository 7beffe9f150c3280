package hostnet

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

func TestDatagrams(t *testing.T) {
	s := newStack(t)
	a, b, c := newUDP(t, s, network.IPv4), newUDP(t, s, network.IPv4), newUDP(t, s, network.IPv4)
	for _, u := range []network.UDP{a, b, c} {
		if u.LocalAddr().IsValid() {
			t.Error("an unbound socket has an address")
		}
		if err := u.Bind(local(0)); err != nil {
			t.Fatal(err)
		}
	}
	var buf [70_000]byte
	receive := func(u network.UDP, size int, peek bool) (n int, from netip.AddrPort, truncated bool) {
		t.Helper()
		err := until(u, network.In, func() (err error) { n, from, truncated, err = u.ReadFrom(buf[:size], peek); return err })
		if err != nil {
			t.Fatal(err)
		}
		return n, from, truncated
	}
	if _, _, _, err := a.ReadFrom(buf[:], false); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("ReadFrom before there is anything: %v", err)
	}
	for _, size := range []int{0, 1, 1000, 65_507} {
		if n, err := b.WriteTo(make([]byte, size), a.LocalAddr()); n != size || err != nil {
			t.Errorf("WriteTo = %d, %v", n, err)
		}
		receive(a, len(buf), true)
		if n, _ := a.Level(network.In); n < 1 || n > max(size, 1) {
			t.Errorf("the level is %d for a datagram of %d bytes", n, size)
		}
		if n, from, truncated := receive(a, len(buf), false); n != size || from != b.LocalAddr() || truncated {
			t.Errorf("received %d of %d bytes from %v, truncated: %v", n, size, from, truncated)
		}
		if n, _ := a.Level(network.In); n != 0 {
			t.Errorf("the level is %d without a datagram", n)
		}
	}
	if _, err := b.WriteTo(make([]byte, 65_508), a.LocalAddr()); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a datagram that is too large: %v", err)
	}
	if _, err := b.WriteTo([]byte("x"), netip.AddrPort{}); !errors.Is(err, unix.EDESTADDRREQ) {
		t.Errorf("a datagram to nobody: %v", err)
	}
	if _, err := b.WriteTo([]byte("hello"), a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if n, _, truncated := receive(a, 2, false); n != 2 || !truncated {
		t.Errorf("received %d bytes, truncated: %v", n, truncated)
	}
	// A connected socket sends without an address, and hears its peer only.
	if err := a.Connect(b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if got := a.RemoteAddr(); got != b.LocalAddr() {
		t.Errorf("the peer is %v", got)
	}
	for _, u := range []network.UDP{c, b} {
		if _, err := u.WriteTo([]byte{'x'}, a.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, from, _ := receive(a, 10, false); from != b.LocalAddr() {
		t.Errorf("received from %v", from)
	}
	if n, err := a.WriteTo(nil, netip.AddrPort{}); n != 0 || err != nil {
		t.Errorf("an empty datagram: %d, %v", n, err)
	}
	if n, from, _ := receive(b, 10, false); n != 0 || from != a.LocalAddr() {
		t.Errorf("received %d bytes from %v", n, from)
	}
	if err := a.Connect(netip.AddrPort{}); err != nil || a.RemoteAddr().IsValid() {
		t.Errorf("unsetting the peer: %v, it is %v", err, a.RemoteAddr())
	}
}
