package network_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// granting makes a network with a listener that was opened by a grant for asked, at an address, and that grant.
func granting(t *testing.T, s *networktest.Stack, at string, asked ...string) (n *network.Network, l network.TCP, g *permit) {
	t.Helper()
	g = &permit{name: "--listen " + at}
	a := &access{listen: map[string]*permit{}}
	for _, address := range asked {
		a.listen[address] = g
	}
	n = network.New(network.Config{Stack: s, Access: a})
	l, err := n.Adopt(listen(t, s, at), g, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return n, l, g
}

// bound makes a socket of a process that is bound to an address and listens.
func bound(t *testing.T, n *network.Network, family network.Family, at string) (network.TCP, error) {
	t.Helper()
	s, err := n.TCP(family)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Bind(addrPort(at)); err != nil {
		return s, err
	}
	return s, s.Listen(16)
}

// TestBindToGrantedListener: a socket that a program binds where a grant listens is another descriptor of that listener.
func TestBindToGrantedListener(t *testing.T) {
	for _, tt := range []struct {
		name, listener string
		family         network.Family
		at             string
		local          string // of the program's socket; empty: the address is in use
	}{
		{"the same", "10.0.0.1:80", network.IPv4, "10.0.0.1:80", "10.0.0.1:80"},
		{"any port, as the grant has it", "10.0.0.1:41000", network.IPv4, "10.0.0.1:0", "10.0.0.1:41000"},
		{"every address", "0.0.0.0:80", network.IPv4, "0.0.0.0:80", "0.0.0.0:80"},
		{"any port of every address", "0.0.0.0:41000", network.IPv4, "0.0.0.0:0", "0.0.0.0:41000"},
		{"one of every address", "0.0.0.0:80", network.IPv4, "10.0.0.1:80", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := networktest.New()
			n, granted, _ := granting(t, s, tt.listener, tt.at)
			l, err := bound(t, n, tt.family, tt.at)
			if tt.local == "" {
				if !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("error is %v, want that the address is in use", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := l.LocalAddr(); got != addrPort(tt.local) {
				t.Errorf("it is at %s, want %s", got, tt.local)
			}
			client := addrPort(tt.listener)
			if client.Addr().IsUnspecified() {
				client = netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), client.Port())
			}
			for _, l := range []network.TCP{l, granted} { // either accepts
				_ = s.Storm(client, 1)
				c, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				_ = c.Close()
			}
			if _, err := bound(t, n, tt.family, tt.at); tt.at == tt.listener && !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("a second socket: %v, want that the address is in use", err)
			}
		})
	}
}

// TestOptionsBeforeBind: what a program sets before it binds to a granted listener holds for the listener and for all that it accepts;
// what it does not set is as the grant has it.
func TestOptionsBeforeBind(t *testing.T) {
	const at = "10.0.0.1:80"
	for _, late := range []bool{false, true} { // bound by listen alone
		s := networktest.New()
		asked, at, client := at, at, addrPort(at)
		if late {
			asked, at, client = "0.0.0.0:0", "0.0.0.0:41000", addrPort("10.0.0.1:41000")
		}
		n, granted, _ := granting(t, s, at, asked)
		if err := granted.SetOption(network.ReceiveBuffer, 5000); err != nil {
			t.Fatal(err)
		}
		_ = s.Storm(client, 1) // before there are options
		l, err := n.TCP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		set := map[network.Option]int{network.KeepAlive: 1, network.KeepAliveIdle: 20e6, network.HopLimit: 7, network.SendBuffer: 7000}
		for o, value := range set {
			if err := l.SetOption(o, value); err != nil {
				t.Fatal(err)
			}
		}
		if !late {
			err = l.Bind(addrPort(at))
		}
		if err := errors.Join(err, l.Listen(16)); err != nil {
			t.Fatal(err)
		}
		_ = s.Storm(client, 1)
		set[network.ReceiveBuffer] = 5000
		has := func(who string, c network.TCP) {
			t.Helper()
			for o, want := range set {
				if got, err := c.Option(o); got != want || err != nil {
					t.Errorf("%s has option %d = %d, %v; want %d", who, o, got, err, want)
				}
			}
		}
		has("the listener", l)
		for _, who := range []string{"what came before", "what comes later"} {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			has(who, c)
			_ = c.Close()
		}
		_ = l.Close()
	}
}

