package wasip2

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func TestDatagrams(t *testing.T) {
	withNetwork(t, nil, func(g *guest, stack *networktest.Stack, _ network.TCP) {
		s := g.mustCreate("udp", wasi.IPv4)
		stream := func(to netip.AddrPort) (in, out uint32, code int) {
			code = g.socket("udp-socket.stream", s, func(w *cabi.Writer) {
				if !to.IsValid() {
					w.None()
					return
				}
				w.Some()
				wasi.PutSocketAddress(w, to)
			}, func(r *cabi.Reader) {
				pair := r.Record()
				in, out = pair.Own(), pair.Own()
			})
			return in, out, code
		}
		_, _, code := stream(netip.AddrPort{})
		g.code("unbound", code, sock(wasi.SockInvalidState))
		g.code("bind", g.socket("udp-socket.start-bind", s, at(ownAt), nil), ok)
		g.code("finish-bind", g.socket("udp-socket.finish-bind", s, nil, nil), ok)
		in, out, code := stream(netip.AddrPort{})
		g.code("stream", code, ok)
		g.traps("were not dropped", func() { stream(netip.AddrPort{}) })

		peer, err := stack.UDP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if err := peer.Bind(serverAt); err != nil {
			t.Fatal(err)
		}
		send := func(n int, to netip.AddrPort) (sent uint64, code int) {
			code = g.socket("outgoing-datagram-stream.send", out, func(w *cabi.Writer) {
				list := w.List(n)
				for range n {
					d := list.Record()
					d.Bytes([]byte("ping"))
					if !to.IsValid() {
						d.None()
						continue
					}
					d.Some()
					wasi.PutSocketAddress(d, to)
				}
			}, func(r *cabi.Reader) { sent = r.U64() })
			return sent, code
		}
		permit := func() (n uint64) {
			g.code("check-send", g.socket("outgoing-datagram-stream.check-send", out, nil, func(r *cabi.Reader) { n = r.U64() }), ok)
			return n
		}
		g.traps("has permitted 0", func() { send(1, serverAt) })
		if n := permit(); n != maxDatagrams {
			t.Errorf("%d datagrams are permitted", n)
		}
		if n, code := send(2, serverAt); n != 2 || code != ok {
			t.Errorf("sent %d, %d", n, code)
		}
		permit()
		_, code = send(1, secretAt)
		g.code("not granted", code, sock(wasi.SockAccessDenied))
		permit()
		_, code = send(1, netip.AddrPort{})
		g.code("to nobody", code, sock(wasi.SockInvalidArgument))
		permit()
		g.traps("has permitted 16", func() { send(17, serverAt) })

		receive := func(n uint64) (texts []string) {
			g.code("receive", g.socket("incoming-datagram-stream.receive", in, func(w *cabi.Writer) { w.U64(n) }, func(r *cabi.Reader) {
				for list := r.List(); list.Len() > 0; {
					d := list.Record()
					texts = append(texts, string(d.Bytes())+" "+wasi.SocketAddress(&d).String())
				}
			}), ok)
			return texts
		}
		ready := g.own("wasi:sockets/udp#[method]incoming-datagram-stream.subscribe", in)
		if got := receive(10); len(got) != 0 || g.isReady(ready) {
			t.Errorf("received %q", got)
		}
		for _, text := range []string{"a", "", "c"} {
			if _, err := peer.WriteTo([]byte(text), ownAt); err != nil {
				t.Fatal(err)
			}
		}
		g.poll(ready)
		if got := receive(2); !slices.Equal(got, []string{"a 10.0.0.1:80", " 10.0.0.1:80"}) {
			t.Errorf("received %q", got)
		}
		if got := receive(1 << 40); !slices.Equal(got, []string{"c 10.0.0.1:80"}) {
			t.Errorf("received %q", got)
		}
		g.drop(pollables, ready)
		g.drop("wasi:sockets/udp#incoming-datagram-stream", in)
		g.drop("wasi:sockets/udp#outgoing-datagram-stream", out)
		_, out, code = stream(serverAt)
		g.code("stream to a peer", code, ok)
		permit()
		if n, code := send(1, netip.AddrPort{}); n != 1 || code != ok {
			t.Errorf("sent %d, %d", n, code)
		}
		permit()
		_, code = send(1, ownAt)
		g.code("to another one", code, sock(wasi.SockInvalidArgument))
		if remote, code := g.address("udp-socket.remote-address", s); remote != serverAt || code != ok {
			t.Errorf("the peer is %v, %d", remote, code)
		}
	})
}

func TestLookups(t *testing.T) {
	withNetwork(t, nil, func(g *guest, stack *networktest.Stack, _ network.TCP) {
		stack.Name("example.org", networktest.Answer{Addrs: []netip.Addr{serverAt.Addr(), own6At.Addr()}})
		resolve := func(name string) (l uint32, code int) {
			code = ok
			g.call("wasi:sockets/ip-name-lookup#resolve-addresses", func(w *cabi.Writer) { w.Borrow(0); w.String(name) }, func(r *cabi.Reader) {
				if r.OK() {
					l = r.Own()
				} else {
					code = r.Enum()
				}
			})
			return l, code
		}
		next := func(l uint32) (text string) {
			g.call("wasi:sockets/ip-name-lookup#[method]resolve-address-stream.resolve-next-address", borrowed(l), func(r *cabi.Reader) {
				switch {
				case !r.OK():
					text = "code " + string(rune('A'+r.Enum()))
				case !r.Option():
					text = "none"
				case r.Variant() == wasi.IPv4:
					a := r.Record()
					text = netip.AddrFrom4([4]byte{a.U8(), a.U8(), a.U8(), a.U8()}).String()
				default:
					r.Skip()
					text = "IPv6"
				}
			})
			return text
		}
		l, code := resolve("Example.ORG.")
		g.code("resolve", code, ok)
		g.poll(g.own("wasi:sockets/ip-name-lookup#[method]resolve-address-stream.subscribe", l))
		for _, want := range []string{"10.0.0.1", "IPv6", "none", "none"} {
			if got := next(l); got != want {
				t.Errorf("the next address is %s, want %s", got, want)
			}
		}
		l, code = resolve("10.1.2.3")
		if got := next(l); got != "10.1.2.3" || code != ok {
			t.Errorf("the address is %s, %d", got, code)
		}
		_, code = resolve("other.org")
		g.code("not granted", code, sock(wasi.SockAccessDenied))
		_, code = resolve("-x-")
		g.code("no name", code, sock(wasi.SockInvalidArgument))
		stack.Name("example.org", networktest.Answer{Err: &net.DNSError{IsNotFound: true}})
		l, _ = resolve("example.org")
		g.poll(g.own("wasi:sockets/ip-name-lookup#[method]resolve-address-stream.subscribe", l))
		if got, want := next(l), "code "+string(rune('A'+wasi.SockNameUnresolvable)); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
		stack.Name("example.org", networktest.Answer{Hang: true})
		for range wasi.MaxLookups {
			if _, code = resolve("example.org"); code != ok {
				break
			}
		}
		g.code("too many", code, sock(wasi.SockTemporaryResolverFailure))
	})
}
