package bench

import (
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// The guests of the benchmarks of the network. testdata/network has their sources.
var (
	//go:embed testdata/network/echo.wasm
	echoGuest []byte
	//go:embed testdata/network/pump.wasm
	pumpGuest []byte
	//go:embed testdata/network/mux.wasm
	muxGuest []byte
	//go:embed testdata/network/client.wasm
	clientGuest []byte
)

const (
	// networkTime is how long each side is driven in one run.
	networkTime = 4 * time.Second
	// messageBytes is the size of a small message.
	messageBytes = 64
)

// BenchmarkEcho measures small messages that go to and fro on many connections, with one guest for each, against a native
// Go program with a goroutine for each. Both connect to the benchmark, which drives them in turn.
func BenchmarkEcho(b *testing.B) {
	for _, connections := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			for b.Loop() {
				l := listen(b)
				accepted := make(chan []net.Conn, 1)
				go func() { accepted <- accept(b, l, connections) }() // the program waits for all of them
				echo := startNative(b, "echo", l.Addr().String(), strconv.Itoa(connections))
				native := driveEcho(b, <-accepted, 0, networkTime)
				echo.stop()

				d := testkit.Start(b, b.TempDir())
				fillEcho(b, d, l, connections)
				guests := driveEcho(b, accept(b, l, connections), 0, networkTime)
				d.Stop()
				b.ReportMetric(guests, "messages/s")
				b.ReportMetric(native, "native/s")
				b.ReportMetric(guests/native, "x-native")
			}
		})
	}
}

// fillEcho submits guests that each connect to a listener and echo.
func fillEcho(b *testing.B, d *testkit.Daemon, l net.Listener, guests int) {
	b.Helper()
	spec := &reactorv1.WorkloadSpec{
		Module: d.Push(b, echoGuest), Grants: []*reactorv1.Grant{connectTo(l)}, Labels: map[string]string{"bench": "waiting"},
	}
	for left := guests; left > 0; left -= min(left, 5000) {
		d.SubmitMany(b, spec, min(left, 5000))
	}
}

// BenchmarkMux measures small messages on a thousand connections that one guest polls together, against a native Go
// program with a goroutine for each.
func BenchmarkMux(b *testing.B) {
	const connections = 1000
	for b.Loop() {
		mux := startNative(b, "mux")
		native := driveEcho(b, dialAll(b, mux.said, connections), 0, networkTime)
		mux.stop()

		d := testkit.Start(b, b.TempDir())
		address := serve(b, d, muxGuest, &reactorv1.Limits{Descriptors: 2048, PendingOps: 2048, Connections: 2048})
		guest := driveEcho(b, dialAll(b, address, connections), 0, networkTime)
		d.Stop()
		b.ReportMetric(guest, "messages/s")
		b.ReportMetric(native, "native/s")
		b.ReportMetric(guest/native, "x-native")
	}
}

// BenchmarkHTTP measures an unmodified net/http server, on 64 connections that are kept alive, against the same server
// compiled for this machine, and against the same guest in the thinnest host that uses wazero, without metering and with it.
func BenchmarkHTTP(b *testing.B) {
	const connections = 64
	guest := testkit.GoGuest(b, "../../examples/http")
	file := filepath.Join(b.TempDir(), "http.wasm")
	if err := os.WriteFile(file, guest, 0o600); err != nil {
		b.Fatal(err)
	}
	report := func(name string, l load) float64 {
		b.ReportMetric(l.perSecond, name+"/s")
		b.ReportMetric(l.cpu, name+"-cpu-us")
		return l.perSecond
	}
	for b.Loop() {
		var others []load
		for _, args := range [][]string{{"http"}, {"plain", file}, {"plain", file, "metered"}} {
			other := startNative(b, args...)
			others = append(others, driveHTTP(b, other.said, connections, other.pid))
			other.stop()
		}
		native, plain := report("native", others[0]), report("plain", others[1])
		report("metered", others[2])

		d := testkit.Start(b, b.TempDir())
		requests := report("requests", driveHTTP(b, serve(b, d, guest, nil), connections, d.PID))
		d.Stop()
		b.ReportMetric(requests/native, "x-native")
		b.ReportMetric(requests/plain, "x-plain")
	}
}

// clientRequest is what a client sends; the answer has answerBytes.
const (
	clientRequest = "GET / HTTP/1.1\r\nHost: local\r\n\r\n"
	answerBytes   = 128
)

