package wasip1

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// access allows what is listed. Names are allowed by Resolve alone.
type access struct {
	dial, listen []netip.AddrPort
	names        []string
}

func (a access) Dial(_ network.Protocol, to netip.AddrPort, _ []string) (network.Grant, error) {
	return grantIf(slices.Contains(a.dial, to))
}

func (a access) Listen(_ network.Protocol, at netip.AddrPort) (network.Grant, error) {
	return grantIf(slices.Contains(a.listen, at))
}

func (a access) Resolve(name string) (network.Grant, error) {
	return grantIf(slices.Contains(a.names, name))
}

func grantIf(allowed bool) (network.Grant, error) {
	if !allowed {
		return nil, network.ErrNotGranted
	}
	return new(testGrant), nil
}

// testGrant is never revoked.
type testGrant struct{ _ byte }

func (*testGrant) String() string                { return "a grant" }
func (*testGrant) Opened()                       {}
func (*testGrant) Closed()                       {}
func (*testGrant) OnRevoke(func()) (stop func()) { return func() {} }

var (
	serverAt  = netip.MustParseAddrPort("10.0.0.1:80")
	server6At = netip.MustParseAddrPort("[fd00::1]:80")
	nobodyAt  = netip.MustParseAddrPort("10.0.0.2:81")
	secretAt  = netip.MustParseAddrPort("10.0.0.3:22")
	ownAt     = netip.MustParseAddrPort("10.0.0.9:8080")
)

// Places in the memory of these tests.
const (
	inAddress = 1000 // a record
	inBytes   = 1100 // what it points to
	inPort    = 1300
	inResult  = 1310
	inFlags   = 1320
	inVec     = 1400
	inBuffer  = 2000
	inOption  = 1500
)

// withNetwork runs body with a network in memory, of which it may use the addresses above, but not secretAt.
func withNetwork(t *testing.T, body func(*caller, *networktest.Stack)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		stack := networktest.New()
		config := abi.Config{Network: network.Config{Stack: stack, Access: access{
			dial:   []netip.AddrPort{serverAt, server6At, nobodyAt, ownAt},
			listen: []netip.AddrPort{ownAt},
			names:  []string{"server.example", "absent.example", "slow.example"},
		}}}
		withProcess(t, config, func(c *caller) { body(c, stack) })
	})
}

// address writes an address of a size, and its record.
func (c *caller) address(to netip.AddrPort, size uint32) (record, port uint64) {
	c.iovec(inAddress, inBytes, size)
	clear(c.mem.bytes[inBytes : inBytes+size])
	if e := encodeAddress(c.mem.bytes[inBytes:inBytes+size], to.Addr()); e != errnoSuccess {
		c.t.Fatalf("errno %d", e)
	}
	return inAddress, uint64(to.Port())
}

func (c *caller) openSocket(family, kind uint64) uint64 {
	c.t.Helper()
	c.want(errnoSuccess, "sock_open", family, kind, inResult)
	return uint64(c.u32(inResult))
}

func (c *caller) connect(want errno, fd uint64, to netip.AddrPort) {
	c.t.Helper()
	size := uint32(len(to.Addr().AsSlice()))
	record, port := c.address(to, size)
	c.want(want, "sock_connect", fd, record, port)
}

func (c *caller) send(fd uint64, text string) {
	c.t.Helper()
	copy(c.mem.bytes[inBuffer:], text)
	c.iovec(inVec, inBuffer, uint32(len(text)))
	c.want(errnoSuccess, "fd_write", fd, inVec, 1, inResult)
}

func (c *caller) receive(fd uint64) string {
	c.t.Helper()
	c.iovec(inVec, inBuffer, 100)
	c.want(errnoSuccess, "fd_read", fd, inVec, 1, inResult)
	return string(c.mem.bytes[inBuffer : inBuffer+c.u32(inResult)])
}

// option returns the value of an option of SOL_SOCKET, as the Go library asks for it.
func (c *caller) option(fd, name uint64) uint32 {
	c.t.Helper()
	c.want(errnoSuccess, "sock_getsockopt", fd, levelSocket, name, inOption, 4)
	return c.u32(inOption)
}

// listenAt makes a listener of the world outside.
func listenOn(t testing.TB, stack network.Stack, at netip.AddrPort) network.TCP {
	t.Helper()
	family := network.IPv4
	if at.Addr().Is6() {
		family = network.IPv6
	}
	l, err := stack.TCP(family)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Bind(at); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(10); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// echo answers one connection of a listener, which must have come: it returns what it gets until the end.
func echo(t *testing.T, l network.TCP) {
	t.Helper()
	peer, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	defer peer.Close()
	buf := make([]byte, 100)
	n, err := peer.Read(buf, false)
	if err != nil {
		t.Error(err)
	}
	if _, err := peer.Write(buf[:n]); err != nil {
		t.Error(err)
	}
}
