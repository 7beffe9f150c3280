package network_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// permit is a grant that can be revoked.
type permit struct {
	name string

	mu      sync.Mutex
	revoked bool
	held    map[*func()]struct{}
}

func (p *permit) String() string { return p.name }

func (p *permit) OnRevoke(revoked func()) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revoked {
		revoked()
		return func() {}
	}
	if p.held == nil {
		p.held = map[*func()]struct{}{}
	}
	p.held[&revoked] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.held, &revoked)
	}
}

func (p *permit) holders() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

func (p *permit) revoke() {
	p.mu.Lock()
	held := p.held
	p.revoked, p.held = true, nil
	p.mu.Unlock()
	for revoked := range held {
		(*revoked)()
	}
}

// access allows what is in its tables, and notes what it was asked for.
type access struct {
	dial    map[string]*permit // by address, or by name and port
	listen  map[string]*permit
	resolve map[string]*permit
	asked   []string
}

func (a *access) Dial(_ network.Protocol, to netip.AddrPort, names []string) (network.Grant, error) {
	a.asked = append(a.asked, strings.Join(append([]string{to.String()}, names...), " "))
	if g := a.dial[to.String()]; g != nil {
		return g, nil
	}
	for _, name := range names {
		if g := a.dial[name]; g != nil {
			return g, nil
		}
	}
	return nil, network.ErrNotGranted
}

func (a *access) Listen(_ network.Protocol, at netip.AddrPort) (network.Grant, error) {
	a.asked = append(a.asked, at.String())
	if g := a.listen[at.String()]; g != nil {
		return g, nil
	}
	return nil, network.ErrNotGranted
}

func (a *access) Resolve(name string) (network.Grant, error) {
	a.asked = append(a.asked, name)
	if g := a.resolve[name]; g != nil {
		return g, nil
	}
	return nil, network.ErrNotGranted
}

const server = "10.0.0.7:5432"

// connect makes a connection of a process to a server of the twin.
func connect(t testing.TB, n *network.Network, to string) (network.TCP, error) {
	t.Helper()
	c, err := n.TCP(network.IPv4)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Connect(addrPort(to)); !errors.Is(err, hostcalls.ErrWouldBlock) {
		return c, err
	}
	return c, c.FinishConnect()
}

// connected returns a connection of a process, which a grant allows, and the server's side.
func connected(t testing.TB, c network.Config) (n *network.Network, client, peer network.TCP, g *permit) {
	t.Helper()
	s := networktest.New()
	l := listen(t, s, server)
	g = &permit{name: "--dial=" + server}
	c.Stack, c.Access = s, &access{dial: map[string]*permit{server: g}}
	n = network.New(c)
	client, err := connect(t, n, server)
	if err != nil {
		t.Fatal(err)
	}
	return n, client, accept(t, l), g
}

func TestNothingIsAllowedWithoutAccess(t *testing.T) {
	s := networktest.New()
	listen(t, s, server)
	n := network.New(network.Config{Stack: s})
	c, err := n.TCP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u, err := n.UDP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	_, sent := u.WriteTo([]byte("x"), addrPort(server))
	for what, err := range map[string]error{
		"connect": c.Connect(addrPort(server)), "bind": c.Bind(addrPort("10.0.0.1:80")), "listen": c.Listen(1),
		"UDP connect": u.Connect(addrPort(server)), "UDP bind": u.Bind(addrPort("0.0.0.0:53")), "send": sent,
	} {
		if !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := c.Bind(addrPort("0.0.0.0:0")); err != nil {
		t.Errorf("to bind to nothing in particular takes a grant: %v", err)
	}
	if err := c.Listen(1); !errors.Is(err, network.ErrNotGranted) {
		t.Errorf("to listen there takes none: %v", err)
	}
	onFiber(t, func(call *hostcalls.Call, _ *driver.Driver) {
		if _, err := n.Resolve(call, network.AnyFamily, "localhost"); !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("resolve: %v", err)
		}
	})
}