// BenchmarkRequests measures requests that a thousand guests send to one server, with 16 for each connection that they
// open, against a native Go program with a goroutine for each client.
func BenchmarkRequests(b *testing.B) {
	const clients, requests = 1000, 16
	for b.Loop() {
		l := listen(b)
		served := serveAnswers(l)
		client := startNative(b, "client", l.Addr().String(), strconv.Itoa(clients), strconv.Itoa(requests), strconv.Itoa(answerBytes))
		native := rate(served)
		client.stop()

		d := testkit.Start(b, b.TempDir())
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ids := d.SubmitMany(b, &reactorv1.WorkloadSpec{
			Module: d.Push(b, clientGuest),
			Args:   []string{port, strconv.Itoa(requests), strconv.Itoa(answerBytes)},
			Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: l.Addr().String()}}}},
		}, clients)
		guests := rate(served)
		for _, id := range ids[:10] {
			w, err := d.Workloads.GetWorkload(b.Context(), &reactorv1.GetWorkloadRequest{Id: id})
			if s := w.GetWorkload().GetStatus(); err != nil || s.GetReason() != 0 {
				b.Fatalf("a client has ended: %v, %v", s, err)
			}
		}
		d.Stop()
		b.ReportMetric(guests, "requests/s")
		b.ReportMetric(native, "native/s")
		b.ReportMetric(guests/native, "x-native")
	}
}

// BenchmarkPump measures the bytes that one guest copies from one connection to another, against io.Copy (on Linux
// splice(2), which copies nothing to the program) and against a native program that does as the guest does.
func BenchmarkPump(b *testing.B) {
	report := func(name string, l load) float64 {
		b.ReportMetric(l.perSecond/1e6, name+"MB/s")
		b.ReportMetric(l.cpu*1e6, name+"cpu-us/MB")
		return l.perSecond
	}
	for b.Loop() {
		from, to := listen(b), listen(b)
		var others []load
		for _, name := range []string{"pump", "copy"} {
			other := startNative(b, name, from.Addr().String(), to.Addr().String())
			others = append(others, drivePump(b, accept(b, from, 1)[0], accept(b, to, 1)[0], other.pid))
			other.stop()
		}
		native, copying := report("native-", others[0]), report("copy-", others[1])

		d := testkit.Start(b, b.TempDir())
		d.Submit(b, &reactorv1.WorkloadSpec{
			Module: d.Push(b, pumpGuest), Grants: []*reactorv1.Grant{connectTo(from), connectTo(to)},
		})
		guest := report("", drivePump(b, accept(b, from, 1)[0], accept(b, to, 1)[0], d.PID))
		d.Stop()
		b.ReportMetric(guest/native, "x-native")
		b.ReportMetric(guest/copying, "x-copy")
	}
}

// BenchmarkPumpStreams does as BenchmarkPump with a component of WASI 0.3, whose connections are arguments of its call: 64 KiB go
// from a stream<u8> into its memory, and from there into another one. x-copy is of a native program that reads and writes.
func BenchmarkPumpStreams(b *testing.B) {
	component, err := os.ReadFile("../testdata/components/wire.wasm")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		from, to := listen(b), listen(b)
		native := startNative(b, "copy", from.Addr().String(), to.Addr().String())
		copying := drivePump(b, accept(b, from, 1)[0], accept(b, to, 1)[0], native.pid)
		native.stop()

		d := testkit.Start(b, b.TempDir())
		source, target := connectTo(from), connectTo(to)
		source.GetConnection().Name, target.GetConnection().Name = "source", "target"
		d.Submit(b, &reactorv1.WorkloadSpec{
			Module: d.Push(b, component), Grants: []*reactorv1.Grant{source, target},
			Call: &reactorv1.FunctionCall{Export: "relay", Args: []*reactorv1.Value{
				{Kind: &reactorv1.Value_Connection{Connection: "source"}}, {Kind: &reactorv1.Value_Connection{Connection: "target"}},
			}},
		})
		guest := drivePump(b, accept(b, from, 1)[0], accept(b, to, 1)[0], d.PID)
		d.Stop()
		b.ReportMetric(copying.perSecond/1e6, "copy-MB/s")
		b.ReportMetric(guest.perSecond/1e6, "MB/s")
		b.ReportMetric(copying.cpu*1e6, "copy-cpu-us/MB")
		b.ReportMetric(guest.cpu*1e6, "cpu-us/MB")
		b.ReportMetric(guest.perSecond/copying.perSecond, "x-copy")
		b.ReportMetric(copying.cpu/guest.cpu, "x-copy-by-cpu")
	}
}

