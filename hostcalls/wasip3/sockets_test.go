package wasip3_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// server is a listener of the network.
func (r *rig) server(at string) network.TCP {
	r.t.Helper()
	l, err := r.stack.TCP(network.IPv4)
	if err := errors.Join(err, l.Bind(netip.MustParseAddrPort(at)), l.Listen(10)); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = l.Close() })
	return l
}

// accept returns a connection to a server, as package net has them.
func (r *rig) accept(l network.TCP) net.Conn {
	r.t.Helper()
	c, err := networktest.Accept(r.t.Context(), l)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return networktest.NetConn(c)
}

// client connects to an address.
func (r *rig) client(to string) net.Conn {
	r.t.Helper()
	c, err := r.stack.TCP(network.IPv4)
	if err == nil {
		err = c.Connect(netip.MustParseAddrPort(to))
	}
	if err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return networktest.NetConn(c)
}

// gets reads text, and then the end if there is to be no more.
func (r *rig) gets(c net.Conn, want string, end bool) {
	r.t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		r.t.Errorf("the peer gets %q, %v; want %q", buf, err, want)
	}
	if !end {
		return
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		r.t.Errorf("after that: %v, want the end", err)
	}
}

func closeWrite(c net.Conn) { _ = c.(interface{ CloseWrite() error }).CloseWrite() }

func TestConnection(t *testing.T) {
	r := newNode(t).rig(t)
	l := r.server(serverAt)
	p := r.start("tcp", "connect "+serverAt, "remote", "connect "+serverAt, "listen", "receive", "send",
		"write ping", "read 100", "drop writer", "sent", "read 100", "received", "receive", "received", "send", "sent")
	p.says("tcp: ok", "connect: ok", "remote: "+serverAt, "connect: invalid-state", "listen: invalid-state", "write: ok")
	peer := r.accept(l)
	r.gets(peer, "ping", false)
	if at := p.waits(hostcalls.OpRead); at != serverAt {
		t.Errorf("it waits for %q", at)
	}
	_, _ = io.WriteString(peer, "pong")
	p.says("read: pong", "sent: ok")
	r.gets(peer, "", true) // its half is closed
	closeWrite(peer)
	p.says("read: end", "received: ok", "received: invalid-state", "sent: invalid-state")
	p.ends()
}

// TestReadiness: a copy of no items ends when the host is ready for some, or there will be none.
func TestReadiness(t *testing.T) {
	n := newNode(t)
	waits := func(p *run, kind hostcalls.OpKind, target string) {
		t.Helper()
		p.waits(kind)
		for _, op := range p.process.AppendOps(nil) {
			if op.Kind == kind && (op.Bytes > 0 || op.Target != target) {
				t.Errorf("it waits for %d bytes of %s", op.Bytes, op.Target)
			}
		}
	}
	t.Run("receive", func(t *testing.T) {
		r := n.rig(t)
		l := r.server(serverAt)
		p := r.start("tcp", "connect "+serverAt, "receive", "within 20 await reader", "await reader", "await reader", "read 9", "await reader", "read 9", "received")
		p.says("tcp: ok", "connect: ok", "await: cancelled")
		peer := r.accept(l)
		waits(p, hostcalls.OpRead, serverAt)
		_, _ = io.WriteString(peer, "ping")
		p.says("await: ready", "await: ready", "read: ping")
		waits(p, hostcalls.OpRead, serverAt)
		_ = peer.Close()
		p.says("await: ready", "read: end", "received: ok")
		p.ends()
	})
	t.Run("send", func(t *testing.T) {
		r := n.rig(t)
		l := r.server(serverAt)
		p := r.start("tcp", "connect "+serverAt, "send", "await writer", "within 20 flood 9999999", "within 20 await writer", "await writer", "write x", "drop writer", "sent")
		p.says("tcp: ok", "connect: ok", "await: ready", "flood: cancelled in the middle", "await: cancelled")
		peer := r.accept(l)
		waits(p, hostcalls.OpWrite, serverAt)
		go func() { _, _ = io.Copy(io.Discard, peer) }()
		p.says("await: ready", "write: ok", "sent: ok")
		p.ends()
	})
	t.Run("accept", func(t *testing.T) {
		r := n.rig(t)
		r.config.Descriptors = 3 + 2
		p := r.start("tcp", "bind "+ownAt, "listen", "within 20 await listener", "await listener", "accept", "await listener", "accept")
		p.says("tcp: ok", "bind: ok", "listen: ok", "await: cancelled")
		waits(p, hostcalls.OpAccept, ownAt)
		r.client(ownAt)
		p.says("await: ready", "accept: ok")
		r.client(ownAt) // there is no descriptor for it
		waits(p, hostcalls.OpAccept, ownAt)
		p.task.Cancel(errStop)
		<-p.done
	})
	t.Run("input", func(t *testing.T) {
		r := n.rig(t)
		input := hostcalls.NewPipe(10)
		r.config.Stdin = input.Reader()
		p := r.start("input", "within 20 await reader", "await reader", "read 9", "await reader", "read 9", "ended")
		p.says("await: cancelled")
		waits(p, hostcalls.OpRead, hostcalls.Stdin)
		_, _ = input.Writer().Write([]byte("ab"))
		p.says("await: ready", "read: ab")
		waits(p, hostcalls.OpRead, hostcalls.Stdin)
		input.CloseWrite()
		p.says("await: ready", "read: end", "ended: ok")
		p.ends()
	})
	t.Run("output", func(t *testing.T) {
		r := n.rig(t)
		output := hostcalls.NewPipe(512)
		output.Hold()
		r.config.Stdout = output.Writer()
		p := r.start("await output")
		waits(p, hostcalls.OpWrite, hostcalls.Stdout)
		output.Release()
		<-p.done
		text := make([]byte, 512)
		if n, err := output.Reader().Read(text); string(text[:n]) != "await: ready\n" {
			t.Errorf("it says %q, %v", text[:n], err)
		}
	})
}