// Access is asked for the address in its one spelling, with the names that this process has looked it up by.
func TestAccessIsAskedForWhatIsConnectedTo(t *testing.T) {
	s := networktest.New()
	s.Name("db.example.org", networktest.Answer{Addrs: []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.7")}})
	s.Name("alias.example.org", networktest.Answer{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.7")}},
		networktest.Answer{Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	a := &access{resolve: map[string]*permit{"db.example.org": {}, "alias.example.org": {}}}
	n := network.New(network.Config{Stack: s, Access: a})
	other := network.New(network.Config{Stack: s, Access: a})
	connectTo := func(n *network.Network, to ...string) {
		for _, to := range to {
			if _, err := connect(t, n, to); !errors.Is(err, network.ErrNotGranted) {
				t.Errorf("connect to %s: %v", to, err)
			}
		}
	}
	connectTo(n, "10.0.0.7:80", "[::ffff:10.0.0.7]:80")
	onFiber(t, func(call *hostcalls.Call, _ *driver.Driver) {
		for _, name := range []string{"DB.Example.Org.", "alias.example.org"} {
			if addrs, err := n.Resolve(call, network.AnyFamily, name); err != nil || addrs[0] != netip.MustParseAddr("10.0.0.7") {
				t.Errorf("%s is %v, %v", name, addrs, err)
			}
		}
		connectTo(n, "10.0.0.7:80", "127.0.0.1:80")
		connectTo(other, "10.0.0.7:80")
		if _, err := n.Resolve(call, network.AnyFamily, "alias.example.org"); err != nil { // it answers otherwise now
			t.Error(err)
		}
		connectTo(n, "127.0.0.1:80")
	})
	want := []string{
		"10.0.0.7:80", "10.0.0.7:80", "db.example.org", "alias.example.org",
		"10.0.0.7:80 db.example.org alias.example.org", "127.0.0.1:80", "10.0.0.7:80", "alias.example.org",
		"127.0.0.1:80 alias.example.org",
	}
	if !slices.Equal(a.asked, want) {
		t.Errorf("access was asked for\n%q, want\n%q", a.asked, want)
	}
	for to, want := range map[string]error{
		"[::1]:80": syscall.EAFNOSUPPORT, "[fe80::1%eth0]:80": syscall.EADDRNOTAVAIL,
	} {
		if _, err := connect(t, n, to); !errors.Is(err, want) {
			t.Errorf("connect to %s: %v, want %v", to, err, want)
		}
	}
}

func TestResolve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := networktest.New()
		four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
		s.Name("both.org", networktest.Answer{Addrs: []netip.Addr{four, six}})
		s.Name("hangs.org", networktest.Answer{Hang: true})
		s.Name("fails.org", networktest.Answer{Err: &net.DNSError{Err: "server misbehaving", Name: "fails.org", IsTemporary: true}})
		var flood []netip.Addr
		for i := range 1000 {
			flood = append(flood, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
		}
		s.Name("flood.org", networktest.Answer{Addrs: flood})
		a := &access{resolve: map[string]*permit{}}
		for _, name := range []string{"both.org", "hangs.org", "fails.org", "unknown.org", "flood.org"} {
			a.resolve[name] = &permit{}
		}
		n := network.New(network.Config{Stack: s, Access: a})
		onFiber(t, func(call *hostcalls.Call, _ *driver.Driver) {
			for _, c := range []struct {
				family network.Family
				name   string
				want   []netip.Addr
			}{
				{network.AnyFamily, "both.org", []netip.Addr{four, six}},
				{network.IPv4, "BOTH.org.", []netip.Addr{four}},
				{network.IPv6, "both.org", []netip.Addr{six}},
				{network.AnyFamily, "192.0.2.9", []netip.Addr{netip.MustParseAddr("192.0.2.9")}},
				{network.AnyFamily, "::ffff:192.0.2.9", []netip.Addr{netip.MustParseAddr("192.0.2.9")}},
				{network.AnyFamily, "flood.org", flood[:64]},
			} {
				if got, err := n.Resolve(call, c.family, c.name); !slices.Equal(got, c.want) || err != nil {
					t.Errorf("%s is %v, %v; want %v", c.name, got, err, c.want)
				}
			}
			for _, name := range []string{"2130706433", "0x7f.1", "127.1", "a b", "::1%lo", ""} {
				if _, err := n.Resolve(call, network.AnyFamily, name); errors.As(err, new(*network.NameError)) == false {
					t.Errorf("%q: %v, want a *NameError", name, err)
				}
			}
			if _, err := n.Resolve(call, network.AnyFamily, "secret.org"); !errors.Is(err, network.ErrNotGranted) {
				t.Errorf("a name without a grant: %v", err)
			}
			begin := time.Now()
			for name, is := range map[string]func(*net.DNSError) bool{
				"hangs.org":   func(e *net.DNSError) bool { return e.IsTimeout && time.Since(begin) == 10*time.Second },
				"fails.org":   func(e *net.DNSError) bool { return e.IsTemporary },
				"unknown.org": func(e *net.DNSError) bool { return e.IsNotFound },
			} {
				begin = time.Now()
				_, err := n.Resolve(call, network.AnyFamily, name)
				if e, ok := errors.AsType[*net.DNSError](err); !ok || !is(e) {
					t.Errorf("%s: %v after %v", name, err, time.Since(begin))
				}
			}
			_, err := n.Resolve(call, network.IPv6, "192.0.2.9")
			if e, ok := errors.AsType[*net.DNSError](err); !ok || !e.IsNotFound {
				t.Errorf("an address of the other family: %v", err)
			}
		})
	})
}

// A lookup that hangs is visible, and ends at once when its guest is canceled.
func TestResolveIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := networktest.New()
		s.Name("hangs.org", networktest.Answer{Hang: true})
		n := network.New(network.Config{Stack: s, Access: &access{resolve: map[string]*permit{"hangs.org": {}}}})
		var err error
		task := spawn(t, func(call *hostcalls.Call, _ *driver.Driver) { _, err = n.Resolve(call, network.AnyFamily, "hangs.org") })
		synctest.Wait()
		ops := task.call.AppendOps(nil)
		if len(ops) != 1 || ops[0].Kind != hostcalls.OpResolve || ops[0].Target != "hangs.org" {
			t.Errorf("it waits for %+v", ops)
		}
		begin := time.Now()
		task.Cancel(errStop)
		task.wait()
		if !errors.Is(err, errStop) || time.Since(begin) != 0 {
			t.Errorf("error is %v after %v", err, time.Since(begin))
		}
	})
}