// BenchmarkWaitingConnections measures what a guest costs that waits on a connection, as BenchmarkWaiting does.
func BenchmarkWaitingConnections(b *testing.B) {
	const guests = 10_000
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		warmUp(b, d, sleepingProgram(d.Push(b, examples.Sleeper), 1))
		idle := readMemory(b, d.PID)
		before := d.Stats(b).GetGoroutines()
		l := listen(b)
		fillEcho(b, d, l, guests)
		connections := accept(b, l, guests)
		await(b, d, func(s *reactorv1.Stats) bool { return s.GetWaiting() == guests })
		used := settle(b, d)
		reportPerGuest(b, used, idle, guests)
		b.ReportMetric(float64(d.Stats(b).GetGoroutines()-before)/guests, "goroutines/guest")
		b.ReportMetric(float64(used.resident)/(1<<20), "rss-MiB")
		for _, c := range connections {
			_ = c.Close()
		}
		d.Stop()
	}
}

// BenchmarkHogEcho measures what BenchmarkHog does, beside a thousand guests that echo: as many messages as they can, as in
// BenchmarkEcho, and 20,000 a second. In the first case the clients, too, use all the processor time that they can get.
func BenchmarkHogEcho(b *testing.B) {
	const connections = 1000
	for _, load := range []struct {
		name  string
		every time.Duration
	}{{"full", 0}, {"20000", connections * time.Second / 20_000}} {
		b.Run("load="+load.name, func(b *testing.B) {
			for b.Loop() {
				d := testkit.Start(b, b.TempDir())
				l := listen(b)
				fillEcho(b, d, l, connections)
				echoes := accept(b, l, connections)
				besideHogs(b, d, func() {
					b.ReportMetric(driveEcho(b, echoes, load.every, 6*time.Second), "messages/s")
				})
			}
		})
	}
}

// listen listens on loopback.
func listen(b *testing.B) net.Listener {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() }) // it may be closed already
	return l
}

// connectTo grants one connection to a listener.
func connectTo(l net.Listener) *reactorv1.Grant {
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: l.Addr().String()}}}
}

// serve runs a guest on a granted listener and returns its address.
func serve(b *testing.B, d *testkit.Daemon, guest []byte, limits *reactorv1.Limits) string {
	b.Helper()
	return serveSpec(b, d, &reactorv1.WorkloadSpec{Module: d.Push(b, guest), Limits: limits})
}

// serveSpec is serve for a spec without its grants.
func serveSpec(b *testing.B, d *testkit.Daemon, spec *reactorv1.WorkloadSpec) string {
	b.Helper()
	spec.Grants = []*reactorv1.Grant{{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: "127.0.0.1:0"}}}}
	id := d.Submit(b, spec)
	for {
		w, err := d.Workloads.GetWorkload(b.Context(), &reactorv1.GetWorkloadRequest{Id: id})
		if err != nil {
			b.Fatal(err)
		}
		s := w.GetWorkload().GetStatus()
		if s.GetReason() != reactorv1.EndReason_END_REASON_UNSPECIFIED {
			b.Fatalf("the server has ended: %v", s)
		}
		if addresses := s.GetListenAddresses(); len(addresses) > 0 {
			return addresses[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// accept accepts n connections. It may be called from any goroutine.
func accept(b *testing.B, l net.Listener, n int) []net.Conn {
	connections := make([]net.Conn, 0, n)
	for range n {
		c, err := l.Accept()
		if err != nil {
			b.Error(err)
			break
		}
		b.Cleanup(func() { _ = c.Close() }) // it may be closed already
		connections = append(connections, c)
	}
	return connections
}

func dialAll(b *testing.B, address string, n int) []net.Conn {
	b.Helper()
	connections := make([]net.Conn, n)
	for i := range connections {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() }) // it may be closed already
		connections[i] = c
	}
	return connections
}

// driveEcho sends a message on each connection, and the next one when it has come back, but not before every has passed. It
// returns the messages per second, and closes the connections.
func driveEcho(b *testing.B, connections []net.Conn, every, during time.Duration) float64 {
	b.Helper()
	var (
		messages atomic.Int64
		stopping atomic.Bool
		wg       sync.WaitGroup
	)
	began := time.Now()
	for i, c := range connections {
		wg.Go(func() {
			defer c.Close()
			message := make([]byte, messageBytes)
			next := began.Add(every * time.Duration(i) / time.Duration(len(connections))) // they take turns
			for !stopping.Load() {
				if every > 0 {
					time.Sleep(time.Until(next))
					next = next.Add(every)
				}
				if _, err := c.Write(message); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, message); err != nil {
					b.Error(err)
					return
				}
				messages.Add(1)
			}
		})
	}
	perSecond := rateFor(&messages, during)
	stopping.Store(true)
	wg.Wait()
	return perSecond
}

