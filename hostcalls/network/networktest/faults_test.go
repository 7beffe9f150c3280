package networktest

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

var at = netip.MustParseAddrPort("10.0.0.7:80")

// faulty returns the two sides of a connection to at, where f is wrong.
func faulty(t *testing.T, f Faults) (s *Stack, client, server network.TCP) {
	t.Helper()
	h := &harness{t, New()}
	s = h.stack.(*Stack)
	s.Fail(at, f)
	l := h.listen(at)
	client, err := h.connect(at)
	h.must(err)
	return s, client, h.accept(l)
}

func TestRefuseAndHang(t *testing.T) {
	h := &harness{t, New()}
	s := h.stack.(*Stack)
	h.listen(at)
	s.Fail(at, Faults{Refuse: true})
	_, err := h.connect(at)
	h.mustBe(syscall.ECONNREFUSED, err)

	s.Fail(at, Faults{Hang: true})
	c := h.tcp(network.IPv4)
	h.mustBe(hostcalls.ErrWouldBlock, c.Connect(at))
	h.mustBe(hostcalls.ErrWouldBlock, c.FinishConnect())
	if now(c, network.Out) || now(c, network.In) {
		t.Error("a connection that is never answered is ready")
	}
	h.mustBe(syscall.EALREADY, c.Connect(at))
	h.must(c.Close())
}

func TestPieces(t *testing.T) {
	_, client, server := faulty(t, Faults{MaxRead: 1, MaxWrite: 2})
	if n, err := client.Write([]byte("abc")); n != 2 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	p := make([]byte, 8)
	for _, want := range []string{"a", "b"} {
		if n, err := server.Read(p, false); string(p[:n]) != want || err != nil {
			t.Errorf("Read = %q, %v; want %q", p[:n], err, want)
		}
	}
}

func TestPeerThatDoesNotRead(t *testing.T) {
	s, client, server := faulty(t, Faults{Full: true})
	if _, err := client.Write([]byte("x")); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Write: %v", err)
	}
	if n, err := server.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("the other direction: %d, %v", n, err)
	}
	told := 0
	defer client.Notify(network.Out, func() { told++ })()
	s.Fail(at, Faults{})
	if _, err := client.Write([]byte("x")); err != nil || told != 1 {
		t.Errorf("once it reads: %v, told %d times", err, told)
	}
}

func TestResetInTheMiddle(t *testing.T) {
	for name, reset := range map[string]func(s *Stack, client network.TCP){
		"after bytes": func(s *Stack, client network.TCP) {
			s.Fail(at, Faults{ResetAfter: 10})
			_, _ = client.Write(make([]byte, 10))
		},
		"at once": func(s *Stack, _ network.TCP) { s.Reset(at) },
	} {
		t.Run(name, func(t *testing.T) {
			s, client, server := faulty(t, Faults{})
			told := 0
			for _, c := range []network.TCP{client, server} {
				defer c.Notify(network.In, func() { told++ })()
			}
			reset(s, client)
			if told < 2 {
				t.Errorf("%d waits were told, want both", told)
			}
			for _, c := range []network.TCP{client, server} {
				if _, err := c.Read(make([]byte, 1), false); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("Read: %v", err)
				}
				if _, err := c.Read(make([]byte, 1), false); !errors.Is(err, io.EOF) {
					t.Errorf("Read again: %v", err)
				}
				if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
					t.Errorf("Write: %v", err)
				}
			}
		})
	}
}

// Connections beyond the backlog wait until there is room, and are refused if the listener closes.
func TestStorm(t *testing.T) {
	h := &harness{t, New()}
	s := h.stack.(*Stack)
	l := h.tcp(network.IPv4)
	h.must(errors.Join(l.Bind(at), l.Listen(3)))
	clients := s.Storm(at, 10)
	for i, c := range clients {
		if err := c.FinishConnect(); (err == nil) != (i < 3) {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	h.accept(l)
	h.must(clients[3].FinishConnect())
	h.must(l.Close())
	h.mustBe(syscall.ECONNREFUSED, clients[9].FinishConnect())
	if _, err := clients[1].Read(make([]byte, 1), false); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one that was not accepted reads: %v", err)
	}
	for _, c := range clients {
		_ = c.Close()
	}
	if len(s.tcp) != 0 {
		t.Errorf("%d sockets are left", len(s.tcp))
	}
}

func TestDatagramFaults(t *testing.T) {
	h := &harness{t, New()}
	s := h.stack.(*Stack)
	u, to := h.boundUDP()
	s.Fail(to, Faults{Lose: true})
	h.send(u, "lost", to)
	s.Fail(to, Faults{MaxSize: 3})
	h.send(u, "truncated", to)
	if got, _, _ := h.receiveDatagram(u, 100, false); got != "tru" {
		t.Errorf("got %q", got)
	}
	s.Fail(to, Faults{})
	for range maxQueued + 10 {
		h.send(u, "x", to)
	}
	got := 0
	for {
		if _, _, _, err := u.ReadFrom(nil, false); err != nil {
			break
		}
		got++
	}
	if got != maxQueued {
		t.Errorf("%d datagrams were kept, want %d", got, maxQueued)
	}
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		first, second := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
		fault := errors.New("server misbehaving")
		s.Name("db", Answer{Addrs: []netip.Addr{first}}, Answer{Err: fault}, Answer{Addrs: []netip.Addr{second}})
		for _, want := range []struct {
			addrs []netip.Addr
			err   error
		}{{[]netip.Addr{first}, nil}, {nil, fault}, {[]netip.Addr{second}, nil}, {[]netip.Addr{second}, nil}} {
			if got, err := s.Lookup(t.Context(), network.AnyFamily, "db"); !slices.Equal(got, want.addrs) || !errors.Is(err, want.err) {
				t.Errorf("Lookup = %v, %v; want %v, %v", got, err, want.addrs, want.err)
			}
		}
		if got, err := s.Lookup(t.Context(), network.IPv6, "db"); err == nil {
			t.Errorf("of the other family: %v", got)
		}
		s.Name("hangs", Answer{Hang: true})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := s.Lookup(ctx, network.AnyFamily, "hangs")
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("a lookup that hangs returned %v", err)
		default:
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("it found something")
		}
	})
}

func TestMissingFamily(t *testing.T) {
	s := New()
	s.RemoveFamily(network.IPv6)
	_, tcp := s.TCP(network.IPv6)
	_, udp := s.UDP(network.IPv6)
	if !errors.Is(tcp, syscall.EAFNOSUPPORT) || !errors.Is(udp, syscall.EAFNOSUPPORT) {
		t.Errorf("TCP: %v, UDP: %v", tcp, udp)
	}
}