// TestGrantedIsBound: what a grant has opened does not stand for itself.
func TestGrantedIsBound(t *testing.T) {
	const at, every = "10.0.0.1:53", "0.0.0.0:0"
	s := networktest.New()
	_, l, g := granting(t, s, every, every)
	if err := l.Listen(1); err != nil {
		t.Errorf("a listener listens again: %v", err)
	}
	if err := l.Bind(addrPort(every)); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a listener is bound again: %v", err)
	}
	inner, err := s.UDP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	if err := inner.Bind(addrPort(at)); err != nil {
		t.Fatal(err)
	}
	n := network.New(network.Config{Stack: s, Access: &access{listen: map[string]*permit{at: g}}})
	u, err := n.AdoptUDP(inner, g, "")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if err := u.Bind(addrPort(at)); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a UDP socket is bound again: %v", err)
	}
}

// An operation may be looked at while its socket comes to stand for a granted one.
func TestLookAtSocketThatIsBound(t *testing.T) {
	const at = "10.0.0.1:80"
	n, _, _ := granting(t, networktest.New(), at, at)
	s, err := n.TCP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	op := network.Op(s, hostcalls.OpRead, network.In, 0)
	looked := make(chan string)
	go func() { looked <- op.Group() + op.Peer() + op.Grant() }()
	if err := s.Bind(addrPort(at)); err != nil {
		t.Fatal(err)
	}
	<-looked
}

// TestPortIsLeftToOthers: a process can't have the connections of its port keep that from the next one.
func TestPortIsLeftToOthers(t *testing.T) {
	const at = "10.0.0.1:80"
	s := networktest.New()
	n, granted, _ := granting(t, s, at, at)
	_ = s.Storm(addrPort(at), 1)
	accepted, err := granted.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	reuses := func(what string, s network.Socket) {
		t.Helper()
		err := s.SetOption(network.ReuseAddr, 0)
		if value, got := s.Option(network.ReuseAddr); value != 1 || errors.Join(err, got) != nil {
			t.Errorf("%s has %d, %v, %v", what, value, err, got)
		}
	}
	reuses("the listener", granted)
	reuses("what it has accepted", accepted)
	_ = granted.Close()
	own, err := bound(t, n, network.IPv4, at)
	if err != nil {
		t.Fatal(err)
	}
	if value, err := own.Option(network.ReuseAddr); value != 1 || err != nil {
		t.Errorf("a listener of the process's own has %d, %v", value, err)
	}
	reuses("it", own)
}

