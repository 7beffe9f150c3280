package hostnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStack(t testing.TB) *Stack {
	t.Helper()
	d := driver.New(driver.Config{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return New(d)
}

func newTCP(t testing.TB, s *Stack, family network.Family) network.TCP {
	t.Helper()
	c, err := s.TCP(family)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func newUDP(t testing.TB, s *Stack, family network.Family) network.UDP {
	t.Helper()
	c, err := s.UDP(family)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// until tries again whenever the socket may be ready.
func until(s network.Socket, d network.Direction, try func() error) error {
	for {
		err := try()
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return err
		}
		ready := make(chan bool, 1)
		stop := s.Notify(d, func() { ready <- true })
		<-ready
		stop()
	}
}

func read(t testing.TB, c network.TCP, p []byte) (n int, err error) {
	t.Helper()
	err = until(c, network.In, func() error { n, err = c.Read(p, false); return err })
	return n, err
}

func write(t testing.TB, c network.TCP, p []byte) {
	t.Helper()
	for len(p) > 0 {
		var n int
		if err := until(c, network.Out, func() (err error) { n, err = c.Write(p); return err }); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
}

func local(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}

func listen(t testing.TB, s *Stack) network.TCP {
	t.Helper()
	l := newTCP(t, s, network.IPv4)
	if err := l.Bind(local(0)); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(100); err != nil {
		t.Fatal(err)
	}
	return l
}

func connect(t testing.TB, c network.TCP, to netip.AddrPort) error {
	t.Helper()
	err := c.Connect(to)
	if !errors.Is(err, hostcalls.ErrWouldBlock) {
		return err
	}
	return until(c, network.Out, c.FinishConnect)
}

// connected returns both ends of a connection of the stack.
func connected(t testing.TB, s *Stack) (a, b network.TCP) {
	t.Helper()
	l := listen(t, s)
	a = newTCP(t, s, network.IPv4)
	if err := connect(t, a, l.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := until(l, network.In, func() (err error) { b, err = l.Accept(); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if a.LocalAddr() != b.RemoteAddr() || a.RemoteAddr() != b.LocalAddr() {
		t.Errorf("addresses are %v-%v and %v-%v", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
	}
	return a, b
}

func TestConnection(t *testing.T) {
	a, b := connected(t, newStack(t))
	if _, err := a.Read(make([]byte, 1), false); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Read before there is anything: %v", err)
	}
	if n, hangup := a.Level(network.In); n != 0 || hangup {
		t.Errorf("Level before there is anything: %d, %v", n, hangup)
	}
	write(t, b, []byte("hello"))
	var buf [10]byte
	if err := until(a, network.In, func() error { _, err := a.Read(buf[:], true); return err }); err != nil {
		t.Fatal(err)
	}
	if n, hangup := a.Level(network.In); n != 5 || hangup {
		t.Errorf("Level with five bytes: %d, %v", n, hangup)
	}
	if n, err := read(t, a, buf[:2]); n != 2 || err != nil || string(buf[:2]) != "he" {
		t.Errorf("Read = %q, %v", buf[:n], err)
	}
	if n, err := read(t, a, buf[:]); n != 3 || err != nil || string(buf[:3]) != "llo" {
		t.Errorf("Read = %q, %v", buf[:n], err)
	}
	if n, hangup := a.Level(network.Out); n == 0 || hangup {
		t.Errorf("Level for writing: %d, %v", n, hangup)
	}
	if err := b.Shutdown(false, true); err != nil {
		t.Fatal(err)
	}
	if n, err := read(t, a, buf[:]); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Read = %d, %v at the end", n, err)
	}
	if n, hangup := a.Level(network.In); n != 0 || !hangup {
		t.Errorf("Level at the end: %d, %v", n, hangup)
	}
	write(t, a, []byte("x")) // the other direction is open
	if n, err := read(t, b, buf[:]); n != 1 || err != nil {
		t.Errorf("Read = %d, %v after shutdown", n, err)
	}
}

// TestStream sends more than the buffers hold, in pieces of many sizes, while the reader reads now and then.
func TestStream(t *testing.T) {
	a, b := connected(t, newStack(t))
	const total = 8 << 20
	go func() {
		p := make([]byte, total)
		for i := range p {
			p[i] = byte(i >> 8)
		}
		for size := 1; len(p) > 0; size = size*3%100_003 + 1 {
			size = min(size, len(p))
			write(t, b, p[:size])
			p = p[size:]
		}
		_ = b.Shutdown(false, true)
	}()
	buf := make([]byte, 50_000)
	got := 0
	for {
		n, err := read(t, a, buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range buf[:n] {
			if c != byte((got+i)>>8) {
				t.Fatalf("byte %d is %d", got+i, c)
			}
		}
		got += n
	}
	if got != total {
		t.Errorf("got %d bytes, want %d", got, total)
	}
}

// TestConnectFails: the reason is told once, by whoever asks first.
func TestConnectFails(t *testing.T) {
	s := newStack(t)
	l := newTCP(t, s, network.IPv4)
	if err := l.Bind(local(0)); err != nil { // and does not listen
		t.Fatal(err)
	}
	c := newTCP(t, s, network.IPv4)
	if err := connect(t, c, l.LocalAddr()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("connect = %v, want ECONNREFUSED", err)
	}
	other := newTCP(t, s, network.IPv4)
	if err := other.FinishConnect(); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("FinishConnect of a socket that does not connect: %v", err)
	}
	if err := other.Connect(l.LocalAddr()); err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		if !errors.Is(err, unix.ECONNREFUSED) {
			t.Fatal(err)
		}
		return
	}
	ready := make(chan bool, 1)
	other.Notify(network.Out, func() { ready <- true })
	<-ready
	for { // it may be ready since nobody has tried
		code, err := other.Option(network.PendingError)
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 {
			if unix.Errno(code) != unix.ECONNREFUSED {
				t.Errorf("pending error is %v", unix.Errno(code))
			}
			break
		}
	}
	if err := other.FinishConnect(); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("FinishConnect after the error was read: %v", err)
	}
}

func TestFamilies(t *testing.T) {
	s := newStack(t)
	four, six := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("[::1]:9")
	mapped := netip.MustParseAddrPort("[::ffff:127.0.0.1]:9")
	for _, tt := range []struct {
		family network.Family
		to     netip.AddrPort
		want   error
	}{
		{network.IPv4, six, unix.EAFNOSUPPORT},
		{network.IPv6, four, unix.EAFNOSUPPORT},
		{network.IPv6, mapped, unix.EAFNOSUPPORT},
		{network.IPv4, netip.AddrPort{}, unix.EINVAL},
	} {
		if err := newTCP(t, s, tt.family).Connect(tt.to); !errors.Is(err, tt.want) {
			t.Errorf("family %d to %v: %v, want %v", tt.family, tt.to, err, tt.want)
		}
		if _, err := newUDP(t, s, tt.family).WriteTo(nil, tt.to); tt.to.IsValid() && !errors.Is(err, tt.want) {
			t.Errorf("family %d to %v: %v, want %v", tt.family, tt.to, err, tt.want)
		}
	}
	err := newTCP(t, s, network.IPv6).Connect(netip.MustParseAddrPort("[fe80::1%lo]:80"))
	if err == nil || !strings.Contains(err.Error(), "zone") {
		t.Errorf("an address with a zone: %v", err)
	}
	// A socket of any family takes both.
	l := newTCP(t, s, network.AnyFamily)
	if err := l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(10); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(a)
		family := network.IPv4
		if addr.Is6() {
			family = network.IPv6
		}
		c := newTCP(t, s, family)
		if err := connect(t, c, netip.AddrPortFrom(addr, l.LocalAddr().Port())); err != nil {
			t.Fatal(err)
		}
		var accepted network.TCP
		if err := until(l, network.In, func() (err error) { accepted, err = l.Accept(); return err }); err != nil {
			t.Fatal(err)
		}
		if got := accepted.RemoteAddr(); got != c.LocalAddr() {
			t.Errorf("the peer is %v, want %v", got, c.LocalAddr())
		}
		_ = accepted.Close()
	}
}

// TestClose: everything that waits is notified, and all else fails.
func TestClose(t *testing.T) {
	s := newStack(t)
	a, _ := connected(t, s)
	l := listen(t, s)
	u := newUDP(t, s, network.IPv4)
	for _, c := range []network.Socket{a, l, u} {
		switch c := c.(type) { // so that it is known not to be ready
		case network.UDP:
			_, _, _, _ = c.ReadFrom(nil, false)
		case network.TCP:
			_, _ = c.Accept()
			_, _ = c.Read(make([]byte, 1), false)
		}
		ready := make(chan bool, 1)
		c.Notify(network.In, func() { ready <- true })
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if len(ready) != 1 {
			t.Error("a wait was not notified")
		}
		_, optionErr := c.Option(network.ReuseAddr)
		for name, err := range map[string]error{
			"Close": c.Close(), "Bind": c.Bind(local(0)), "Option": optionErr, "SetOption": c.SetOption(network.ReuseAddr, 1),
		} {
			if !errors.Is(err, network.ErrClosed) {
				t.Errorf("%s = %v, want ErrClosed", name, err)
			}
		}
		if c.LocalAddr().IsValid() || c.RemoteAddr().IsValid() {
			t.Error("a closed socket has an address")
		}
		if _, hangup := c.Level(network.In); !hangup {
			t.Error("a closed socket is not at its end")
		}
		again := make(chan bool, 1)
		c.Notify(network.Out, func() { again <- true })
		if len(again) != 1 {
			t.Error("a wait for a closed socket does not end")
		}
	}
	for name, err := range map[string]error{
		"Connect": a.Connect(local(9)), "FinishConnect": a.FinishConnect(), "Listen": a.Listen(1), "Shutdown": a.Shutdown(true, true),
		"Connect of UDP": u.Connect(local(9)), "disconnect": u.Connect(netip.AddrPort{}),
	} {
		if !errors.Is(err, network.ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", name, err)
		}
	}
}

// TestCloseDoesNotLinger: a socket with unsent bytes that is told to linger is closed at once.
func TestCloseDoesNotLinger(t *testing.T) {
	a, _ := connected(t, newStack(t))
	if err := a.SetOption(network.Linger, int(30*time.Second/time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); err == nil; {
		_, err = a.Write(make([]byte, 1<<16))
	}
	began := time.Now()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestOptions(t *testing.T) {
	s := newStack(t)
	stream, datagrams := newTCP(t, s, network.IPv4), newUDP(t, s, network.IPv4)
	if v, err := stream.Option(network.NoDelay); v != 1 || err != nil {
		t.Errorf("NoDelay is %d, %v", v, err)
	}
	for _, tt := range []struct {
		option    network.Option
		set, want int
	}{
		{network.ReuseAddr, 1, 1},
		{network.ReuseAddr, 0, 0},
		{network.KeepAlive, 1, 1},
		{network.NoDelay, 0, 0},
		{network.Linger, 0, 0},
		{network.Linger, 1, 1_000_000},
		{network.Linger, -1, -1},
		{network.Linger, 1 << 40, 60_000_000},
		{network.ReceiveBuffer, 1 << 16, 1 << 16},
	} {
		if err := stream.SetOption(tt.option, tt.set); err != nil {
			t.Errorf("option %d = %d: %v", tt.option, tt.set, err)
		}
		if got, err := stream.Option(tt.option); got != tt.want || err != nil {
			t.Errorf("option %d is %d, %v; want %d", tt.option, got, err, tt.want)
		}
	}
	if err := stream.SetOption(network.SendBuffer, 1<<40); err != nil {
		t.Error(err)
	}
	if got, err := stream.Option(network.SendBuffer); got > mostBuffer || got < leastBuffer || err != nil {
		t.Errorf("the buffer is %d, %v", got, err)
	}
	for _, o := range []network.Option{network.PendingError, network.Listening} {
		if got, err := stream.Option(o); got != 0 || err != nil {
			t.Errorf("option %d is %d, %v", o, got, err)
		}
		if err := stream.SetOption(o, 1); !errors.Is(err, unix.ENOPROTOOPT) {
			t.Errorf("setting option %d: %v", o, err)
		}
	}
	if got, err := listen(t, s).Option(network.Listening); got != 1 || err != nil {
		t.Errorf("a listener listens: %d, %v", got, err)
	}
	for _, o := range []network.Option{network.NoDelay, network.Linger, network.Listening, 200} {
		if _, err := datagrams.Option(o); !errors.Is(err, network.ErrUnknownOption) {
			t.Errorf("option %d of UDP: %v", o, err)
		}
	}
}

// TestPeers: the peers are package net's.
func TestPeers(t *testing.T) {
	s := newStack(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newTCP(t, s, network.IPv4)
	if err := connect(t, c, netip.MustParseAddrPort(l.Addr().String())); err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	// A reset is an error, and is told those who wait.
	if err := until(c, network.In, func() error {
		_, err := c.Read(make([]byte, 1), false)
		if errors.Is(err, hostcalls.ErrWouldBlock) && peer != nil {
			_ = peer.(*net.TCPConn).SetLinger(0)
			_ = peer.Close()
			peer = nil
		}
		return err
	}); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("Read = %v, want ECONNRESET", err)
	}
}

func TestLookup(t *testing.T) {
	s := newStack(t)
	for family, want := range map[network.Family]string{network.IPv4: "127.0.0.1", network.AnyFamily: "127.0.0.1"} {
		addrs, err := s.Lookup(t.Context(), family, "localhost")
		if err != nil || !slices.Contains(addrs, netip.MustParseAddr(want)) {
			t.Errorf("Lookup = %v, %v", addrs, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Lookup(canceled, network.AnyFamily, "a.invalid"); err == nil {
		t.Error("Lookup ignores its context")
	}
}
