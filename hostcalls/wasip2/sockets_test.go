package wasip2

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
	"github.com/reactord/reactord/hostcalls/wasi"
)

var (
	serverAt = netip.MustParseAddrPort("10.0.0.1:80")
	secretAt = netip.MustParseAddrPort("10.0.0.3:22")
	ownAt    = netip.MustParseAddrPort("10.0.0.9:8080")
	own6At   = netip.MustParseAddrPort("[fd00::9]:8080")
)

// access allows what it lists, by a lease.
type access struct {
	dial, listen []netip.AddrPort
	names        []string
	by           *lease.Lease
}

func (a access) Dial(_ network.Protocol, to netip.AddrPort, _ []string) (network.Grant, error) {
	return a.grantIf(slices.Contains(a.dial, to))
}

func (a access) Listen(_ network.Protocol, at netip.AddrPort) (network.Grant, error) {
	return a.grantIf(slices.Contains(a.listen, at))
}

func (a access) Resolve(name string) (network.Grant, error) {
	return a.grantIf(slices.Contains(a.names, name))
}

func (a access) grantIf(allowed bool) (network.Grant, error) {
	switch {
	case !allowed:
		return nil, network.ErrNotGranted
	case a.by.Revoked():
		return nil, network.ErrRevoked
	}
	return a.by, nil
}

// withNetwork runs body with a network in memory, on which a server listens that accepts nobody by itself.
func withNetwork(t *testing.T, change func(*abi.Config), body func(g *guest, stack *networktest.Stack, server network.TCP)) *lease.Lease {
	t.Helper()
	stack, by := networktest.New(), lease.New("--dial")
	server, err := stack.TCP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(server.Bind(serverAt), server.Listen(10)); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	budget := hostcalls.NewBudget(1000)
	config := abi.Config{Budget: budget, Owner: "w", Network: network.Config{Stack: stack, Access: access{
		dial: []netip.AddrPort{serverAt, ownAt}, listen: []netip.AddrPort{ownAt, own6At}, names: []string{"example.org"}, by: by,
	}}}
	if change != nil {
		change(&config)
	}
	if err := withGuest(t, config, func(g *guest) { body(g, stack, server) }); err != nil {
		t.Error(err)
	}
	if used, _ := budget.Use(); used != 0 || by.Open() != 0 {
		t.Errorf("%d descriptors are still taken, %d open by the grant", used, by.Open())
	}
	return by
}

// socket calls a method, and returns its error-code, or ok.
func (g *guest) socket(name string, s uint32, args func(*cabi.Writer), results func(*cabi.Reader)) (code int) {
	g.t.Helper()
	interfaceName := "wasi:sockets/" + strings.Split(name, "-")[0]
	if strings.Contains(name, "datagram") {
		interfaceName = "wasi:sockets/udp"
	}
	code = ok
	g.call(interfaceName+"#[method]"+name, func(w *cabi.Writer) {
		w.Borrow(s)
		if args != nil {
			args(w)
		}
	}, func(r *cabi.Reader) {
		switch {
		case !r.OK():
			code = r.Enum()
		case results != nil:
			results(r)
		}
	})
	return code
}

func (g *guest) create(kind string, family int) (s uint32, code int) {
	g.t.Helper()
	code = ok
	g.call("wasi:sockets/"+kind+"-create-socket#create-"+kind+"-socket", func(w *cabi.Writer) { w.Enum(family) }, func(r *cabi.Reader) {
		if r.OK() {
			s = r.Own()
		} else {
			code = r.Enum()
		}
	})
	return s, code
}

func (g *guest) mustCreate(kind string, family int) uint32 {
	g.t.Helper()
	s, code := g.create(kind, family)
	g.code("create", code, ok)
	return s
}

// at writes the network and an address.
func at(a netip.AddrPort) func(*cabi.Writer) {
	return func(w *cabi.Writer) {
		w.Borrow(0)
		wasi.PutSocketAddress(w, a)
	}
}

// connection of a guest.
type streams struct{ socket, in, out uint32 }

func (g *guest) connect(to netip.AddrPort) (c streams) {
	g.t.Helper()
	c.socket = g.mustCreate("tcp", wasi.IPv4)
	g.code("start-connect", g.socket("tcp-socket.start-connect", c.socket, at(to), nil), ok)
	ready := g.own("wasi:sockets/tcp#[method]tcp-socket.subscribe", c.socket)
	g.poll(ready)
	g.drop(pollables, ready)
	g.code("finish-connect", g.socket("tcp-socket.finish-connect", c.socket, nil, func(r *cabi.Reader) {
		pair := r.Record()
		c.in, c.out = pair.Own(), pair.Own()
	}), ok)
	return c
}