// driveHTTP sends requests to a process, on connections that are kept alive, as many as it answers.
func driveHTTP(b *testing.B, address string, connections, pid int) load {
	b.Helper()
	return driveHTTPEvery(b, address, connections, 0, pid)
}

// driveHTTPEvery does so at a rate: a request on each connection in every period.
func driveHTTPEvery(b *testing.B, address string, connections int, every time.Duration, pid int) load {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var (
		requests atomic.Int64
		stopping atomic.Bool
		wg       sync.WaitGroup
	)
	began := time.Now()
	for i := range connections {
		wg.Go(func() {
			next := began.Add(every * time.Duration(i) / time.Duration(connections)) // they take turns
			for !stopping.Load() {
				if every > 0 {
					time.Sleep(time.Until(next))
					next = next.Add(every)
				}
				resp, err := client.Get("http://" + address + "/hello/world")
				if err != nil {
					b.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close() // it has been read
				if err != nil || len(body) < 5 || !strings.EqualFold(string(body[:5]), "hello") {
					b.Errorf("%q, %v", body, err)
					return
				}
				requests.Add(1)
			}
		})
	}
	served := loadFor(b, &requests, pid)
	stopping.Store(true)
	wg.Wait()
	return served
}

// drivePump writes to one connection of a process, reads from another, and counts the bytes that come out.
func drivePump(b *testing.B, in, out net.Conn, pid int) load {
	b.Helper()
	var received atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 256<<10)
		for {
			if _, err := in.Write(buf); err != nil { // it was closed
				return
			}
		}
	})
	wg.Go(func() {
		buf := make([]byte, 256<<10)
		for {
			n, err := out.Read(buf)
			if err != nil { // it was closed
				return
			}
			received.Add(int64(n))
		}
	})
	moved := loadFor(b, &received, pid)
	_, _ = in.Close(), out.Close()
	wg.Wait()
	return moved
}

// serveAnswers answers the requests of clients that come to a listener, and counts them.
func serveAnswers(l net.Listener) *atomic.Int64 {
	var served atomic.Int64
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 64\r\nContent-Type: text/plain\r\n")
	answer = append(answer, strings.Repeat("x", answerBytes-len(answer))...)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil { // it was closed
				return
			}
			go func() {
				defer c.Close()
				request := make([]byte, len(clientRequest))
				for {
					if _, err := io.ReadFull(c, request); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
					served.Add(1)
				}
			}()
		}
	}()
	return &served
}

// rate returns how much a count grows in a second, once it grows.
func rate(count *atomic.Int64) float64 {
	for before := count.Load(); count.Load() == before; {
		time.Sleep(time.Millisecond)
	}
	return rateFor(count, networkTime)
}

// rateFor returns how much a count grows in a second, after a second in which the load begins.
func rateFor(count *atomic.Int64, during time.Duration) float64 {
	time.Sleep(time.Second)
	before, began := count.Load(), time.Now()
	time.Sleep(during)
	return float64(count.Load()-before) / time.Since(began).Seconds()
}

// load is what a process did in a second, and the processor time, in microseconds, that each took it.
type load struct{ perSecond, cpu float64 }

// loadFor is rateFor for what a process does.
func loadFor(b *testing.B, count *atomic.Int64, pid int) load {
	b.Helper()
	time.Sleep(time.Second)
	before, used, began := count.Load(), processCPU(b, pid), time.Now()
	time.Sleep(networkTime)
	done := float64(count.Load() - before)
	cpu := float64((processCPU(b, pid) - used).Microseconds())
	return load{perSecond: done / time.Since(began).Seconds(), cpu: cpu / done}
}
