package networktest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

var tcpTests = []conformanceTest{
	{"Addresses", testAddresses},
	{"Exchange", testExchange},
	{"Peek", testPeek},
	{"HalfClose", testHalfClose},
	{"CloseEndsTheStream", testCloseEndsTheStream},
	{"ResetWhenUnread", testResetWhenUnread},
	{"ShutdownRead", testShutdownRead},
	{"WriteToClosed", testWriteToClosed},
	{"Refused", testRefused},
	{"ReconnectAfterRefusal", testReconnectAfterRefusal},
	{"AcceptInOrder", testAcceptInOrder},
	{"AcceptAfterClose", testAcceptAfterClose},
	{"CloseListener", testCloseListener},
	{"AddressInUse", testAddressInUse},
	{"BoundClient", testBoundClient},
	{"IPv6", testIPv6},
	{"FamiliesApart", testFamiliesApart},
	{"WrongFamily", testWrongFamily},
	{"WrongState", testWrongState},
	{"Options", testOptions},
	{"EmptyBuffers", testEmptyBuffers},
	{"Transfer", testTransfer},
	{"AfterClose", testAfterClose},
}

func testAddresses(h *harness) {
	l := h.listen(loopback4)
	at := l.LocalAddr()
	if at.Addr() != loopback4.Addr() || at.Port() == 0 {
		h.Fatalf("a listener at port 0 got %v", at)
	}
	if l.RemoteAddr() != (netip.AddrPort{}) {
		h.Errorf("a listener has a peer: %v", l.RemoteAddr())
	}
	if _, err := l.Accept(); !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("Accept without a connection: %v", err)
	}
	fresh := h.tcp(network.IPv4)
	if fresh.RemoteAddr() != (netip.AddrPort{}) {
		h.Errorf("a new socket has a peer: %v", fresh.RemoteAddr())
	}
	client, err := h.connect(at)
	h.must(err)
	server := h.accept(l)
	if client.RemoteAddr() != at || server.LocalAddr() != at {
		h.Errorf("the connection is to %v, accepted at %v, want %v", client.RemoteAddr(), server.LocalAddr(), at)
	}
	if from := client.LocalAddr(); from != server.RemoteAddr() || from.Port() == 0 {
		h.Errorf("the connection is from %v, accepted from %v", from, server.RemoteAddr())
	}
	h.must(client.FinishConnect())
}

func testExchange(h *harness) {
	client, server := h.pair()
	if n, err := client.Read(make([]byte, 8), false); n != 0 || !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("Read without data = %d, %v", n, err)
	}
	h.write(client, "question")
	h.expect(server, "quest")
	h.write(server, "answer")
	h.expect(server, "ion")
	h.expect(client, "answer")
}

func testPeek(h *harness) {
	client, server := h.pair()
	p := make([]byte, 16)
	if _, err := server.Read(p, true); !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("peek without data: %v", err)
	}
	h.write(client, "abc")
	for range 3 {
		n := 0
		h.must(h.retry(server, network.In, func() (err error) {
			n, err = server.Read(p, true)
			return err
		}))
		if string(p[:n]) != "abc"[:n] {
			h.Fatalf("peek = %q", p[:n])
		}
	}
	h.expect(server, "abc")
	h.must(client.Shutdown(false, true))
	h.mustBe(io.EOF, h.retry(server, network.In, func() error {
		_, err := server.Read(p, true)
		return err
	}))
}

func testHalfClose(h *harness) {
	client, server := h.pair()
	h.write(client, "request")
	h.must(client.Shutdown(false, true))
	if _, err := client.Write([]byte("more")); !errors.Is(err, syscall.EPIPE) {
		h.Errorf("Write after Shutdown: %v, want EPIPE", err)
	}
	h.expect(server, "request")
	for range 2 {
		if rest := h.expectError(server, io.EOF); rest != "" {
			h.Errorf("%q before the end", rest)
		}
	}
	h.write(server, "response")
	h.must(server.Close())
	if got := h.expectError(client, io.EOF); got != "response" {
		h.Errorf("got %q after half-close", got)
	}
}

