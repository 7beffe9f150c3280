package network_test

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

func read(t testing.TB, c network.TCP, want string) {
	t.Helper()
	p := make([]byte, len(want)+10)
	if n, err := c.Read(p, false); string(p[:n]) != want || err != nil {
		t.Errorf("Read = %q, %v; want %q", p[:n], err, want)
	}
}

func write(t testing.TB, c network.TCP, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("Write = %d, %v; want %d", n, err, len(text))
	}
}

func TestPair(t *testing.T) {
	a, b := network.Pair(1024)
	write(t, a, "there")
	write(t, b, "back")
	p := make([]byte, 3)
	if n, err := b.Read(p, true); string(p[:n]) != "the" || err != nil {
		t.Errorf("peek = %q, %v", p[:n], err)
	}
	if n, hangup := b.Level(network.In); n != 5 || hangup {
		t.Errorf("level = %d, %v", n, hangup)
	}
	read(t, b, "there")
	read(t, a, "back")
	if _, err := a.Read(p, false); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Read of nothing: %v", err)
	}
	if a.LocalAddr().IsValid() || a.RemoteAddr().IsValid() {
		t.Error("it has an address")
	}
	for what, err := range map[string]error{
		"Bind": a.Bind(netip.AddrPort{}), "Connect": a.Connect(netip.AddrPort{}), "Listen": a.Listen(1),
	} {
		if err == nil {
			t.Errorf("%s succeeded", what)
		}
	}
}

func TestPairBackpressureAndHalfClose(t *testing.T) {
	a, b := network.Pair(1024)
	if n, err := a.Write(make([]byte, 5000)); n != 1024 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Write without room: %v", err)
	}
	told := 0
	defer a.Notify(network.Out, func() { told++ })()
	if _, err := io.ReadFull(networktest.NetConn(b), make([]byte, 1024)); err != nil || told != 1 {
		t.Errorf("%v; told of the room %d times", err, told)
	}
	write(t, a, "last")
	if err := a.Shutdown(false, true); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write after Shutdown: %v", err)
	}
	if got, err := io.ReadAll(networktest.NetConn(b)); string(got) != "last" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	write(t, b, "still")
	read(t, a, "still")
}

func TestPairClose(t *testing.T) {
	a, b := network.Pair(0)
	write(t, a, "left")
	told := 0
	b.Notify(network.In, func() { told++ })()
	a.Notify(network.In, func() { told++ })
	if err := a.Close(); err != nil || told != 2 {
		t.Errorf("Close: %v, told %d times", err, told)
	}
	for range 2 {
		if _, err := a.Read(make([]byte, 1), false); !errors.Is(err, network.ErrClosed) {
			t.Errorf("Read: %v", err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, network.ErrClosed) {
			t.Errorf("Write: %v", err)
		}
		if err := a.Close(); !errors.Is(err, network.ErrClosed) {
			t.Errorf("Close again: %v", err)
		}
	}
	read(t, b, "left")
	if _, err := b.Read(make([]byte, 1), false); !errors.Is(err, io.EOF) {
		t.Errorf("the other end reads: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the other end writes: %v", err)
	}
	if _, hangup := b.Level(network.Out); !hangup {
		t.Error("the other end does not see that it is alone")
	}
}

func TestPairCarriesEverything(t *testing.T) {
	a, b := network.Pair(700)
	there, back := strings.Repeat("there ", 100_000), strings.Repeat("and back ", 100_000)
	var sides sync.WaitGroup
	send := func(c network.TCP, text string) {
		writeAll(t, c, text)
		if err := c.Shutdown(false, true); err != nil {
			t.Error(err)
		}
	}
	sides.Go(func() { send(a, there) })
	sides.Go(func() { send(b, back) })
	sides.Go(func() {
		if got, err := readAll(t, b); got != there || !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes came, %v", len(got), err)
		}
	})
	if got, err := readAll(t, a); got != back || !errors.Is(err, io.EOF) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	sides.Wait()
}

func TestListener(t *testing.T) {
	l := network.NewListener(2)
	if _, err := l.Accept(); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Accept of nothing: %v", err)
	}
	if n, hangup := l.Level(network.In); n != 0 || hangup {
		t.Errorf("the level of nothing to accept is %d, %v", n, hangup)
	}
	accepting, room := 0, 0
	l.Notify(network.In, func() { accepting++ })
	first, err := l.Dial(0)
	if err != nil || accepting != 1 {
		t.Fatalf("Dial: %v, told %d times", err, accepting)
	}
	if n, hangup := l.Level(network.In); n != 1 || hangup {
		t.Errorf("the level of a connection to accept is %d, %v", n, hangup)
	}
	write(t, first, "before it is accepted")
	second, err := l.Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Dial(0); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Dial without room: %v", err)
	}
	l.NotifyRoom(func() { room++ })
	accepted, err := l.Accept()
	if err != nil || room != 1 {
		t.Fatalf("Accept: %v, told of the room %d times", err, room)
	}
	read(t, accepted, "before it is accepted")
	if value, err := l.Option(network.Listening); value != 1 || err != nil {
		t.Errorf("listening = %d, %v", value, err)
	}
	l.Notify(network.In, func() {})()
	ended := 0
	if _, err := l.Accept(); err != nil { // the second
		t.Fatal(err)
	}
	third, err := l.Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	third.Notify(network.In, func() { ended++ })
	if err := l.Close(); err != nil || ended != 1 {
		t.Errorf("Close: %v, who was not accepted was told %d times", err, ended)
	}
	if _, err := third.Read(make([]byte, 1), false); !errors.Is(err, io.EOF) {
		t.Errorf("who was not accepted reads: %v", err)
	}
	if _, err := l.Dial(0); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial after Close: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, network.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if n, hangup := l.Level(network.In); n != 0 || !hangup {
		t.Errorf("the level after Close is %d, %v", n, hangup)
	}
	now := 0
	l.Notify(network.In, func() { now++ })
	l.NotifyRoom(func() { now++ })
	if now != 2 {
		t.Errorf("of a closed listener %d waits of 2 are told", now)
	}
	write(t, second, "goes on")
}
