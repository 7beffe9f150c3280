package networktest

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// Run tests that stacks behave as package network says. newStack makes one that reaches itself by the loopback
// addresses; it closes it by t.Cleanup.
func Run(t *testing.T, newStack func(t *testing.T) network.Stack) {
	for _, group := range []struct {
		name  string
		tests []conformanceTest
	}{
		{"TCP", tcpTests}, {"Waits", waitTests}, {"UDP", udpTests}, {"Names", nameTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(&harness{t, newStack(t)}) })
			}
		})
	}
}

type conformanceTest struct {
	name string
	run  func(h *harness)
}

// harness makes sockets, waits for them, and ends the test when something fails.
type harness struct {
	*testing.T
	stack network.Stack
}

// patience bounds how long a test waits for something that has to happen.
const patience = 30 * time.Second

var (
	loopback4 = netip.MustParseAddrPort("127.0.0.1:0")
	loopback6 = netip.MustParseAddrPort("[::1]:0")
)

// wait waits until a socket is said to be ready.
func (h *harness) wait(s network.Socket, d network.Direction) {
	h.Helper()
	ready := make(chan struct{})
	stop := s.Notify(d, sync.OnceFunc(func() { close(ready) }))
	defer stop()
	h.receive(ready)
}

func (h *harness) receive(ready <-chan struct{}) {
	h.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-ready:
	case <-timeout.C:
		h.Fatal("was not notified")
	}
}

// retry calls try until it would not block, waiting for the socket in between, and returns its error.
func (h *harness) retry(s network.Socket, d network.Direction, try func() error) error {
	h.Helper()
	for {
		err := try()
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return err
		}
		h.wait(s, d)
	}
}

func (h *harness) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *harness) mustBe(want, err error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Fatalf("error is %v, want %v", err, want)
	}
}

// oneOf checks that an error is one of several: systems differ.
func (h *harness) oneOf(err error, want ...error) {
	h.Helper()
	for _, w := range want {
		if errors.Is(err, w) {
			return
		}
	}
	h.Fatalf("error is %v, want one of %v", err, want)
}

func familyOf(a netip.AddrPort) network.Family {
	if a.Addr().Is4() {
		return network.IPv4
	}
	return network.IPv6
}

func (h *harness) tcp(f network.Family) network.TCP {
	h.Helper()
	s, err := h.stack.TCP(f)
	h.must(err)
	h.Cleanup(func() { _ = s.Close() })
	return s
}

// udp makes a UDP socket of IPv4.
func (h *harness) udp() network.UDP {
	h.Helper()
	s, err := h.stack.UDP(network.IPv4)
	h.must(err)
	h.Cleanup(func() { _ = s.Close() })
	return s
}

// listen makes a listener at an address.
func (h *harness) listen(at netip.AddrPort) network.TCP {
	h.Helper()
	l := h.tcp(familyOf(at))
	h.must(l.Bind(at))
	h.must(l.Listen(16))
	return l
}

// connect connects a new socket to an address.
func (h *harness) connect(to netip.AddrPort) (network.TCP, error) {
	h.Helper()
	c := h.tcp(familyOf(to))
	err := c.Connect(to)
	if errors.Is(err, hostcalls.ErrWouldBlock) {
		err = h.retry(c, network.Out, c.FinishConnect)
	}
	return c, err
}

func (h *harness) accept(l network.TCP) network.TCP {
	h.Helper()
	var c network.TCP
	h.must(h.retry(l, network.In, func() (err error) {
		c, err = l.Accept()
		return err
	}))
	h.Cleanup(func() { _ = c.Close() })
	return c
}

// pair returns two sockets that are connected to each other.
func (h *harness) pair() (client, server network.TCP) {
	h.Helper()
	l := h.listen(loopback4)
	client, err := h.connect(l.LocalAddr())
	h.must(err)
	server = h.accept(l)
	return client, server
}

// write writes all of p.
func (h *harness) write(c network.TCP, p string) {
	h.Helper()
	for len(p) > 0 {
		h.must(h.retry(c, network.Out, func() error {
			n, err := c.Write([]byte(p))
			p = p[n:]
			return err
		}))
	}
}

// read reads n bytes, or as many as there are before the end or an error, which it returns.
func (h *harness) read(c network.TCP, n int) (string, error) {
	h.Helper()
	p := make([]byte, n)
	got := 0
	for got < n {
		err := h.retry(c, network.In, func() error {
			n, err := c.Read(p[got:], false)
			got += n
			return err
		})
		if err != nil {
			return string(p[:got]), err
		}
	}
	return string(p), nil
}

func (h *harness) expect(c network.TCP, want string) {
	h.Helper()
	got, err := h.read(c, len(want))
	if err != nil || got != want {
		h.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

// expectError reads to the end of a connection, which must be one of the errors, and returns what came before.
func (h *harness) expectError(c network.TCP, want ...error) string {
	h.Helper()
	got, err := h.read(c, 64<<20)
	h.oneOf(err, want...)
	return got
}

// fill writes until there is no room, and returns the number of bytes written.
func (h *harness) fill(c network.TCP) int {
	h.Helper()
	p := make([]byte, 64<<10)
	total := 0
	for {
		n, err := c.Write(p)
		total += n
		if errors.Is(err, hostcalls.ErrWouldBlock) {
			return total
		}
		h.must(err)
	}
}