func sock(c wasi.SocketCode) int { return int(c) }

func (g *guest) address(name string, s uint32) (a netip.AddrPort, code int) {
	g.t.Helper()
	code = g.socket(name, s, nil, func(r *cabi.Reader) { a = wasi.SocketAddress(r) })
	return a, code
}

func TestClient(t *testing.T) {
	withNetwork(t, nil, func(g *guest, _ *networktest.Stack, server network.TCP) {
		c := g.connect(serverAt)
		peer, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		g.is("write", g.write("blocking-write-and-flush", c.out, "ping"), outcome{})
		buf := make([]byte, 100)
		if n, _ := peer.Read(buf, false); string(buf[:n]) != "ping" {
			t.Errorf("the server got %q", buf[:n])
		}
		g.is("read of nothing", g.read("read", c.in, 10), outcome{})
		ready := g.own("wasi:io/streams#[method]input-stream.subscribe", c.in)
		if g.isReady(ready) {
			t.Error("it is ready")
		}
		_, _ = peer.Write([]byte("pong"))
		g.poll(ready)
		g.is("read", g.read("read", c.in, 10), outcome{bytes: "pong"})
		if remote, code := g.address("tcp-socket.remote-address", c.socket); remote != serverAt || code != ok {
			t.Errorf("the peer is %v, %d", remote, code)
		}
		shutdown := func(how int) int {
			return g.socket("tcp-socket.shutdown", c.socket, func(w *cabi.Writer) { w.Enum(how) }, nil)
		}
		g.code("shutdown", shutdown(shutdownSend), ok)
		g.is("write after shutdown", g.write("blocking-write-and-flush", c.out, "x"), outcome{closed: true})
		g.code("shutdown", shutdown(shutdownReceive), ok)
		g.is("read after shutdown", g.read("blocking-read", c.in, 1), outcome{closed: true})
		g.drop(pollables, ready)
		g.code("connect again", g.socket("tcp-socket.start-connect", c.socket, at(serverAt), nil), sock(wasi.SockInvalidState))
		g.code("listen", g.socket("tcp-socket.start-listen", c.socket, nil, nil), sock(wasi.SockInvalidState))
		g.code("backlog", g.socket("tcp-socket.set-listen-backlog-size", c.socket, func(w *cabi.Writer) { w.U64(1) }, nil), sock(wasi.SockInvalidState))
	})
}

func TestFailedConnections(t *testing.T) {
	withNetwork(t, nil, func(g *guest, stack *networktest.Stack, _ network.TCP) {
		for to, want := range map[netip.AddrPort]wasi.SocketCode{
			secretAt:                                      wasi.SockAccessDenied,
			own6At:                                        wasi.SockInvalidArgument,
			netip.MustParseAddrPort("10.0.0.1:0"):         wasi.SockInvalidArgument,
			netip.MustParseAddrPort("0.0.0.0:80"):         wasi.SockInvalidArgument,
			netip.MustParseAddrPort("224.0.0.1:80"):       wasi.SockInvalidArgument,
			netip.MustParseAddrPort("255.255.255.255:80"): wasi.SockInvalidArgument,
		} {
			s := g.mustCreate("tcp", wasi.IPv4)
			g.code(to.String(), g.socket("tcp-socket.start-connect", s, at(to), nil), sock(want))
			g.code("finish", g.socket("tcp-socket.finish-connect", s, nil, nil), sock(wasi.SockNotInProgress))
		}
		s := g.mustCreate("tcp", wasi.IPv4)
		g.code("no one there", g.socket("tcp-socket.start-connect", s, at(ownAt), nil), ok)
		g.code("twice", g.socket("tcp-socket.start-connect", s, at(ownAt), nil), sock(wasi.SockConcurrencyConflict))
		g.poll(g.own("wasi:sockets/tcp#[method]tcp-socket.subscribe", s))
		g.code("refused", g.socket("tcp-socket.finish-connect", s, nil, nil), sock(wasi.SockConnectionRefused))
		g.code("closed", g.socket("tcp-socket.start-connect", s, at(serverAt), nil), sock(wasi.SockInvalidState))
		stack.Fail(serverAt, networktest.Faults{Hang: true})
		s = g.mustCreate("tcp", wasi.IPv4)
		g.code("start", g.socket("tcp-socket.start-connect", s, at(serverAt), nil), ok)
		g.code("under way", g.socket("tcp-socket.finish-connect", s, nil, nil), sock(wasi.SockWouldBlock))
		if g.isReady(g.own("wasi:sockets/tcp#[method]tcp-socket.subscribe", s)) {
			t.Error("it is ready")
		}
		stack.RemoveFamily(network.IPv6)
		if _, code := g.create("tcp", wasi.IPv6); code == ok {
			t.Error("there is a socket of IPv6")
		}
	})
}

