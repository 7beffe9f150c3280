package wasip1

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// hostile is the process of a hostile guest: it has descriptors of every kind, and a memory between two guards, which no
// call may touch.
type hostile struct {
	caller
	arena []byte
	list  []function
}

const guard = 4096

func newHostile(t testing.TB, p *Process) *hostile {
	h := &hostile{arena: bytes.Repeat([]byte{0xa5}, guard+end+guard), list: functions()}
	h.caller = caller{p, t, &linear{bytes: h.arena[guard : guard+end : guard+end]}, byName()}
	clear(h.mem.bytes)
	peer := h.openSocket(afInet4, sockStream)
	h.want(errnoSuccess, "fd_fdstat_set_flags", peer, uint64(fdflagNonblock))
	h.connect(errnoInprogress, peer, serverAt) // some time nobody has room for it
	h.openSocket(afInet6, sockStream)
	h.openSocket(afInet4, sockDgram)
	clear(h.mem.bytes)
	return h
}

func hostileConfig(t testing.TB) abi.Config {
	stack := networktest.New()
	listenOn(t, stack, serverAt)
	return abi.Config{
		Network: network.Config{Stack: stack, Access: access{dial: []netip.AddrPort{serverAt}, listen: []netip.AddrPort{ownAt}, names: []string{"localhost"}}},
		Args:    []string{"prog", "arg"},
		Stdin:   hostcalls.Empty{},
		Grants: []capability.Grant{
			folderGrant{HostPath: t.TempDir(), GuestPath: "/"},
			listenerGrant("127.0.0.1:0"),
		},
		Descriptors: 16,
		PendingOps:  64,
	}
}

// attempt makes one call, unless it would end the guest or wait for ever.
func (h *hostile) attempt(f function, params []uint64) {
	h.t.Helper()
	params = params[:len(f.params)]
	for i, c := range f.params {
		if c == 'i' {
			params[i] = uint64(uint32(params[i]))
		}
	}
	if !h.returns(f.name, params) {
		return
	}
	if e := f.call(h.Process, memory{h.mem}, params); e > errnoNotcapable && f.name != "sock_getaddrinfo" {
		h.t.Errorf("%s%#x = errno %d", f.name, params, e)
	}
	if n := bytes.Count(h.arena[:guard], []byte{0xa5}) + bytes.Count(h.arena[guard+end:], []byte{0xa5}); n != 2*guard {
		h.t.Errorf("%s%#x touched what is outside of the memory", f.name, params)
	}
}

// returns reports whether a call returns. It makes a poll return by adding a subscription that is over, and sockets not
// wait.
func (h *hostile) returns(name string, params []uint64) bool {
	for _, d := range h.fds.entries {
		if d != nil && isSocket(d) {
			d.stat().flags |= fdflagNonblock
		}
	}
	switch name {
	case "proc_exit", "proc_raise":
		return false
	case "poll_oneoff", "epoll_oneoff":
		if kind := params[0] + 8; kind < end {
			h.mem.bytes[kind] = 3
		}
	}
	return true
}

// TestExtremes makes every call with every extreme number in every place, two places at a time.
func TestExtremes(t *testing.T) {
	withProcessOf(t, counting(), hostileConfig(t), func(c *caller) {
		h := newHostile(t, c.Process)
		for _, f := range h.list {
			for i := range f.params {
				for j := range i + 1 {
					for _, x := range extremes {
						for _, y := range extremes {
							params := []uint64{3, 64, 1, 64, 64, 64, 64, 64, 64}
							params[i], params[j] = x, y
							if f.name == "fd_close" || f.name == "fd_renumber" {
								params[0] |= 1 << 20
							}
							h.attempt(f, params)
						}
					}
				}
			}
		}
	})
}

// FuzzCalls makes calls as the input says: a function, its parameters, and some bytes of memory.
func FuzzCalls(f *testing.F) {
	for i := range functions() {
		seed := []byte{byte(i)}
		for _, x := range []uint64{3, 64, 1, 128, 64, 8, 64, 64, 64} {
			seed = binary.LittleEndian.AppendUint64(seed, x)
		}
		f.Add(append(seed, "a/../b\x00\x40\x00\x00\x00\x10\x00\x00\x00"...))
	}
	config := hostileConfig(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		withProcessOf(t, counting(), config, func(c *caller) {
			h := newHostile(t, c.Process)
			const size = 1 + 9*8
			for ; len(input) >= size; input = input[min(len(input), size+16):] {
				params := make([]uint64, 9)
				for i := range params {
					params[i] = binary.LittleEndian.Uint64(input[1+8*i:])
				}
				copy(h.mem.bytes[64:], input[size:min(len(input), size+16)])
				h.attempt(h.list[int(input[0])%len(h.list)], params)
			}
		})
	})
}

// FuzzPoll decodes and plans any subscriptions.
func FuzzPoll(f *testing.F) {
	f.Add(clockSubscription(1, clockMonotonic, 5, 0))
	f.Add(fdSubscription(1, eventFdRead, 0))
	f.Add(append(fdSubscription(1, eventFdWrite, 3), clockSubscription(1, clockRealtime, 1<<63, 1)...))
	config := hostileConfig(f)
	f.Fuzz(func(t *testing.T, subs []byte) {
		n := min(len(subs)/sizeSubscription, config.PendingOps)
		if n == 0 {
			return
		}
		// One that is over keeps the poll from waiting.
		subs = append(subs[:n*sizeSubscription:n*sizeSubscription], clockSubscription(9, 99, 0, 0)...)
		withProcessOf(t, counting(), config, func(c *caller) {
			c.mem.bytes = make([]byte, (n+1)*(sizeSubscription+sizeEvent))
			copy(c.mem.bytes, subs)
			m, size := memory{c.mem}, uint32(n+1)
			now := time.Now()
			all, e := c.planAll(m, 0, size, now)
			if e != errnoSuccess {
				t.Fatalf("planAll: errno %d", e)
			}
			events, e := c.pollAll(m, all, size*sizeSubscription, now)
			if e != errnoSuccess || events == 0 || events > size {
				t.Errorf("%d events of %d subscriptions, errno %d", events, size, e)
			}
		})
	})
}
