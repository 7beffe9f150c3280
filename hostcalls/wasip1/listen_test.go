package wasip1

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
)

// TestListenerForDatagrams: a guest hears everybody on a UDP socket that it was granted, and may answer those whom it has
// heard, and nobody else.
func TestListenerForDatagrams(t *testing.T) {
	client, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	grant := socketGrant(func(o capability.Opener) error {
		return o.Listen(capability.Listener{Name: "dns", Address: "127.0.0.1:0", Protocol: network.OverUDP})
	})
	withProcess(t, abi.Config{Grants: []capability.Grant{grant}}, func(c *caller) {
		addresses := c.ListenAddresses()
		if len(addresses) != 1 || !strings.HasPrefix(addresses[0], "udp:127.0.0.1:") {
			t.Fatalf("it listens at %q", addresses)
		}
		if _, err := client.WriteToUDPAddrPort([]byte("question"), netip.MustParseAddrPort(addresses[0][len("udp:"):])); err != nil {
			t.Fatal(err)
		}
		c.want(errnoSuccess, "fd_fdstat_get", 3, 0)
		if kind := filetype(c.mem.bytes[0]); kind != filetypeSocketDgram {
			t.Errorf("the descriptor is of type %d", kind)
		}
		c.iovec(inVec, inBuffer, 100)
		c.iovec(inAddress, inBytes, sizeStorage)
		c.want(errnoSuccess, "sock_recv_from", 3, inVec, 1, inAddress, 0, inPort, inResult, inFlags)
		if got := string(c.mem.bytes[inBuffer : inBuffer+c.u32(inResult)]); got != "question" {
			t.Errorf("the guest has heard %q", got)
		}
		answer := func(want errno, to net.Addr) {
			copy(c.mem.bytes[inBuffer:], "answer")
			c.iovec(inVec, inBuffer, 6)
			record, port := c.address(to.(*net.UDPAddr).AddrPort(), sizeInet4)
			c.want(want, "sock_send_to", 3, inVec, 1, record, port, 0, inResult)
		}
		answer(errnoAcces, stranger.LocalAddr())
		answer(errnoSuccess, client.LocalAddr())
	})
	buf := make([]byte, 100)
	n, _, err := client.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "answer" {
		t.Errorf("the client has heard %q, %v", buf[:n], err)
	}
}

// TestListenerWithoutHost: a listener without a host listens at every address, also those of IPv4.
func TestListenerWithoutHost(t *testing.T) {
	for _, protocol := range []network.Protocol{network.OverTCP, network.OverUDP} {
		grant := socketGrant(func(o capability.Opener) error {
			return o.Listen(capability.Listener{Name: "web", Address: ":0", Protocol: protocol})
		})
		withProcess(t, abi.Config{Grants: []capability.Grant{grant}}, func(c *caller) {
			at, err := netip.ParseAddrPort(strings.TrimPrefix(c.ListenAddresses()[0], "udp:"))
			if err != nil || at.Addr() != netip.IPv6Unspecified() {
				t.Fatalf("it listens at %v, %v", at, err)
			}
			client, err := net.Dial(map[network.Protocol]string{network.OverTCP: "tcp4", network.OverUDP: "udp4"}[protocol],
				net.JoinHostPort("127.0.0.1", strconv.Itoa(int(at.Port()))))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			fd := uint64(3)
			if protocol == network.OverTCP {
				if events := c.poll(fdSubscription(1, eventFdRead, 3)); len(events) != 1 {
					t.Fatalf("events %v", events)
				}
				c.want(errnoSuccess, "sock_accept", fd, 0, inResult)
				fd = uint64(c.u32(inResult))
			}
			c.iovec(inVec, inBuffer, 100)
			c.want(errnoSuccess, "fd_read", fd, inVec, 1, inResult)
			if got := string(c.mem.bytes[inBuffer : inBuffer+c.u32(inResult)]); got != "hello" {
				t.Errorf("the guest has heard %q", got)
			}
		})
	}
}