func TestServer(t *testing.T) {
	withNetwork(t, nil, func(g *guest, stack *networktest.Stack, _ network.TCP) {
		s := g.mustCreate("tcp", wasi.IPv4)
		if _, code := g.address("tcp-socket.local-address", s); code != sock(wasi.SockInvalidState) {
			t.Errorf("the address of an unbound socket: %d", code)
		}
		g.code("listen unbound", g.socket("tcp-socket.start-listen", s, nil, nil), sock(wasi.SockInvalidState))
		g.code("finish-bind", g.socket("tcp-socket.finish-bind", s, nil, nil), sock(wasi.SockNotInProgress))
		g.code("bind not granted", g.socket("tcp-socket.start-bind", s, at(secretAt), nil), sock(wasi.SockAccessDenied))
		g.code("bind wrong family", g.socket("tcp-socket.start-bind", s, at(own6At), nil), sock(wasi.SockInvalidArgument))
		g.code("bind", g.socket("tcp-socket.start-bind", s, at(ownAt), nil), ok)
		g.code("bind twice", g.socket("tcp-socket.start-bind", s, at(ownAt), nil), sock(wasi.SockConcurrencyConflict))
		g.code("finish-bind", g.socket("tcp-socket.finish-bind", s, nil, nil), ok)
		g.code("bind again", g.socket("tcp-socket.start-bind", s, at(ownAt), nil), sock(wasi.SockInvalidState))
		g.code("backlog of zero", g.socket("tcp-socket.set-listen-backlog-size", s, func(w *cabi.Writer) { w.U64(0) }, nil), sock(wasi.SockInvalidArgument))
		g.code("backlog", g.socket("tcp-socket.set-listen-backlog-size", s, func(w *cabi.Writer) { w.U64(1 << 40) }, nil), ok)
		g.code("accept before", g.socket("tcp-socket.accept", s, nil, nil), sock(wasi.SockInvalidState))
		g.code("listen", g.socket("tcp-socket.start-listen", s, nil, nil), ok)
		g.code("finish-listen", g.socket("tcp-socket.finish-listen", s, nil, nil), ok)
		g.code("accept nobody", g.socket("tcp-socket.accept", s, nil, nil), sock(wasi.SockWouldBlock))
		ready := g.own("wasi:sockets/tcp#[method]tcp-socket.subscribe", s)
		if local, code := g.address("tcp-socket.local-address", s); local != ownAt || code != ok || g.isReady(ready) {
			t.Errorf("it listens at %v, %d", local, code)
		}
		client, err := stack.TCP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		_ = client.Connect(ownAt)
		_, _ = client.Write([]byte("hello"))
		g.poll(ready)
		var c streams
		g.code("accept", g.socket("tcp-socket.accept", s, nil, func(r *cabi.Reader) {
			three := r.Record()
			c = streams{three.Own(), three.Own(), three.Own()}
		}), ok)
		g.is("read", g.read("blocking-read", c.in, 10), outcome{bytes: "hello"})
		_ = client.Close()
		g.is("read at the end", g.read("blocking-read", c.in, 10), outcome{closed: true})
		g.drop("wasi:sockets/tcp#tcp-socket", c.socket) // its streams keep the connection open
		g.is("read by a stream of a dropped socket", g.read("read", c.in, 1), outcome{closed: true})
		g.traps("1 others", func() { g.drop("wasi:sockets/tcp#tcp-socket", s) })
	})
}

