package networktest

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls/network"
)

var waitTests = []conformanceTest{
	{"ReadyAtOnce", testReadyAtOnce},
	{"ReadyByData", testReadyByData},
	{"ReadyByTheEnd", testReadyByTheEnd},
	{"ReadyByRoom", testReadyByRoom},
	{"ReadyByConnection", testReadyByConnection},
	{"AgainAndAgain", testAgainAndAgain},
	{"Many", testManyWaits},
	{"ManySockets", testManySockets},
	{"Stop", testStop},
	{"StopAgainstReady", testStopAgainstReady},
	{"CloseNotifies", testCloseNotifies},
	{"AfterClose", testNotifyAfterClose},
	{"CloseFromElsewhere", testCloseFromElsewhere},
	{"Level", testLevel},
	{"CostNoGoroutine", testCostNoGoroutine},
}

// waitForAny waits until one of two sockets is ready, in any direction.
func (h *harness) waitForAny(a, b network.Socket) {
	h.Helper()
	ready := make(chan struct{})
	once := sync.OnceFunc(func() { close(ready) })
	for _, s := range []network.Socket{a, b} {
		defer s.Notify(network.In, once)()
		defer s.Notify(network.Out, once)()
	}
	h.receive(ready)
}

// now tells whether a socket says at once that it is ready.
func now(s network.Socket, d network.Direction) bool {
	var called atomic.Bool
	s.Notify(d, func() { called.Store(true) })()
	return called.Load()
}

func testReadyAtOnce(h *harness) {
	client, server := h.pair()
	if !now(client, network.Out) {
		h.Error("a new connection has no room")
	}
	h.write(client, "x")
	h.wait(server, network.In)
	for range 3 { // a wait takes nothing away
		if !now(server, network.In) {
			h.Error("a socket with data is not ready at once")
		}
	}
	h.expect(server, "x")
}

func testReadyByData(h *harness) {
	client, server := h.pair()
	ready := make(chan struct{})
	defer server.Notify(network.In, sync.OnceFunc(func() { close(ready) }))()
	h.write(client, "x")
	h.receive(ready)
	h.expect(server, "x")
}

func testReadyByTheEnd(h *harness) {
	for _, end := range []func(c network.TCP) error{
		func(c network.TCP) error { return c.Shutdown(false, true) },
		func(c network.TCP) error { return c.Close() },
	} {
		client, server := h.pair()
		ready := make(chan struct{})
		stop := server.Notify(network.In, sync.OnceFunc(func() { close(ready) }))
		h.must(end(client))
		h.receive(ready)
		stop()
		if !now(server, network.In) {
			h.Error("a stream at its end is not ready at once")
		}
	}
}

func testReadyByRoom(h *harness) {
	client, server := h.pair()
	total := h.fill(client)
	ready := make(chan struct{})
	stop := client.Notify(network.Out, sync.OnceFunc(func() { close(ready) }))
	defer stop()
	_, err := h.read(server, total)
	h.must(err)
	h.receive(ready)
	h.write(client, "more")
	h.expect(server, "more")
}

func testReadyByConnection(h *harness) {
	l := h.listen(loopback4)
	ready := make(chan struct{})
	defer l.Notify(network.In, sync.OnceFunc(func() { close(ready) }))()
	_, err := h.connect(l.LocalAddr())
	h.must(err)
	h.receive(ready)
	if !now(l, network.In) {
		h.Error("a listener with a connection is not ready at once")
	}
	h.accept(l)
}

// Readiness is found anew each time, also when what was there was only partly read.
func testAgainAndAgain(h *harness) {
	client, server := h.pair()
	for range 200 {
		h.write(client, "ab")
		h.wait(server, network.In)
		h.expect(server, "a")
		h.wait(server, network.In)
		h.expect(server, "b")
		h.write(server, "c")
		h.expect(client, "c")
	}
}

func testManyWaits(h *harness) {
	client, server := h.pair()
	total := h.fill(client)
	const each = 50
	var notified sync.WaitGroup
	var stops []func()
	for range each {
		for _, d := range []network.Direction{network.In, network.Out} {
			notified.Add(1)
			stops = append(stops, client.Notify(d, sync.OnceFunc(notified.Done)))
		}
	}
	h.write(server, "x")
	_, err := h.read(server, total)
	h.must(err)
	done := make(chan struct{})
	go func() { notified.Wait(); close(done) }()
	h.receive(done)
	for _, stop := range stops {
		stop()
	}
}

func testManySockets(h *harness) {
	l := h.listen(loopback4)
	const n = 30
	var servers []network.TCP
	ready := make(chan int, 10*n)
	for i := range n {
		client, err := h.connect(l.LocalAddr())
		h.must(err)
		server := h.accept(l)
		servers = append(servers, server)
		defer client.Notify(network.In, func() { ready <- i })()
	}
	for i := n - 1; i >= 0; i-- {
		h.write(servers[i], "x")
	}
	seen := map[int]bool{}
	for len(seen) < n {
		seen[<-ready] = true
	}
}

func testStop(h *harness) {
	client, server := h.pair()
	var called atomic.Bool
	for range 3 {
		stop := server.Notify(network.In, func() { called.Store(true) })
		stop()
		stop()
	}
	if called.Swap(false) {
		h.Log("it was notified before it was stopped, which is spurious and allowed")
	}
	h.write(client, "x")
	h.wait(server, network.In)
	if called.Load() {
		h.Error("a wait was notified after it was stopped")
	}
}