func TestSocketsAreBounded(t *testing.T) {
	s := networktest.New()
	a := &access{listen: map[string]*permit{"10.0.0.1:80": {}}}
	n := network.New(network.Config{Stack: s, Access: a, Sockets: 3})
	l, err := n.TCP(network.IPv4)
	if err := errors.Join(err, l.Bind(addrPort("10.0.0.1:80")), l.Listen(8)); err != nil {
		t.Fatal(err)
	}
	clients := s.Storm(addrPort("10.0.0.1:80"), 5)
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	u, err := n.UDP(network.IPv4)
	if err != nil || !n.Full() || n.Open() != 3 {
		t.Fatalf("%d are open, %v", n.Open(), err)
	}
	a1, _ := network.Pair(0)
	_, tcpErr := n.TCP(network.IPv4)
	_, udpErr := n.UDP(network.IPv4)
	_, adoptErr := n.Adopt(a1, nil, "")
	_, acceptErr := l.Accept()
	for what, err := range map[string]error{"TCP": tcpErr, "UDP": udpErr, "Adopt": adoptErr, "Accept": acceptErr} {
		if !errors.Is(err, network.ErrTooManySockets) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_ = first.Close()
	_ = first.Close()
	if n.Open() != 2 {
		t.Errorf("%d are open after one was closed twice", n.Open())
	}
	second, err := l.Accept() // none was lost meanwhile
	if err != nil || second.RemoteAddr() != clients[1].LocalAddr() {
		t.Fatalf("the second connection: %v, %v", second, err)
	}
	for _, c := range []io.Closer{l, u, second} {
		_ = c.Close()
	}
	if n.Open() != 0 {
		t.Errorf("%d are open after all were closed", n.Open())
	}
}

func TestRevoke(t *testing.T) {
	for _, d := range []network.Direction{network.In, network.Out} {
		n, client, peer, g := connected(t, network.Config{})
		for err := error(nil); err == nil; { // no room
			_, err = client.Write(make([]byte, 4096))
		}
		told := 0
		client.Notify(d, func() { told++ })
		stop := client.Notify(d, func() { told += 100 })
		stop()
		if told != 0 {
			t.Fatal("it is ready")
		}
		g.revoke()
		if told != 1 {
			t.Errorf("direction %d: told %d times, want once", d, told)
		}
		_, readErr := client.Read(make([]byte, 1), false)
		_, writeErr := client.Write([]byte("x"))
		_, optionErr := client.Option(network.NoDelay)
		for what, err := range map[string]error{
			"Read": readErr, "Write": writeErr, "Option": optionErr, "SetOption": client.SetOption(network.NoDelay, 1),
			"Shutdown": client.Shutdown(true, true), "FinishConnect": client.FinishConnect(),
		} {
			if !errors.Is(err, network.ErrRevoked) {
				t.Errorf("%s: %v, want ErrRevoked", what, err)
			}
		}
		now := false
		client.Notify(d, func() { now = true })
		if !now {
			t.Error("a new wait is not told at once")
		}
		if _, hangup := peer.Level(network.In); !hangup {
			t.Error("the connection is still open")
		}
		if n.Open() != 1 {
			t.Errorf("%d sockets, want the one that the guest has not closed", n.Open())
		}
		if err := client.Close(); err != nil || n.Open() != 0 {
			t.Errorf("Close: %v, %d sockets", err, n.Open())
		}
		if _, err := client.Read(make([]byte, 1), false); !errors.Is(err, network.ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
		if c, err := connect(t, n, server); !errors.Is(err, network.ErrRevoked) {
			// the twin's access still has it, as if the revocation came just after it was asked
			t.Errorf("connect by a revoked grant: %v, %v", c, err)
		}
	}
}

// What a listener has accepted goes with its grant, and sockets that are closed leave nothing with it.
func TestRevokeListener(t *testing.T) {
	s := networktest.New()
	g := &permit{name: "--listen=10.0.0.1:80"}
	n := network.New(network.Config{Stack: s})
	l, err := n.Adopt(listen(t, s, "10.0.0.1:80"), g, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Storm(addrPort("10.0.0.1:80"), 2)
	first, second := accept(t, l), accept(t, l)
	if g.holders() != 3 {
		t.Errorf("the grant has %d holders, want 3", g.holders())
	}
	_ = first.Close()
	if g.holders() != 2 {
		t.Errorf("the grant has %d holders after one was closed", g.holders())
	}
	g.revoke()
	_, readErr := second.Read(make([]byte, 1), false)
	_, acceptErr := l.Accept()
	if !errors.Is(readErr, network.ErrRevoked) || !errors.Is(acceptErr, network.ErrRevoked) {
		t.Errorf("Read: %v, Accept: %v", readErr, acceptErr)
	}
	late, err := n.Adopt(listen(t, s, "10.0.0.1:81"), g, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Accept(); !errors.Is(err, network.ErrRevoked) {
		t.Errorf("a listener by a grant that was revoked before: %v", err)
	}
}

func TestRevokeAgainstUse(t *testing.T) {
	for range 50 {
		_, client, _, g := connected(t, network.Config{})
		var revoking sync.WaitGroup
		revoking.Go(g.revoke)
		p := make([]byte, 10)
		for err := error(nil); !errors.Is(err, network.ErrRevoked); {
			_, err = client.Write(p)
			if err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
				_, err = client.Read(p, false)
			}
			client.Notify(network.In, func() {})()
		}
		revoking.Wait()
		_ = client.Close()
	}
}

func TestTrafficIsCounted(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{})
	_, client, peer, g := connected(t, network.Config{Traffic: traffic})
	if _, err := client.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Write([]byte("123")); err != nil {
		t.Fatal(err)
	}
	for _, peek := range []bool{true, false} {
		if _, err := client.Read(make([]byte, 10), peek); err != nil {
			t.Fatal(err)
		}
	}
	if traffic.Sent() != 5 || traffic.Received() != 3 {
		t.Errorf("sent %d, received %d; want 5 and 3", traffic.Sent(), traffic.Received())
	}
	for d, want := range map[network.Direction]hostcalls.Op{
		network.In:  {Kind: hostcalls.OpRead, Bytes: 3},
		network.Out: {Kind: hostcalls.OpWrite, Bytes: 5},
	} {
		op := network.Op(client, want.Kind, d, 100)
		if op.Kind != want.Kind || op.Target != server || op.Bytes != 100 || op.Transferred() != want.Bytes || op.Grant() != g.name {
			t.Errorf("op is %+v, transferred %d by %q", op, op.Transferred(), op.Grant())
		}
	}
}

func TestByteQuota(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{Sent: 10, Received: 10})
	_, client, peer, _ := connected(t, network.Config{Traffic: traffic})
	if n, err := client.Write(make([]byte, 100)); n != 10 || err != nil {
		t.Errorf("Write = %d, %v; want 10", n, err)
	}
	if n, err := client.Write(make([]byte, 1)); n != 0 || !errors.Is(err, network.ErrQuota) {
		t.Errorf("Write beyond = %d, %v", n, err)
	}
	ready := false
	client.Notify(network.Out, func() { ready = true })()
	if !ready {
		t.Error("a wait to write beyond is not told")
	}
	if _, err := peer.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 100), false); n != 10 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	if n, err := client.Read(make([]byte, 100), false); n != 0 || !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Read of nothing = %d, %v", n, err)
	}
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := client.Read(make([]byte, 100), false); n != 0 || !errors.Is(err, network.ErrQuota) {
			t.Errorf("Read beyond = %d, %v", n, err)
		}
	}
}