// What a socket does not take waits in the host, and goes out while the component waits for something else: otherwise a peer
// that first writes would wait for a component that first reads.
func TestUnsentBytes(t *testing.T) {
	withNetwork(t, nil, func(g *guest, stack *networktest.Stack, server network.TCP) {
		stack.SetCapacity(1 << 10)
		c := g.connect(serverAt)
		peer, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		text := strings.Repeat("0123456789abcdef", 2<<10)
		g.is("check-write", g.checkWrite(c.out), outcome{n: 64 << 10})
		g.is("write", g.write("write", c.out, text), outcome{})
		g.is("check-write while it goes out", g.checkWrite(c.out), outcome{})
		ready := g.own("wasi:io/streams#[method]output-stream.subscribe", c.out)
		if g.isReady(ready) {
			t.Error("it is ready")
		}
		g.drop(pollables, ready)
		got := make(chan string)
		go func() {
			var all strings.Builder
			for all.Len() < len(text) {
				buf := make([]byte, 777)
				n, err := hostcalls.ReadContext(t.Context(), network.Source(peer), buf)
				if err != nil {
					break
				}
				all.Write(buf[:n])
			}
			got <- all.String()
			_, _ = peer.Write([]byte("thanks"))
		}()
		go func() {
			if s := <-got; s != text {
				t.Errorf("the peer got %d bytes of %d", len(s), len(text))
			}
		}()
		g.is("an answer to what was not sent yet", g.read("blocking-read", c.in, 10), outcome{bytes: "thanks"})
		g.is("check-write when it is out", g.checkWrite(c.out), outcome{n: 64 << 10})
		g.is("write", g.write("write", c.out, text), outcome{})
		g.drop(outputStreams, c.out) // what is not sent goes out, or ends with the component
		g.drop(inputStreams, c.in)
		g.drop("wasi:sockets/tcp#tcp-socket", c.socket)
	})
}

func TestOptions(t *testing.T) {
	withNetwork(t, nil, func(g *guest, _ *networktest.Stack, _ network.TCP) {
		s := g.mustCreate("tcp", wasi.IPv4)
		for _, name := range []string{"keep-alive-idle-time", "keep-alive-interval", "receive-buffer-size", "send-buffer-size"} {
			set := func(v uint64) int {
				return g.socket("tcp-socket.set-"+name, s, func(w *cabi.Writer) { w.U64(v) }, nil)
			}
			g.code(name+" of zero", set(0), sock(wasi.SockInvalidArgument))
			g.code(name, set(uint64(32*time.Second)), ok)
			g.code(name, g.socket("tcp-socket."+name, s, nil, func(r *cabi.Reader) {
				if v := r.U64(); v != uint64(32*time.Second) {
					t.Errorf("%s is %d", name, v)
				}
			}), ok)
			g.code(name+" of too much", set(1<<64-1), ok)
		}
		g.code("keep-alive-count", g.socket("tcp-socket.set-keep-alive-count", s, func(w *cabi.Writer) { w.U32(3) }, nil), ok)
		g.code("keep-alive", g.socket("tcp-socket.set-keep-alive-enabled", s, func(w *cabi.Writer) { w.Bool(true) }, nil), ok)
		g.code("hop-limit of zero", g.socket("tcp-socket.set-hop-limit", s, func(w *cabi.Writer) { w.U8(0) }, nil), sock(wasi.SockInvalidArgument))
		g.code("hop-limit", g.socket("tcp-socket.set-hop-limit", s, func(w *cabi.Writer) { w.U8(7) }, nil), ok)
		g.code("keep-alive", g.socket("tcp-socket.keep-alive-enabled", s, nil, func(r *cabi.Reader) {
			if !r.Bool() {
				t.Error("it is off")
			}
		}), ok)
		g.code("hop-limit", g.socket("tcp-socket.hop-limit", s, nil, func(r *cabi.Reader) {
			if r.U8() != 7 {
				t.Error("it was not set")
			}
		}), ok)
	})
}

// The limits of sockets and of descriptors have a code; a grant that is revoked ends what is open by it.
func TestLimitsOfSockets(t *testing.T) {
	withNetwork(t, func(c *abi.Config) { c.Network.Sockets = 2 }, func(g *guest, _ *networktest.Stack, _ network.TCP) {
		g.mustCreate("tcp", wasi.IPv4)
		g.mustCreate("udp", wasi.IPv4)
		_, code := g.create("tcp", wasi.IPv4)
		g.code("too many sockets", code, sock(wasi.SockNewSocketLimit))
		if r := g.store.Refused().Refusal(); r == nil || r.Kind != abi.RefusedSocket {
			t.Errorf("refused %+v", r)
		}
	})
	withNetwork(t, func(c *abi.Config) { c.Descriptors = 4 }, func(g *guest, _ *networktest.Stack, _ network.TCP) {
		s := g.mustCreate("tcp", wasi.IPv4)
		_, code := g.create("tcp", wasi.IPv4)
		g.code("too many descriptors", code, sock(wasi.SockNewSocketLimit))
		g.drop("wasi:sockets/tcp#tcp-socket", s)
		g.mustCreate("tcp", wasi.IPv4)
	})
	var by *lease.Lease
	withNetwork(t, func(c *abi.Config) { by = c.Network.Access.(access).by }, func(g *guest, _ *networktest.Stack, _ network.TCP) {
		c := g.connect(serverAt)
		by.Revoke()
		g.is("read", g.read("blocking-read", c.in, 1), outcome{failed: "the grant was revoked"})
		g.is("write", g.write("blocking-write-and-flush", c.out, "x"), outcome{failed: "the grant was revoked"})
	})
}

