package network_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

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
	if op := network.Op(serving, hostcalls.OpRead, network.In, 0); op.Target != "udp:10.0.0.1:53" || op.Transferred() != 3 {
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

// A process that sends, or is sent, datagrams without any bytes goes no faster than with a byte in each.
func TestUDPRateOfEmptyDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(_ *hostcalls.Call, d *driver.Driver) {
			s := networktest.New()
			traffic := network.NewTraffic(d, network.TrafficLimits{BytesPerSecond: 200})
			u, err := network.New(network.Config{Stack: s, Traffic: traffic}).AdoptUDP(udpAt(t, s, "10.0.0.1:53"), nil, "")
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			peer := udpAt(t, s, "10.0.0.2:53")
			receive := func() error {
				if _, err := peer.WriteTo(nil, addrPort("10.0.0.1:53")); err != nil {
					t.Fatal(err)
				}
				_, _, _, err := u.ReadFrom(nil, false)
				return err
			}
			send := func() error {
				_, err := u.WriteTo(nil, peer.LocalAddr())
				return err
			}
			atOnce := func(what string, move func() error) {
				moved := 0
				for err = move(); err == nil && moved < 100; err = move() {
					moved++
				}
				if moved > 20 || !errors.Is(err, hostcalls.ErrWouldBlock) {
					t.Errorf("%d are %s at once, then %v", moved, what, err)
				}
			}
			atOnce("received", receive)
			atOnce("sent", send) // to one that was heard
			if traffic.Sent() != 0 || traffic.Received() != 0 {
				t.Errorf("%d bytes were sent and %d received", traffic.Sent(), traffic.Received())
			}
		})
	})
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

// Operations on UDP sockets name their peers, or else themselves, as the command line does.
func TestUDPTargets(t *testing.T) {
	s := networktest.New()
	n := network.New(network.Config{Stack: s, Access: &access{dial: map[string]*permit{"10.0.0.53:53": {}}}})
	for _, connected := range []bool{false, true} {
		socket, err := n.UDP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		want := "udp:10.0.0.53:53"
		if connected {
			err = socket.Connect(addrPort("10.0.0.53:53"))
		} else {
			_, err = socket.WriteTo([]byte("query"), addrPort("10.0.0.53:53"))
			want = "udp:" + socket.LocalAddr().String()
		}
		if err != nil {
			t.Fatal(err)
		}
		for kind, d := range map[hostcalls.OpKind]network.Direction{hostcalls.OpRead: network.In, hostcalls.OpWrite: network.Out} {
			if op := network.Op(socket, kind, d, 0); op.Target != want {
				t.Errorf("%v waits for %q, want %q", kind, op.Target, want)
			}
		}
	}
	if op := network.Op(udpAt(t, s, "10.0.0.2:1000"), hostcalls.OpRead, network.In, 0); op.Target != "udp:10.0.0.2:1000" {
		t.Errorf("a socket of the stack is %q", op.Target)
	}
}
