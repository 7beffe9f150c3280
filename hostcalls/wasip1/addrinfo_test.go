package wasip1

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// list writes a list of n records of sock_getaddrinfo, with room for size bytes of data each, and the pointer to it.
func (c *caller) list(pointer, at, n, size uint32) {
	const room = sizeAddrinfo + sizeSockaddr + 64
	le.PutUint32(c.mem.bytes[pointer:], at+room)
	for i := range n {
		record := at + (i+1)*room
		b := c.mem.bytes[record : record+room]
		clear(b)
		le.PutUint32(b[12:], record+sizeAddrinfo)
		le.PutUint32(b[24:], record+room)
		le.PutUint32(b[sizeAddrinfo+4:], size)
		le.PutUint32(b[sizeAddrinfo+8:], record+sizeAddrinfo+sizeSockaddr)
		for j := size; j < 64; j++ {
			b[sizeAddrinfo+sizeSockaddr+j] = 0xa5
		}
		if i == n-1 {
			le.PutUint32(b[24:], 0)
		}
	}
}

// results returns the first n records of a list as text: the address, the type, and the protocol.
func (c *caller) results(pointer, n uint32) (all []string) {
	next := c.u32(pointer)
	for range n {
		record := c.mem.bytes[next : next+sizeAddrinfo]
		sockaddr := c.mem.bytes[le.Uint32(record[12:]):][:sizeSockaddr]
		data := c.mem.bytes[le.Uint32(sockaddr[8:]):][:le.Uint32(sockaddr[4:])]
		size := sizeInet4
		if sockaddr[0] == afInet6 {
			size = sizeInet6
		}
		addr, _ := netip.AddrFromSlice(data[2 : 2+size])
		all = append(all, fmt.Sprintf("%s %d %d", netip.AddrPortFrom(addr, uint16(data[0])<<8|uint16(data[1])), record[3], record[4]))
		if sockaddr[0] != record[2] {
			c.t.Errorf("a record of family %d has an address of family %d", record[2], sockaddr[0])
		}
		next = le.Uint32(record[24:])
	}
	return all
}