// socketGrant is a grant of a socket.
type socketGrant func(capability.Opener) error

func (socketGrant) String() string                   { return "a socket" }
func (socketGrant) Handle() capability.Handle        { return capability.SocketHandle }
func (g socketGrant) Open(o capability.Opener) error { return g(o) }

// A socket that a component binds to the address of a granted listener stands for it. What can't be handed over is refused.
func TestGrantedSockets(t *testing.T) {
	listen := socketGrant(func(o capability.Opener) error {
		return o.Listen(capability.Listener{Name: "web", Address: ownAt.String()})
	})
	grant := func(c *abi.Config) {
		c.Grants, c.Leases = []capability.Grant{listen}, []*lease.Lease{c.Network.Access.(access).by}
	}
	withNetwork(t, grant, func(g *guest, stack *networktest.Stack, _ network.TCP) {
		client, err := stack.TCP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := client.Connect(ownAt); err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
			t.Fatal(err) // it comes before the component listens
		}
		for range 2 { // a dropped socket leaves the listener
			s := g.mustCreate("tcp", wasi.IPv4)
			g.code("bind", g.socket("tcp-socket.start-bind", s, at(ownAt), nil), ok)
			g.code("finish-bind", g.socket("tcp-socket.finish-bind", s, nil, nil), ok)
			g.drop("wasi:sockets/tcp#tcp-socket", s)
		}
		s := g.mustCreate("tcp", wasi.IPv4)
		g.socket("tcp-socket.start-bind", s, at(ownAt), nil)
		g.socket("tcp-socket.finish-bind", s, nil, nil)
		g.code("listen", g.socket("tcp-socket.start-listen", s, nil, nil), ok)
		g.socket("tcp-socket.finish-listen", s, nil, nil)
		g.code("accept", g.socket("tcp-socket.accept", s, nil, nil), ok)
	})
	peers := socketGrant(func(o capability.Opener) error {
		return o.Listen(capability.Listener{Name: "peers", Address: "workload"})
	})
	for _, grant := range []capability.Grant{listen, folderGrant{}} {
		if err := wasi.CheckGrant(grant, nil); err != nil {
			t.Errorf("CheckGrant = %v", err)
		}
	}
	if err := wasi.CheckGrant(peers, nil); err == nil || !strings.Contains(err.Error(), "WASI can't hand a listener for other workloads") {
		t.Errorf("CheckGrant = %v", err)
	}
	connect := socketGrant(func(o capability.Opener) error {
		return o.Connect(capability.Connection{Name: "db", Address: serverAt.String()})
	})
	refused := errors.New("refused")
	if err := wasi.CheckGrant(connect, func(string) error { return nil }); err != nil {
		t.Errorf("CheckGrant = %v", err)
	}
	if err := wasi.CheckGrant(connect, func(string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("CheckGrant = %v", err)
	}
	config := abi.Config{
		Grants: []capability.Grant{peers}, Network: network.Config{Stack: networktest.New()},
		Peer: network.Peer{Peers: network.NewPeers(), Tenant: "t", ID: "w"},
	}
	err := withGuest(t, config, func(*guest) { t.Error("it started") })
	if denied, ok := errors.AsType[*capability.Error](err); !ok || !strings.Contains(denied.Error(), "WASI can't hand a listener") {
		t.Errorf("the error is %v", err)
	}
}

func TestSocketCodes(t *testing.T) {
	for err, want := range map[error]wasi.SocketCode{
		syscall.EOPNOTSUPP: wasi.SockNotSupported, syscall.Errno(9999): wasi.SockUnknown, network.ErrQuota: wasi.SockAccessDenied,
		network.ErrTooManySockets: wasi.SockNewSocketLimit, network.ErrUnknownOption: wasi.SockNotSupported, network.ErrTruncated: wasi.SockConnectionReset,
	} {
		if got := wasi.SocketCodeOf(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