// A stream that is exactly as long as the quota has its end.
func TestByteQuotaLeavesTheEnd(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{Received: 3})
	_, client, peer, _ := connected(t, network.Config{Traffic: traffic})
	if _, err := peer.Write([]byte("all")); err != nil {
		t.Fatal(err)
	}
	_ = peer.Close()
	if got, err := io.ReadAll(networktest.NetConn(client)); string(got) != "all" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRateIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(call *hostcalls.Call, d *driver.Driver) {
			traffic := network.NewTraffic(d, network.TrafficLimits{BytesPerSecond: 10_000})
			_, client, peer, _ := connected(t, network.Config{Traffic: traffic})
			for name, move := range map[string]func() (int, error){
				"sending": func() (int, error) { return client.Write(make([]byte, 4096)) },
				"receiving": func() (int, error) {
					_, _ = peer.Write(make([]byte, 4096))
					return client.Read(make([]byte, 4096), false)
				},
			} {
				direction, kind := network.Out, hostcalls.OpWrite
				if name == "receiving" {
					direction, kind = network.In, hostcalls.OpRead
				}
				begin, moved, waits := time.Now(), 0, 0
				for moved < 50_000 {
					n, err := move()
					moved += n
					if !errors.Is(err, hostcalls.ErrWouldBlock) {
						continue
					}
					if _, err := peer.Read(make([]byte, 1<<20), false); err == nil {
						continue // it was for want of room
					}
					op := network.Op(client, kind, direction, 4096)
					if op.Kind != hostcalls.OpRate {
						t.Fatalf("%s: waits for %v", name, op.Kind)
					}
					waits++
					if err := call.Await(time.Time{}, hostcalls.Wait{Op: op, On: notifier{client, direction}}); err != nil {
						t.Error(err)
						return
					}
				}
				if took := time.Since(begin); took < 4800*time.Millisecond || took > 5200*time.Millisecond || waits > 520 {
					t.Errorf("%s 50,000 bytes took %v and %d waits, want 5s", name, took, waits)
				}
			}
		})
	})
}