var errStop = errors.New("stopped")

// TestDropped: whatever a program drops of a connection, and when, what is left goes on, and in the end nothing is.
func TestDropped(t *testing.T) {
	n := newNode(t)
	for _, tt := range []struct {
		name  string
		steps []string
		peer  func(r *rig, c net.Conn)
		want  []string
	}{
		{"the socket first", []string{"drop socket", "write ping", "read 9", "drop writer", "sent", "read 9", "received"}, echo,
			[]string{"write: ok", "read: ping", "sent: ok", "read: end", "received: ok"}},
		{"the reader, and then it sends", []string{"drop reader", "received", "write ping", "drop writer", "sent"},
			func(r *rig, c net.Conn) { r.gets(c, "ping", true) }, []string{"received: ok", "write: ok", "sent: ok"}},
		{"the writer, and then it receives", []string{"drop writer", "sent", "read 9", "read 9", "received"},
			func(r *rig, c net.Conn) { r.gets(c, "", true); _, _ = io.WriteString(c, "late"); closeWrite(c) },
			[]string{"sent: ok", "read: late", "read: end", "received: ok"}},
		{"the futures", []string{"drop sent", "drop received", "write ping", "read 9", "drop socket", "drop writer", "read 9"}, echo,
			[]string{"write: ok", "read: ping", "read: end"}},
		{"a read that is cancelled", []string{"within 20 read 9", "write ping", "read 9"}, echo, []string{"read: cancelled", "write: ok", "read: ping"}},
		{"nothing", []string{"write ping"}, echo, []string{"write: ok"}},
		{"all but the reader", []string{"drop socket", "drop writer", "drop sent", "drop received", "read 9"}, echo, []string{"read: end"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := n.rig(t)
			l := r.server(serverAt)
			p := r.start(append([]string{"tcp", "connect " + serverAt, "receive", "send"}, tt.steps...)...)
			p.says("tcp: ok", "connect: ok")
			tt.peer(r, r.accept(l))
			p.says(tt.want...)
			p.ends()
		})
	}
}

// echo sends back what it gets, in the background.
func echo(_ *rig, c net.Conn) {
	go func() {
		_, _ = io.Copy(c, c)
		closeWrite(c)
	}()
}

// TestNotGranted: every program may make sockets; what they may reach is told when it tries.
func TestNotGranted(t *testing.T) {
	n := newNode(t)
	for _, tt := range []struct {
		steps []string
		want  string
	}{
		{[]string{"tcp", "connect " + secretAt}, "connect: access-denied"},
		{[]string{"tcp", "bind 10.0.0.9:9"}, "bind: access-denied"},
		{[]string{"tcp", "listen"}, "listen: access-denied"},
		{[]string{"udp", "bind 10.0.0.9:9"}, "bind: access-denied"},
		{[]string{"udp", "connect " + secretAt}, "connect: access-denied"},
		{[]string{"udp", "put " + secretAt + " text"}, "put: access-denied"},
		{[]string{"udp", "resolve secret.example"}, "resolve: access-denied"},
		{[]string{"udp", "resolve not..a..name"}, "resolve: invalid-argument"},
	} {
		r := n.rig(t)
		p := r.start(tt.steps...)
		p.says(tt.steps[0]+": ok", tt.want)
		p.ends()
	}
}