func testCloseEndsTheStream(h *harness) {
	client, server := h.pair()
	h.write(client, "last words")
	h.must(client.Close())
	if got := h.expectError(server, io.EOF); got != "last words" {
		h.Errorf("got %q", got)
	}
}

func testResetWhenUnread(h *harness) {
	client, server := h.pair()
	h.write(client, "nobody reads this")
	h.wait(server, network.In)
	h.must(server.Close())
	h.expectError(client, syscall.ECONNRESET)
}

func testShutdownRead(h *harness) {
	client, server := h.pair()
	h.must(client.Shutdown(true, false))
	h.expectError(client, io.EOF)
	h.write(client, "still written")
	h.expect(server, "still written")
}

func testWriteToClosed(h *harness) {
	client, server := h.pair()
	h.must(server.Close())
	for {
		err := h.retry(client, network.Out, func() error {
			_, err := client.Write([]byte("x"))
			return err
		})
		if err != nil {
			h.oneOf(err, syscall.EPIPE, syscall.ECONNRESET)
			return
		}
	}
}

func testOptions(h *harness) {
	client, _ := h.pair()
	for _, o := range []network.Option{network.NoDelay, network.KeepAlive, network.ReuseAddr} {
		for _, value := range []int{1, 0, 1} {
			h.must(client.SetOption(o, value))
			if got, err := client.Option(o); err != nil || (got != 0) != (value != 0) {
				h.Errorf("option %d = %d, %v; want %d", o, got, err, value)
			}
		}
	}
	for _, o := range []network.Option{network.SendBuffer, network.ReceiveBuffer} {
		h.must(client.SetOption(o, 32<<10))
		if got, err := client.Option(o); err != nil || got < 32<<10 {
			h.Errorf("option %d = %d, %v; want 32 KiB or more", o, got, err)
		}
	}
	for o, value := range map[network.Option]int{
		network.KeepAliveIdle: 20e6, network.KeepAliveInterval: 3e6, network.KeepAliveCount: 5, network.HopLimit: 17,
	} {
		if got, err := client.Option(o); got <= 0 || err != nil {
			h.Errorf("option %d = %d, %v by default", o, got, err)
		}
		h.must(client.SetOption(o, value))
		if got, err := client.Option(o); got != value || err != nil {
			h.Errorf("option %d = %d, %v; want %d", o, got, err, value)
		}
	}
	if got, err := client.Option(network.PendingError); got != 0 || err != nil {
		h.Errorf("pending error = %d, %v", got, err)
	}
	if got, err := client.Option(network.Listening); got != 0 || err != nil {
		h.Errorf("a connection is listening: %d, %v", got, err)
	}
	if got, err := h.listen(loopback4).Option(network.Listening); got != 1 || err != nil {
		h.Errorf("a listener is listening: %d, %v", got, err)
	}
	l := h.listen(loopback4)
	h.must(l.SetOption(network.KeepAlive, 1))
	h.must(l.SetOption(network.KeepAliveIdle, 20e6))
	if _, err := h.connect(l.LocalAddr()); err != nil {
		h.must(err)
	}
	h.wait(l, network.In)
	accepted, err := l.Accept()
	h.must(err)
	h.Cleanup(func() { _ = accepted.Close() })
	for o, want := range map[network.Option]int{network.KeepAlive: 1, network.KeepAliveIdle: 20e6, network.Listening: 0} {
		if got, err := accepted.Option(o); got != want || err != nil {
			h.Errorf("option %d of what it accepts = %d, %v; want %d", o, got, err, want)
		}
	}
	if client.SetOption(network.Listening, 1) == nil || client.SetOption(network.PendingError, 1) == nil {
		h.Error("an option that can't be set was set")
	}
	const unknown = network.Option(200)
	h.mustBe(network.ErrUnknownOption, client.SetOption(unknown, 1))
	_, err = client.Option(unknown)
	h.mustBe(network.ErrUnknownOption, err)

	u := h.udp()
	h.must(u.SetOption(network.Broadcast, 1))
	if got, err := u.Option(network.Broadcast); got != 1 || err != nil {
		h.Errorf("broadcast = %d, %v", got, err)
	}
	h.must(u.SetOption(network.HopLimit, 9))
	if got, err := u.Option(network.HopLimit); got != 9 || err != nil {
		h.Errorf("hop limit = %d, %v", got, err)
	}
	_, err = u.Option(network.KeepAliveIdle)
	h.mustBe(network.ErrUnknownOption, err)
}