func TestGetaddrinfo(t *testing.T) {
	const list, hintsAt, countAt, pointerAt = 4096, 100, 200, 204
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		stack.Name("server.example", networktest.Answer{Addrs: []netip.Addr{serverAt.Addr(), server6At.Addr()}})
		stack.Name("slow.example", networktest.Answer{Err: &net.DNSError{Err: "timeout", IsTimeout: true}})
		for _, tt := range []struct {
			node, service string
			hints         addrinfo
			records, room uint32
			want          []string
			e             errno
		}{
			{"server.example\x00", "443\x00", addrinfo{kind: sockStream}, 8, 26, []string{"10.0.0.1:443 2 1", "[fd00::1]:443 2 1"}, 0},
			{"SERVER.example.", "https", addrinfo{kind: sockStream}, 8, 26, []string{"10.0.0.1:443 2 1", "[fd00::1]:443 2 1"}, 0},
			// The Rust library says that there are 14 bytes.
			{"server.example", "443", addrinfo{kind: sockStream}, 8, 14, []string{"10.0.0.1:443 2 1"}, 0},
			{"server.example", "443", addrinfo{}, 3, 26, []string{"10.0.0.1:443 2 1", "10.0.0.1:443 1 2", "[fd00::1]:443 2 1"}, 0},
			{"server.example", "", addrinfo{protocol: protocolUDP, family: afInet6}, 8, 26, []string{"[fd00::1]:0 1 2"}, 0},
			{"server.example", "443", addrinfo{kind: sockStream, family: afInet6}, 8, 14, nil, errnoAiNodata},
			{"10.0.0.3", "22", addrinfo{kind: sockStream, flags: aiNumericHost | aiNumericService}, 8, 26, []string{"10.0.0.3:22 2 1"}, 0},
			{"", "80", addrinfo{kind: sockStream}, 8, 26, []string{"127.0.0.1:80 2 1", "[::1]:80 2 1"}, 0},
			{"", "80", addrinfo{kind: sockStream, flags: aiPassive, family: afInet4}, 8, 26, []string{"0.0.0.0:80 2 1"}, 0},
			{"other.example", "80", addrinfo{}, 8, 26, nil, errnoAcces},
			{"absent.example", "80", addrinfo{}, 8, 26, nil, errnoAiNoname},
			{"slow.example", "80", addrinfo{}, 8, 26, nil, errnoAiAgain},
			{"0x7f.1", "80", addrinfo{}, 8, 26, nil, errnoAiNoname},
			{strings.Repeat("n", maxNode+1), "80", addrinfo{}, 8, 26, nil, errnoAiNoname},
			{"server.example", "80", addrinfo{flags: aiNumericHost}, 8, 26, nil, errnoAiNoname},
			{"server.example", "http", addrinfo{flags: aiNumericService}, 8, 26, nil, errnoAiNoname},
			{"server.example", "no such", addrinfo{}, 8, 26, nil, errnoAiService},
			{"server.example", "65536", addrinfo{}, 8, 26, nil, errnoAiService},
			{"", "", addrinfo{}, 8, 26, nil, errnoAiNoname},
			{"server.example", "80", addrinfo{flags: 1 << 7}, 8, 26, nil, errnoAiBadflags},
			{"server.example", "80", addrinfo{family: afUnix}, 8, 26, nil, errnoAiFamily},
			{"server.example", "80", addrinfo{kind: sockDgram, protocol: protocolTCP}, 8, 26, nil, errnoAiSocktype},
			{"server.example", "80", addrinfo{}, 0, 26, nil, errnoAiMemory},
		} {
			copy(c.mem.bytes[8192:], tt.node+tt.service)
			hints := c.mem.bytes[hintsAt : hintsAt+sizeAddrinfo]
			le.PutUint16(hints, uint16(tt.hints.flags))
			hints[2], hints[3], hints[4] = tt.hints.family, tt.hints.kind, tt.hints.protocol
			c.list(pointerAt, list, max(tt.records, 1), tt.room)
			e := c.call("sock_getaddrinfo", 8192, uint64(len(tt.node)), 8192+uint64(len(tt.node)), uint64(len(tt.service)),
				hintsAt, pointerAt, uint64(tt.records), countAt)
			if e != tt.e {
				t.Errorf("%q, %q, %+v: errno %d, want %d", tt.node, tt.service, tt.hints, e, tt.e)
				continue
			}
			if e != errnoSuccess {
				continue
			}
			if got := c.results(pointerAt, c.u32(countAt)); !slices.Equal(got, tt.want) {
				t.Errorf("%q, %q, %+v: %q, want %q", tt.node, tt.service, tt.hints, got, tt.want)
			}
			const room = sizeAddrinfo + sizeSockaddr + 64
			for i := range tt.records {
				data := c.mem.bytes[list+(i+1)*room+sizeAddrinfo+sizeSockaddr:][:64]
				if slices.ContainsFunc(data[tt.room:], func(b byte) bool { return b != 0xa5 }) {
					t.Errorf("%q: record %d was written beyond its room", tt.node, i)
				}
			}
		}
	})
}

// TestCanonicalName: the name is written if it is asked for and there is room, with a NUL.
func TestCanonicalName(t *testing.T) {
	withNetwork(t, func(c *caller, stack *networktest.Stack) {
		stack.Name("server.example", networktest.Answer{Addrs: []netip.Addr{serverAt.Addr()}})
		for room, want := range map[uint32]string{14: "", 15: "server.example"} {
			copy(c.mem.bytes[8192:], "server.example")
			le.PutUint16(c.mem.bytes[100:], uint16(aiCanonname))
			c.list(204, 4096, 8, 26)
			record := c.u32(204)
			le.PutUint32(c.mem.bytes[record+16:], 9000)
			le.PutUint32(c.mem.bytes[record+20:], room)
			c.want(errnoSuccess, "sock_getaddrinfo", 8192, 14, 8192, 0, 100, 204, 1, 200)
			if n := c.u32(record + 20); string(c.mem.bytes[9000:9000+n]) != want {
				t.Errorf("with room for %d bytes the name is %q", room, c.mem.bytes[9000:9000+n])
			}
		}
	})
}