// TestErrors: what goes wrong with a connection has the code that the specification has for it.
func TestErrors(t *testing.T) {
	n := newNode(t)
	for _, tt := range []struct {
		name   string
		change func(*rig)
		steps  []string
		meet   func(*rig, network.TCP)
		want   []string
	}{
		{"refused", func(r *rig) { r.stack.Fail(netip.MustParseAddrPort(serverAt), networktest.Faults{Refuse: true}) },
			[]string{"tcp", "connect " + serverAt, "connect " + serverAt, "local"}, nil,
			[]string{"tcp: ok", "connect: connection-refused", "connect: invalid-state", "local: invalid-state"}},
		{"reset", nil, []string{"tcp", "connect " + serverAt, "receive", "read 9", "received"},
			func(r *rig, l network.TCP) { r.accept(l); r.stack.Reset(netip.MustParseAddrPort(serverAt)) },
			[]string{"tcp: ok", "connect: ok", "read: end", "received: connection-reset"}},
		{"broken", nil, []string{"tcp", "connect " + serverAt, "receive", "read 9", "send", "write x", "drop writer", "sent"},
			func(r *rig, l network.TCP) { r.accept(l); r.stack.Reset(netip.MustParseAddrPort(serverAt)) },
			[]string{"tcp: ok", "connect: ok", "read: end", "write: end", "sent: connection-broken"}},
		{"no socket left", func(r *rig) { r.config.Network.Sockets = 1 }, []string{"tcp", "tcp"}, nil, []string{"tcp: ok", "tcp: other"}},
		{"no descriptor left", func(r *rig) { r.config.Descriptors = 4 }, []string{"tcp", "udp"}, nil, []string{"tcp: ok", "udp: other"}},
		{"not connected", nil, []string{"tcp", "receive", "received", "read 9", "send", "sent", "write x", "remote", "local"}, nil,
			[]string{"tcp: ok", "received: invalid-state", "read: end", "sent: invalid-state", "write: end", "remote: invalid-state", "local: invalid-state"}},
		{"not sent in the middle of bytes", nil, []string{"tcp", "connect " + serverAt, "send", "flood 1000000", "sent"},
			func(r *rig, l network.TCP) { r.accept(l); r.stack.Reset(netip.MustParseAddrPort(serverAt)) },
			[]string{"tcp: ok", "connect: ok", "flood: end", "sent: connection-reset"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := n.rig(t)
			l := r.server(serverAt)
			if tt.change != nil {
				tt.change(r)
			}
			p := r.start(tt.steps...)
			if tt.meet != nil {
				p.says(tt.want[:2]...)
				tt.want = tt.want[2:]
				tt.meet(r, l)
			}
			p.says(tt.want...)
			p.ends()
		})
	}
}

// TestLimitIsTold: a program that may send no more is told that it may not, and its end tells why.
func TestLimitIsTold(t *testing.T) {
	r := newNode(t).rig(t)
	l := r.server(serverAt)
	traffic := network.NewTraffic(nil, network.TrafficLimits{Sent: 3})
	r.config.Network.Traffic = traffic
	p := r.start("tcp", "connect "+serverAt, "send", "write text", "sent")
	p.says("tcp: ok", "connect: ok", "write: end", "sent: access-denied")
	r.gets(r.accept(l), "tex", false)
	p.ends()
	if got := p.process.Refusal(); got == nil || got.Kind != abi.RefusedSending || got.Limit != 3 || traffic.Sent() != 3 {
		t.Errorf("it was refused %+v, and has sent %d", got, traffic.Sent())
	}
}

// TestBackpressure: a peer that does not read makes the program wait, and a write that is cancelled has sent what it tells.
func TestBackpressure(t *testing.T) {
	r := newNode(t).rig(t)
	l := r.server(serverAt)
	p := r.start("tcp", "connect "+serverAt, "send", "within 20 flood 1000000", "flood 100000", "drop writer", "sent")
	p.says("tcp: ok", "connect: ok", "flood: cancelled in the middle")
	if at := p.waits(hostcalls.OpWrite); at != serverAt {
		t.Errorf("it waits for %q", at)
	}
	peer := r.accept(l)
	n, err := io.Copy(io.Discard, peer)
	if err != nil || n != 100_000+networktest.DefaultCapacity {
		t.Errorf("the peer gets %d bytes, %v", n, err)
	}
	p.says("flood: ok", "sent: ok")
	p.ends()
}