// TestOneGrantTakesOnePort: where the system chooses the port, further sockets get no port of their own.
func TestOneGrantTakesOnePort(t *testing.T) {
	for _, at := range []string{"10.0.0.1:0", "0.0.0.0:0"} {
		t.Run(at, func(t *testing.T) {
			n, granted, _ := granting(t, networktest.New(), at, at)
			first, err := bound(t, n, network.IPv4, at) // stands for the granted one
			if err != nil {
				t.Fatal(err)
			}
			refused := func() {
				t.Helper()
				if _, err := bound(t, n, network.IPv4, at); !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("another socket: %v, want that the address is in use", err)
				}
			}
			refused()
			_ = granted.Close()
			refused()
			_ = first.Close()
			again, err := bound(t, n, network.IPv4, at) // nothing is left of the granted one
			if err != nil {
				t.Fatal(err)
			}
			refused()
			_ = again.Close()
			if _, err := bound(t, n, network.IPv4, at); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestListenerEnds: once both the granted listener and the program's socket for it are closed, and not before.
func TestListenerEnds(t *testing.T) {
	const at = "10.0.0.1:80"
	s := networktest.New()
	n, granted, _ := granting(t, s, at, at)
	listens := func(want bool) {
		t.Helper()
		c, err := s.TCP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		err = c.Connect(addrPort(at))
		if errors.Is(err, hostcalls.ErrWouldBlock) {
			err = c.FinishConnect()
		}
		if (err == nil) != want {
			t.Errorf("a client: %v", err)
		}
	}
	for range 2 { // a program that serves, ends that, and serves again
		l, err := bound(t, n, network.IPv4, at)
		if err != nil {
			t.Fatal(err)
		}
		if n.Open() != 2 {
			t.Errorf("%d sockets are open", n.Open())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		listens(true)
	}
	l, err := bound(t, n, network.IPv4, at)
	if err != nil {
		t.Fatal(err)
	}
	_ = granted.Close()
	listens(true)
	_ = l.Close()
	listens(false)
	if l, err = bound(t, n, network.IPv4, at); err != nil { // as any other
		t.Fatal(err)
	}
	listens(true)
	_ = l.Close()
}

// TestBoundListenerIsRevoked: with its grant, as the granted one.
func TestBoundListenerIsRevoked(t *testing.T) {
	const at = "10.0.0.1:80"
	s := networktest.New()
	n, granted, g := granting(t, s, at, at)
	l, err := bound(t, n, network.IPv4, at)
	if err != nil {
		t.Fatal(err)
	}
	notified := make(chan struct{})
	stop := l.Notify(network.In, func() { close(notified) })
	defer stop()
	g.revoke()
	<-notified
	for _, l := range []network.TCP{l, granted} {
		if _, err := l.Accept(); !errors.Is(err, network.ErrRevoked) {
			t.Errorf("accept: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if n.Open() != 0 {
		t.Errorf("%d sockets are open", n.Open())
	}
}

// TestBindToGrantedDatagrams: as for listeners, and it answers those whom it hears.
func TestBindToGrantedDatagrams(t *testing.T) {
	const at = "10.0.0.1:53"
	s := networktest.New()
	g := &permit{name: "--listen udp:" + at}
	n := network.New(network.Config{Stack: s, Access: &access{listen: map[string]*permit{at: g}}})
	own, err := s.UDP(network.IPv4)
	if err := errors.Join(err, own.Bind(addrPort(at))); err != nil {
		t.Fatal(err)
	}
	granted, err := n.AdoptUDP(own, g, "")
	if err != nil {
		t.Fatal(err)
	}
	defer granted.Close()
	u, err := n.UDP(network.IPv4)
	if err := errors.Join(err, u.SetOption(network.HopLimit, 7), u.Bind(addrPort(at))); err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if hops, err := u.Option(network.HopLimit); hops != 7 || err != nil {
		t.Errorf("the hop limit that was set before the bind is %d, %v", hops, err)
	}
	client, err := s.UDP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.WriteTo([]byte("ping"), addrPort(at)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	length, from, _, err := u.ReadFrom(buf, false)
	if err != nil || string(buf[:length]) != "ping" {
		t.Fatalf("%q, %v", buf[:length], err)
	}
	if _, err := u.WriteTo([]byte("pong"), from); err != nil {
		t.Error(err)
	}
	if length, _, _, err := client.ReadFrom(buf, false); err != nil || string(buf[:length]) != "pong" {
		t.Errorf("the client gets %q, %v", buf[:length], err)
	}
}

// prober is an access that can be probed.
type prober struct{ access }

func (p *prober) MayListen(_ network.Protocol, at netip.AddrPort) bool {
	return p.listen[at.String()] != nil
}

// TestDatagramsAtAnyPort: a UDP socket bound to any port of every address is the granted one, if there is such a grant, and further
// ones are bound when they send. Without a grant none is asked for.
func TestDatagramsAtAnyPort(t *testing.T) {
	const every = "0.0.0.0:0"
	bind := func(n *network.Network) network.UDP {
		t.Helper()
		u, err := n.UDP(network.IPv4)
		if err := errors.Join(err, u.Bind(addrPort(every))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = u.Close() })
		return u
	}
	s := networktest.New()
	g := &permit{name: "--listen udp:" + every}
	n := network.New(network.Config{Stack: s, Access: &prober{access{listen: map[string]*permit{every: g}}}})
	own, err := s.UDP(network.IPv4)
	if err := errors.Join(err, own.Bind(addrPort(every))); err != nil {
		t.Fatal(err)
	}
	granted, err := n.AdoptUDP(own, g, "")
	if err != nil {
		t.Fatal(err)
	}
	defer granted.Close()
	if first := bind(n); first.LocalAddr() != granted.LocalAddr() {
		t.Errorf("it is at %v, want the granted %v", first.LocalAddr(), granted.LocalAddr())
	}
	if second := bind(n); second.LocalAddr().IsValid() {
		t.Errorf("another one is at %v", second.LocalAddr())
	}
	none := &prober{}
	if u := bind(network.New(network.Config{Stack: s, Access: none})); u.LocalAddr().IsValid() || len(none.asked) > 0 {
		t.Errorf("without a grant it is at %v, and was refused %v", u.LocalAddr(), none.asked)
	}
}
