package network_test

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

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
	if g.holders() != 3 || g.open.Load() != 3 {
		t.Errorf("the grant has %d holders and %d open, want 3", g.holders(), g.open.Load())
	}
	_ = first.Close()
	if g.holders() != 2 || g.open.Load() != 2 {
		t.Errorf("the grant has %d holders and %d open after one was closed", g.holders(), g.open.Load())
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
	for _, c := range []network.TCP{second, l, late} {
		_ = c.Close()
		_ = c.Close()
	}
	if g.open.Load() != 0 {
		t.Errorf("%d are open after all were closed", g.open.Load())
	}
}

// A socket counts once for each grant that it uses.
func TestGrantsCountSockets(t *testing.T) {
	s := networktest.New()
	dials, sends := new(permit), new(permit)
	n := network.New(network.Config{Stack: s, Access: &access{
		dial: map[string]*permit{server: dials, "10.0.0.8:53": sends, "10.0.0.9:53": sends},
	}})
	listen(t, s, server)
	open := func(want ...int64) {
		t.Helper()
		if got := []int64{dials.open.Load(), sends.open.Load()}; !slices.Equal(got, want) {
			t.Errorf("%d are open by the grants, want %d", got, want)
		}
	}
	c, err := connect(t, n, server)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := n.UDP(network.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	open(1, 0)
	for _, to := range []string{"10.0.0.8:53", "10.0.0.9:53", "10.0.0.8:53", server} {
		_, _ = udp.WriteTo([]byte("x"), addrPort(to))
	}
	open(2, 1)
	_ = c.Close()
	open(1, 1)
	_ = udp.Close()
	open(0, 0)
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

// Whoever waits for what a grant is to open is told at once when it is revoked, and nothing is left open.
func TestRevokeWhileOpening(t *testing.T) {
	for name, open := range map[string]func(call *hostcalls.Call, s *networktest.Stack, g network.Grant) error{
		"a lookup": func(call *hostcalls.Call, s *networktest.Stack, g network.Grant) error {
			_, err := network.Dial(call, s, g, "hangs.org:80", nil)
			return err
		},
		"a lookup of where to listen": func(call *hostcalls.Call, s *networktest.Stack, g network.Grant) error {
			_, err := network.Lookup(call, s, g, "hangs.org")
			return err
		},
		"a connection": func(call *hostcalls.Call, s *networktest.Stack, g network.Grant) error {
			_, err := network.Dial(call, s, g, "silent.org:80", nil) // the second address is not tried
			return err
		},
		"a handshake": func(call *hostcalls.Call, s *networktest.Stack, g network.Grant) error {
			conn, err := network.Dial(call, s, nil, "10.0.0.1:443", nil)
			if err != nil {
				return err
			}
			_, err = network.ClientTLS(call, conn, g, &tls.Config{ServerName: "mute.org"})
			return err
		},
		"a lookup by the process": func(call *hostcalls.Call, s *networktest.Stack, g network.Grant) error {
			n := network.New(network.Config{Stack: s, Access: allowing{g}})
			_, err := n.Resolve(call, network.AnyFamily, "hangs.org")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := networktest.New()
				s.Name("hangs.org", networktest.Answer{Hang: true})
				s.Name("silent.org", networktest.Answer{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")}})
				s.Fail(addrPort("10.0.0.2:80"), networktest.Faults{Hang: true})
				listen(t, s, "10.0.0.1:443")
				g := &permit{name: "--connect hangs.org:80"}
				var err error
				task := spawn(t, func(call *hostcalls.Call, _ *driver.Driver) { err = open(call, s, g) })
				synctest.Wait()
				ops := task.call.AppendOps(nil)
				if len(ops) == 0 || ops[0].Grant() != g.name || ops[0].Transferred() != 0 {
					t.Errorf("it waits for %+v", ops)
				}
				begin := time.Now()
				g.revoke()
				task.wait()
				if !errors.Is(err, network.ErrRevoked) || time.Since(begin) != 0 {
					t.Errorf("error is %v after %v", err, time.Since(begin))
				}
				if g.holders() != 0 {
					t.Errorf("the grant has %d holders", g.holders())
				}
			})
		})
	}
}

// allowing is an Access that allows everything by one grant.
type allowing struct{ by network.Grant }

func (a allowing) Dial(network.Protocol, netip.AddrPort, []string) (network.Grant, error) {
	return a.by, nil
}
func (a allowing) Listen(network.Protocol, netip.AddrPort) (network.Grant, error) { return a.by, nil }
func (a allowing) Resolve(string) (network.Grant, error)                          { return a.by, nil }
