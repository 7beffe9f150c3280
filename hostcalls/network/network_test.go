package network_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

	open atomic.Int64
}

func (p *permit) String() string { return p.name }
func (p *permit) Opened()        { p.open.Add(1) }
func (p *permit) Closed()        { p.open.Add(-1) }

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

// A socket that is bound to any port of every address takes none of the machine's ports before it is used.
func TestNoPortWithoutGrant(t *testing.T) {
	s := networktest.New()
	listen(t, s, server)
	n := network.New(network.Config{Stack: s, Access: &access{dial: map[string]*permit{server: {}}}})
	tcp, err := n.TCP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := n.UDP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	use := map[network.Socket]func() error{
		tcp: func() error { return tcp.Connect(addrPort(server)) },
		udp: func() error { _, err := udp.WriteTo([]byte("x"), addrPort(server)); return err },
	}
	for socket, use := range use {
		if err := socket.Bind(addrPort("0.0.0.0:0")); err != nil {
			t.Fatal(err)
		}
		if at := socket.LocalAddr(); at.IsValid() {
			t.Errorf("it is at %s", at)
		}
		if err := socket.Bind(addrPort("0.0.0.0:0")); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("bound again: %v", err)
		}
		if err := use(); err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
			t.Error(err)
		}
		if at := socket.LocalAddr(); at.Port() == 0 {
			t.Errorf("once it is used it is at %v", at)
		}
		_ = socket.Close()
		if err := socket.Bind(addrPort("0.0.0.0:0")); !errors.Is(err, network.ErrClosed) {
			t.Errorf("bound when it is closed: %v", err)
		}
	}
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
	var total atomic.Int64
	n := network.New(network.Config{Stack: s, Access: a, Sockets: 3, Total: &total})
	l, err := n.TCP(network.IPv4)
	if err := errors.Join(err, l.Bind(addrPort("10.0.0.1:80")), l.Listen(8)); err != nil {
		t.Fatal(err)
	}
	clients := s.Storm(addrPort("10.0.0.1:80"), 5)
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	op := network.Op(first, hostcalls.OpRead, network.In, 0)
	if group := op.Group(); group != "clients of 10.0.0.1:80" || op.Target == group {
		t.Errorf("the op on %s is one of %q", op.Target, group)
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
	if n.Open() != 2 || total.Load() != 2 {
		t.Errorf("%d are open, and %d of all, after one was closed twice", n.Open(), total.Load())
	}
	second, err := l.Accept() // none was lost meanwhile
	if err != nil || second.RemoteAddr() != clients[1].LocalAddr() {
		t.Fatalf("the second connection: %v, %v", second, err)
	}
	for _, c := range []io.Closer{l, u, second} {
		_ = c.Close()
	}
	if n.Open() != 0 || total.Load() != 0 {
		t.Errorf("%d are open, and %d of all, after all were closed", n.Open(), total.Load())
	}
}