func testEmptyBuffers(h *harness) {
	client, server := h.pair()
	if n, err := client.Write(nil); n != 0 || err != nil {
		h.Errorf("Write of nothing = %d, %v", n, err)
	}
	if n, err := server.Read(nil, false); n != 0 || err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		h.Errorf("Read of nothing = %d, %v", n, err)
	}
	h.write(client, "x")
	h.expect(server, "x")
}

// Both sides write more than fits anywhere, in pieces of every size, and read what the other has written.
func testTransfer(h *harness) {
	client, server := h.pair()
	const size = 3 << 20
	texts := [2]string{}
	for i := range texts {
		texts[i] = strings.Repeat(fmt.Sprintf("%d: all work and no play; ", i), size/22)
	}
	type side struct {
		conn    network.TCP
		toWrite string
		got     bytes.Buffer
		ended   bool
	}
	sides := [2]*side{{conn: client, toWrite: texts[0]}, {conn: server, toWrite: texts[1]}}
	buffer := make([]byte, 100_000)
	for round := 1; !sides[0].ended || !sides[1].ended; round++ {
		moved := false
		for _, s := range sides {
			if s.toWrite != "" {
				n, err := s.conn.Write([]byte(s.toWrite[:min(len(s.toWrite), round*977%100_000+1)]))
				if !errors.Is(err, hostcalls.ErrWouldBlock) {
					h.must(err)
				}
				s.toWrite = s.toWrite[n:]
				moved = moved || n > 0
				if s.toWrite == "" {
					h.must(s.conn.Shutdown(false, true))
				}
			}
			if s.ended {
				continue
			}
			n, err := s.conn.Read(buffer[:round*1979%len(buffer)+1], false)
			s.got.Write(buffer[:n])
			s.ended = errors.Is(err, io.EOF)
			if !s.ended && !errors.Is(err, hostcalls.ErrWouldBlock) {
				h.must(err)
			}
			moved = moved || n > 0 || s.ended
		}
		if !moved {
			h.waitForAny(client, server)
		}
	}
	for i, s := range sides {
		if s.got.String() != texts[1-i] {
			h.Errorf("side %d got %d bytes, which are not the %d that were sent", i, s.got.Len(), len(texts[1-i]))
		}
	}
}

func testAfterClose(h *harness) {
	client, server := h.pair()
	l := h.listen(loopback4)
	u := h.udp()
	for _, s := range []network.Socket{client, l, u} {
		h.must(s.Close())
		h.mustBe(network.ErrClosed, s.Bind(loopback4))
		h.mustBe(network.ErrClosed, s.SetOption(network.KeepAlive, 1))
		_, err := s.Option(network.KeepAlive)
		h.mustBe(network.ErrClosed, err)
		_ = s.Close() // does no harm
	}
	_, err := client.Read(make([]byte, 1), false)
	h.mustBe(network.ErrClosed, err)
	_, err = client.Write([]byte("x"))
	h.mustBe(network.ErrClosed, err)
	h.mustBe(network.ErrClosed, client.Shutdown(true, true))
	h.mustBe(network.ErrClosed, client.Connect(server.LocalAddr()))
	h.mustBe(network.ErrClosed, client.FinishConnect())
	h.mustBe(network.ErrClosed, l.Listen(1))
	_, err = l.Accept()
	h.mustBe(network.ErrClosed, err)
	_, _, _, err = u.ReadFrom(make([]byte, 1), false)
	h.mustBe(network.ErrClosed, err)
	_, err = u.WriteTo([]byte("x"), server.LocalAddr())
	h.mustBe(network.ErrClosed, err)
}