// Waits that are stopped just when they are notified.
func testStopAgainstReady(h *harness) {
	client, server := h.pair()
	for range 200 {
		var stopped, late atomic.Bool
		stop := server.Notify(network.In, func() {
			if stopped.Load() {
				late.Store(true)
			}
		})
		var stopping sync.WaitGroup
		stopping.Go(func() {
			stop()
			stopped.Store(true)
		})
		h.write(client, "x")
		h.expect(server, "x")
		stopping.Wait()
		if late.Load() {
			h.Fatal("a wait was notified after its stop had returned")
		}
	}
}

func testCloseNotifies(h *harness) {
	client, _ := h.pair()
	h.fill(client)
	u := h.udp()
	h.must(u.Bind(loopback4))
	var notified sync.WaitGroup
	wait := func(s network.Socket, d network.Direction) {
		notified.Add(1)
		s.Notify(d, sync.OnceFunc(notified.Done))
	}
	l := h.listen(loopback4)
	for range 3 {
		wait(client, network.In)
		wait(client, network.Out)
		wait(l, network.In)
		wait(u, network.In)
	}
	for _, s := range []network.Socket{client, l, u} {
		h.must(s.Close())
	}
	done := make(chan struct{})
	go func() { notified.Wait(); close(done) }()
	h.receive(done)
}

func testNotifyAfterClose(h *harness) {
	client, _ := h.pair()
	l := h.listen(loopback4)
	u := h.udp()
	for _, s := range []network.Socket{client, l, u} {
		stop := s.Notify(network.In, func() {})
		h.must(s.Close())
		for _, d := range []network.Direction{network.In, network.Out} {
			if !now(s, d) {
				h.Errorf("%T that is closed is not ready for %d at once", s, d)
			}
		}
		stop() // of a wait that began before
	}
}

// A socket may be closed on another goroutine, while it is in use.
func testCloseFromElsewhere(h *harness) {
	for range 20 {
		client, server := h.pair()
		h.write(server, "x")
		started := make(chan struct{})
		start := sync.OnceFunc(func() { close(started) })
		var closing sync.WaitGroup
		closing.Go(func() {
			<-started
			_ = client.Close()
		})
		var err error
		for p := make([]byte, 8); !errors.Is(err, network.ErrClosed); {
			for range 10 {
				if _, err = client.Read(p, false); errors.Is(err, network.ErrClosed) {
					break
				}
				if _, err = client.Write(p); errors.Is(err, network.ErrClosed) {
					break
				}
				client.Level(network.In)
				client.Notify(network.In, func() {})()
			}
			start()
		}
		closing.Wait()
	}
}

func testLevel(h *harness) {
	client, server := h.pair()
	if n, hangup := server.Level(network.In); n != 0 || hangup {
		h.Errorf("level without data = %d, %v", n, hangup)
	}
	if n, hangup := client.Level(network.Out); n < 1 || hangup {
		h.Errorf("level for writing = %d, %v", n, hangup)
	}
	h.write(client, "12345")
	for n := 0; n < 5; { // they may come one by one
		h.wait(server, network.In)
		n, _ = server.Level(network.In)
	}
	h.expect(server, "123")
	if n, hangup := server.Level(network.In); n != 2 || hangup {
		h.Errorf("level after reading 3 of 5 = %d, %v", n, hangup)
	}
	h.expect(server, "45")
	h.must(client.Close())
	h.wait(server, network.In)
	for n, hangup := server.Level(network.In); n != 0 || !hangup; n, hangup = server.Level(network.In) {
		h.wait(server, network.In) // it may have been spurious
	}
	l := h.listen(loopback4)
	if n, hangup := l.Level(network.In); n != 0 || hangup {
		h.Errorf("level of a listener without a connection = %d, %v", n, hangup)
	}
	_, err := h.connect(l.LocalAddr())
	h.must(err)
	h.wait(l, network.In)
	if n, hangup := l.Level(network.In); n != 1 || hangup {
		h.Errorf("level of a listener with a connection = %d, %v", n, hangup)
	}
	u, to := h.boundUDP()
	_, err = u.WriteTo([]byte("123"), to)
	h.must(err)
	h.wait(u, network.In)
	if n, hangup := u.Level(network.In); n < 1 || hangup {
		h.Errorf("level of a socket with a datagram = %d, %v", n, hangup)
	}
}

// boundUDP returns a UDP socket and its address.
func (h *harness) boundUDP() (network.UDP, netip.AddrPort) {
	h.Helper()
	u := h.udp()
	h.must(u.Bind(loopback4))
	return u, u.LocalAddr()
}

func testCostNoGoroutine(h *harness) {
	if runtime.GOOS != "linux" {
		h.Skip("waits cost a goroutine there")
	}
	client, _ := h.pair()
	h.wait(client, network.Out)
	before := runtime.NumGoroutine()
	for range 500 {
		defer client.Notify(network.In, func() {})()
	}
	if more := runtime.NumGoroutine() - before; more > 50 {
		h.Errorf("500 waits took %d goroutines", more)
	}
}