type notifier struct {
	network.Socket
	direction network.Direction
}

func (n notifier) Notify(ready func()) (stop func()) { return n.Socket.Notify(n.direction, ready) }

// Whoever waits for the rate is told when the socket ends, and not after it has stopped.
func TestRateWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(_ *hostcalls.Call, d *driver.Driver) {
			for name, end := range map[string]func(network.TCP, *permit){
				"close":  func(c network.TCP, _ *permit) { _ = c.Close() },
				"revoke": func(_ network.TCP, g *permit) { g.revoke() },
			} {
				traffic := network.NewTraffic(d, network.TrafficLimits{BytesPerSecond: 1000})
				_, client, _, g := connected(t, network.Config{Traffic: traffic})
				if n, err := client.Write(make([]byte, 1000)); n != 100 || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
				told, stopped := 0, 0
				client.Notify(network.Out, func() { told++ })
				stop := client.Notify(network.Out, func() { stopped++ })
				stop()
				stop()
				end(client, g)
				if told != 1 || stopped != 0 {
					t.Errorf("%s: told %d and %d times, want 1 and 0", name, told, stopped)
				}
			}
		})
	})
}

func TestUDPAccess(t *testing.T) {
	s := networktest.New()
	dns := "10.0.0.53:53"
	g := &permit{name: "--dial=10.0.0.53:53/udp"}
	n := network.New(network.Config{Stack: s, Access: &access{dial: map[string]*permit{dns: g}}})
	resolver, stranger := udpAt(t, s, dns), udpAt(t, s, "10.0.0.66:53")
	client, err := n.UDP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.WriteTo([]byte("query"), addrPort("10.0.0.66:53")); !errors.Is(err, network.ErrNotGranted) {
		t.Errorf("sending elsewhere: %v", err)
	}
	if _, err := client.WriteTo([]byte("query"), addrPort(dns)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	_, from, _, err := resolver.ReadFrom(p, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 40 { // more than are dropped at once
		if _, err := stranger.WriteTo([]byte("forged"), from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := resolver.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	for _, peek := range []bool{true, false} {
		size, who, _, err := client.ReadFrom(p, peek)
		for range 5 {
			if errors.Is(err, hostcalls.ErrWouldBlock) {
				size, who, _, err = client.ReadFrom(p, peek)
			}
		}
		if string(p[:size]) != "answer" || who != addrPort(dns) || err != nil {
			t.Errorf("got %q from %v, %v; want only what is from the peer", p[:size], who, err)
		}
	}
	ready := 0
	client.Notify(network.In, func() { ready++ })
	g.revoke()
	if _, _, _, err := client.ReadFrom(p, false); !errors.Is(err, network.ErrRevoked) || ready != 1 {
		t.Errorf("after the revocation: %v, told %d times", err, ready)
	}
	_ = client.Close()
}

// A socket that serves hears everybody, and may answer them and nobody else.
func TestUDPServer(t *testing.T) {
	s := networktest.New()
	inner := udpAt(t, s, "10.0.0.1:53")
	n := network.New(network.Config{Stack: s})
	serving, err := n.AdoptUDP(inner, &permit{name: "--listen=10.0.0.1:53/udp"}, "")
	if err != nil {
		t.Fatal(err)
	}
	client := udpAt(t, s, "10.0.0.2:1000")
	if _, err := serving.WriteTo([]byte("unasked"), client.LocalAddr()); !errors.Is(err, network.ErrNotGranted) {
		t.Errorf("sending unasked: %v", err)
	}
	if _, err := client.WriteTo([]byte("query"), addrPort("10.0.0.1:53")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	size, from, truncated, err := serving.ReadFrom(p[:3], false)
	if size != 3 || from != client.LocalAddr() || !truncated || err != nil {
		t.Fatalf("ReadFrom = %d, %v, %v, %v", size, from, truncated, err)
	}
	if _, err := serving.WriteTo([]byte("answer"), from); err != nil {
		t.Errorf("answering: %v", err)
	}
	if op := network.Op(serving, hostcalls.OpRead, network.In, 0); op.Target != "10.0.0.1:53" || op.Transferred() != 3 {
		t.Errorf("op is %+v", op)
	}
	_ = serving.Close()
}

func TestUDPQuota(t *testing.T) {
	s := networktest.New()
	traffic := network.NewTraffic(nil, network.TrafficLimits{Sent: 10, Received: 5})
	n := network.New(network.Config{Stack: s, Traffic: traffic})
	u, err := n.AdoptUDP(udpAt(t, s, "10.0.0.1:53"), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	peer := udpAt(t, s, "10.0.0.2:53")
	receive := func() (int, error) {
		if _, err := peer.WriteTo([]byte("1234"), addrPort("10.0.0.1:53")); err != nil {
			t.Fatal(err)
		}
		size, _, _, err := u.ReadFrom(make([]byte, 100), false)
		return size, err
	}
	for range 2 {
		if size, err := receive(); size != 4 || err != nil {
			t.Errorf("ReadFrom = %d, %v", size, err)
		}
	}
	if _, err := receive(); !errors.Is(err, network.ErrQuota) {
		t.Errorf("ReadFrom beyond: %v", err)
	}
	if _, err := u.WriteTo(make([]byte, 11), peer.LocalAddr()); !errors.Is(err, network.ErrQuota) {
		t.Errorf("a datagram that is too long: %v", err)
	}
	if size, err := u.WriteTo(make([]byte, 10), peer.LocalAddr()); size != 10 || err != nil {
		t.Errorf("WriteTo = %d, %v", size, err)
	}
	_ = u.Close()
}

// udpAt returns a UDP socket of the stack.
func udpAt(t testing.TB, s network.Stack, at string) network.UDP {
	t.Helper()
	u, err := s.UDP(network.IPv4)
	if err == nil {
		err = u.Bind(addrPort(at))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

func TestDial(t *testing.T) {
	first, second := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	refused := errors.New("not there")
	for name, test := range map[string]struct {
		faults  map[string]networktest.Faults
		refuse  string // by check
		address string
		to      string        // where it gets
		is      error         // or why it does not
		says    string        // or what the error says
		took    time.Duration // at least
	}{
		"first":              {address: "db.org:80", to: "10.0.0.1:80"},
		"another spelling":   {address: "DB.ORG.:80", to: "10.0.0.1:80"},
		"address":            {address: "10.0.0.2:80", to: "10.0.0.2:80"},
		"mapped address":     {address: "[::ffff:10.0.0.2]:80", to: "10.0.0.2:80"},
		"first is refused":   {faults: map[string]networktest.Faults{"10.0.0.1:80": {Refuse: true}}, address: "db.org:80", to: "10.0.0.2:80"},
		"first is silent":    {faults: map[string]networktest.Faults{"10.0.0.1:80": {Hang: true}}, address: "db.org:80", to: "10.0.0.2:80", took: 30 * time.Second},
		"first may not be":   {refuse: "10.0.0.1:80", address: "db.org:80", to: "10.0.0.2:80"},
		"address may not be": {refuse: "10.0.0.1:80", address: "10.0.0.1:80", is: refused},
		"all are refused":    {address: "db.org:81", is: syscall.ECONNREFUSED},
		"silent":             {faults: map[string]networktest.Faults{"10.0.0.2:80": {Hang: true}}, address: "10.0.0.2:80", is: syscall.ETIMEDOUT, took: 30 * time.Second},
		"unknown":            {address: "unknown.org:80", says: "no such host"},
		"silent name server": {address: "hangs.org:80", says: "deadline", took: 10 * time.Second},
		"no port":            {address: "db.org", says: "missing port"},
		"port 0":             {address: "db.org:0", says: "invalid port"},
		"port beyond":        {address: "db.org:65536", says: "invalid port"},
		"named port":         {address: "db.org:http", says: "invalid port"},
		"octal":              {address: "0177.0.0.1:80", says: "looks like an address"},
		"zone":               {address: "[fe80::1%eth0]:80", says: "zone"},
		"IPv6 is missing":    {address: "[2001:db8::1]:80", is: syscall.EAFNOSUPPORT},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := networktest.New()
				s.RemoveFamily(network.IPv6)
				s.Name("db.org", networktest.Answer{Addrs: []netip.Addr{first, second}})
				s.Name("hangs.org", networktest.Answer{Hang: true})
				listen(t, s, "10.0.0.1:80")
				listen(t, s, "10.0.0.2:80")
				for at, f := range test.faults {
					s.Fail(addrPort(at), f)
				}
				check := func(host string, to netip.AddrPort) error {
					want, _, _ := net.SplitHostPort(strings.ToLower(test.address))
					if host != strings.TrimSuffix(want, ".") {
						t.Errorf("check is asked for %q", host)
					}
					if to.String() == test.refuse {
						return refused
					}
					return nil
				}
				begin := time.Now()
				var conn network.TCP
				var err error
				onFiber(t, func(call *hostcalls.Call, _ *driver.Driver) { conn, err = network.Dial(call, s, test.address, check) })
				switch {
				case test.to != "" && (err != nil || conn.RemoteAddr() != addrPort(test.to)):
					t.Errorf("got to %v, %v; want %s", conn, err, test.to)
				case test.to == "" && err == nil:
					t.Errorf("got to %v", conn.RemoteAddr())
				case test.is != nil && !errors.Is(err, test.is), test.says != "" && !strings.Contains(fmt.Sprint(err), test.says):
					t.Errorf("error is %v, want %v%s", err, test.is, test.says)
				}
				if took := time.Since(begin); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
				if conn != nil {
					_ = conn.Close()
				}
			})
		})
	}
}

// A cancel ends a connection attempt at once, and leaves nothing.
func TestDialIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := networktest.New()
		s.Fail(addrPort(server), networktest.Faults{Hang: true})
		var err error
		task := spawn(t, func(call *hostcalls.Call, _ *driver.Driver) { _, err = network.Dial(call, s, server, nil) })
		synctest.Wait()
		ops := task.call.AppendOps(nil)
		if len(ops) == 0 || ops[0].Kind != hostcalls.OpConnect || ops[0].Target != server || ops[0].Deadline.IsZero() {
			t.Errorf("it waits for %+v", ops)
		}
		begin := time.Now()
		task.Cancel(errStop)
		task.wait()
		if !errors.Is(err, errStop) || time.Since(begin) != 0 {
			t.Errorf("error is %v after %v", err, time.Since(begin))
		}
	})
}