// TestConnectCancelled: a connection that is given up is given up, and its socket is closed.
func TestConnectCancelled(t *testing.T) {
	r := newNode(t).rig(t)
	r.stack.Fail(netip.MustParseAddrPort(serverAt), networktest.Faults{Hang: true})
	r.server(serverAt)
	p := r.start("tcp", "within 20 connect "+serverAt, "connect "+serverAt, "receive", "received", "local", "sleep 20")
	p.says("tcp: ok")
	if at := p.waits(hostcalls.OpConnect); at != serverAt {
		t.Errorf("it connects to %q", at)
	}
	p.says("connect: cancelled", "connect: invalid-state", "received: invalid-state", "local: invalid-state")
	if n := p.by.Open(); n != 0 {
		t.Errorf("%d sockets are still open by the grant", n)
	}
	p.ends()
}

// TestEndsInTheMiddle: a program that is ended while it waits leaves nothing, whatever it waits for.
func TestEndsInTheMiddle(t *testing.T) {
	n := newNode(t)
	cause := errors.New("no more")
	for _, tt := range []struct {
		name   string
		faults networktest.Faults
		kind   hostcalls.OpKind
		steps  []string
	}{
		{"connects", networktest.Faults{Hang: true}, hostcalls.OpConnect, []string{"tcp", "connect " + serverAt}},
		{"reads", networktest.Faults{}, hostcalls.OpRead, []string{"tcp", "connect " + serverAt, "receive", "send", "read 9"}},
		{"writes", networktest.Faults{Full: true}, hostcalls.OpWrite, []string{"tcp", "connect " + serverAt, "receive", "send", "write text"}},
		{"accepts", networktest.Faults{}, hostcalls.OpAccept, []string{"tcp", "bind " + ownAt, "listen", "accept"}},
		{"receives", networktest.Faults{}, hostcalls.OpRead, []string{"udp", "bind " + ownAt, "get"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := n.rig(t)
			r.server(serverAt)
			r.stack.Fail(netip.MustParseAddrPort(serverAt), tt.faults)
			r.config.Network.Access = access{dial: []string{serverAt}, listen: []string{ownAt}, by: r.by}
			p := r.start(tt.steps...)
			p.waits(tt.kind)
			p.task.Cancel(cause)
			<-p.done
			if !errors.Is(p.err, cause) {
				t.Errorf("it ended with %v", p.err)
			}
			p.left()
		})
	}
}

// TestRevoked: a grant that is revoked ends all streams by it.
func TestRevoked(t *testing.T) {
	n := newNode(t)
	for _, tt := range []struct {
		name  string
		kind  hostcalls.OpKind
		steps []string
		want  []string
	}{
		{"a connection", hostcalls.OpRead, []string{"tcp", "connect " + serverAt, "receive", "send", "read 9", "received", "write text", "sent"},
			[]string{"tcp: ok", "connect: ok", "read: end", "received: access-denied", "write: end", "sent: access-denied"}},
		{"a listener", hostcalls.OpAccept, []string{"tcp", "bind " + ownAt, "listen", "accept", "tcp", "bind " + ownAt},
			[]string{"tcp: ok", "bind: ok", "listen: ok", "accept: end", "tcp: ok", "bind: access-denied"}},
		{"datagrams", hostcalls.OpRead, []string{"udp", "bind " + ownAt, "get", "put - text"},
			[]string{"udp: ok", "bind: ok", "get: access-denied", "put: invalid-argument"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := n.rig(t)
			r.server(serverAt)
			p := r.start(tt.steps...)
			p.waits(tt.kind)
			r.by.Revoke()
			p.says(tt.want...)
			p.ends()
		})
	}
}

func TestListener(t *testing.T) {
	r := newNode(t).rig(t)
	p := r.start("tcp", "bind "+ownAt, "bind "+ownAt, "local", "listen", "listen", "drop socket", "accept", "receive", "send", "read 9",
		"write pong", "drop writer", "sent", "within 20 accept", "accept", "remote", "drop listener")
	p.says("tcp: ok", "bind: ok", "bind: invalid-state", "local: "+ownAt, "listen: ok", "listen: invalid-state")
	if at := p.waits(hostcalls.OpAccept); at != ownAt {
		t.Errorf("it waits for connections to %q", at)
	}
	c := r.client(ownAt)
	p.says("accept: ok")
	_, _ = io.WriteString(c, "ping")
	p.says("read: ping", "write: ok", "sent: ok")
	r.gets(c, "pong", true)
	p.says("accept: cancelled")
	other := r.client(ownAt)
	p.says("accept: ok", "remote: "+other.LocalAddr().String())
	p.ends()
}

// TestAcceptWaitsForDescriptor: a listener without a descriptor for another connection leaves it waiting, and goes on when the program
// has closed something.
func TestAcceptWaitsForDescriptor(t *testing.T) {
	r := newNode(t).rig(t)
	r.config.Descriptors = 5 // the standard streams, the listener, and one connection
	p := r.start("tcp", "bind "+ownAt, "listen", "accept", "within 50 accept", "drop socket", "accept", "remote")
	p.says("tcp: ok", "bind: ok", "listen: ok")
	r.client(ownAt)
	p.says("accept: ok")
	second := r.client(ownAt)
	p.says("accept: cancelled", "accept: ok", "remote: "+second.LocalAddr().String())
	p.ends()
}

func TestDatagrams(t *testing.T) {
	r := newNode(t).rig(t)
	const peerAt = "10.0.0.5:53"
	peer, err := r.stack.UDP(network.IPv4)
	if err := errors.Join(err, peer.Bind(netip.MustParseAddrPort(peerAt))); err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	p := r.start("udp", "get", "local", "put - text", "put "+peerAt+" ping", "within 20 get", "get",
		"disconnect", "connect "+peerAt, "put "+serverAt+" text", "put - connected", "disconnect", "put - text",
		"bind "+ownAt)
	p.says("udp: ok", "get: invalid-state", "local: invalid-state", "put: invalid-argument", "put: ok", "get: cancelled")
	buf := make([]byte, 100)
	n, from, _, err := peer.ReadFrom(buf, false)
	if err != nil || string(buf[:n]) != "ping" {
		t.Fatalf("the peer gets %q, %v", buf[:n], err)
	}
	if at := p.waits(hostcalls.OpRead); !strings.HasPrefix(at, "udp:") {
		t.Errorf("it waits for %q", at)
	}
	_, _ = peer.WriteTo([]byte("pong"), from)
	p.says("get: pong", "disconnect: invalid-state", "connect: ok", "put: invalid-argument", "put: ok", "disconnect: ok", "put: invalid-argument", "bind: invalid-state")
	if n, _, _, err := peer.ReadFrom(buf, false); err != nil || string(buf[:n]) != "connected" {
		t.Errorf("the peer gets %q, %v", buf[:n], err)
	}
	p.ends()
}

func TestNames(t *testing.T) {
	r := newNode(t).rig(t)
	r.stack.Name("example.org", networktest.Answer{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}, networktest.Answer{Err: &net.DNSError{IsNotFound: true}},
		networktest.Answer{Err: &net.DNSError{IsTimeout: true}})
	p := r.start("resolve 10.0.0.8", "resolve EXAMPLE.org", "resolve example.org", "resolve example.org")
	p.says("resolve: 10.0.0.8", "resolve: 10.0.0.7", "resolve: name-unresolvable", "resolve: temporary-resolver-failure")
	p.ends()
}

// TestMemoryIsGivenBack: what connections, lookups and datagrams take of the program's memory they give back.
func TestMemoryIsGivenBack(t *testing.T) {
	n := newNode(t)
	once := []string{
		"tcp", "connect " + serverAt, "receive", "send", "write x", "drop received", "drop sent", "drop reader", "drop writer", "drop socket",
		"tcp", "receive", "drop reader", "drop received", "drop socket",
		"udp", "put 10.0.0.5:53 text", "within 1 get", "drop socket", "resolve 10.0.0.1",
		"tcp", "bind " + ownAt, "listen", "within 1 accept", "drop listener", "drop socket",
	}
	peak := func(times int) int64 {
		r := n.rig(t)
		l := r.server(serverAt)
		p := r.start(append([]string{"repeat " + strconv.Itoa(times)}, once...)...)
		go func() {
			for {
				c, err := networktest.Accept(t.Context(), l)
				if err != nil {
					return
				}
				_ = c.Close()
			}
		}()
		<-p.done
		if p.err != nil || p.exit.Code != 0 {
			t.Fatalf("it ended with %d, %v, after %q", p.exit.Code, p.err, p.output.text[max(0, len(p.output.text)-300):])
		}
		p.left()
		_ = l.Close()
		return p.process.PeakMemory()
	}
	if few, many := peak(10), peak(400); many > few+16<<10 {
		t.Errorf("it takes %d bytes at first, and %d later", few, many)
	}
}
