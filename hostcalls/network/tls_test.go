package network_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	hostnet "github.com/reactord/reactord/hostcalls/network/host"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// dialTLS makes a connection with TLS to a listener.
func dialTLS(t testing.TB, s network.Stack, address string, config *tls.Config) (conn network.TCP, err error) {
	t.Helper()
	onFiber(t, func(c *hostcalls.Call, _ *driver.Driver) {
		var raw network.TCP
		if raw, err = network.Dial(c, s, nil, address, nil); err == nil {
			conn, err = network.ClientTLS(c, raw, nil, config)
		}
	})
	return conn, err
}

// connectTLS returns the two sides of a connection with TLS over a stack. The server's side is crypto/tls's own.
func connectTLS(t testing.TB, s network.Stack, at string, version uint16) (client network.TCP, server *tls.Conn, raw network.TCP) {
	t.Helper()
	a := newAuthority(t, "test")
	l := listen(t, s, at)
	accepted := make(chan network.TCP, 1)
	serving := make(chan *tls.Conn, 1)
	config := a.serverConfig(t, nil)
	config.MaxVersion = version
	ctx := t.Context()
	go func() {
		c, err := networktest.Accept(ctx, l)
		if err != nil {
			close(accepted)
			return
		}
		accepted <- c
		side := tls.Server(networktest.NetConn(c), config)
		_ = side.Handshake()
		serving <- side
	}()
	client, err := dialTLS(t, s, l.LocalAddr().String(), a.clientConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	server, raw = <-serving, <-accepted
	t.Cleanup(func() {
		_ = client.Close()
		_ = raw.Close()
	})
	return client, server, raw
}

var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// eachStack runs a test over the twin, over one that passes few bytes at a time, and over the host's network.
func eachStack(t *testing.T, test func(t *testing.T, s network.Stack, at string)) {
	t.Run("twin", func(t *testing.T) { test(t, networktest.New(), "127.0.0.1:443") })
	t.Run("in pieces", func(t *testing.T) {
		s := networktest.New()
		s.SetCapacity(3000)
		s.Fail(addrPort("127.0.0.1:443"), networktest.Faults{MaxRead: 97, MaxWrite: 101})
		test(t, s, "127.0.0.1:443")
	})
	t.Run("host", func(t *testing.T) {
		d := driver.New(driver.Config{})
		t.Cleanup(func() { _ = d.Close(context.Background()) })
		test(t, hostnet.New(d), "127.0.0.1:0")
	})
}

func readAll(t testing.TB, c network.TCP) (string, error) {
	t.Helper()
	var got bytes.Buffer
	p := make([]byte, 4000)
	for {
		n, err := hostcalls.ReadContext(t.Context(), network.Source(c), p)
		got.Write(p[:n])
		if err != nil {
			return got.String(), err
		}
	}
}

func writeAll(t testing.TB, c network.TCP, text string) {
	t.Helper()
	if _, err := hostcalls.WriteContext(t.Context(), network.Sink(c), []byte(text)); err != nil {
		t.Error(err)
	}
}

func TestTLSExchange(t *testing.T) {
	for name, version := range tlsVersions {
		t.Run(name, func(t *testing.T) {
			eachStack(t, func(t *testing.T, s network.Stack, at string) {
				client, server, _ := connectTLS(t, s, at, version)
				there, back := strings.Repeat("question ", 30_000), strings.Repeat("answer ", 40_000)
				var sides sync.WaitGroup
				sides.Go(func() {
					got, err := io.ReadAll(server)
					if string(got) != there || err != nil {
						t.Errorf("the server got %d bytes, %v; want %d", len(got), err, len(there))
					}
				})
				sides.Go(func() {
					_, err := io.WriteString(server, back)
					if err := errors.Join(err, server.CloseWrite()); err != nil {
						t.Error(err)
					}
				})
				sides.Go(func() {
					writeAll(t, client, there)
					if err := client.Shutdown(false, true); err != nil {
						t.Error(err)
					}
					if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
						t.Errorf("Write after Shutdown: %v", err)
					}
				})
				if got, err := readAll(t, client); got != back || !errors.Is(err, io.EOF) {
					t.Errorf("the client got %d bytes, %v; want %d", len(got), err, len(back))
				}
				sides.Wait()
			})
		})
	}
}

func TestTLSPeekAndLevel(t *testing.T) {
	client, server, _ := connectTLS(t, networktest.New(), "127.0.0.1:443", tls.VersionTLS13)
	p := make([]byte, 4)
	if n, err := client.Read(p, true); n != 0 || !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("peek without data = %d, %v", n, err)
	}
	if _, err := io.WriteString(server, "0123456789"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := client.Read(p, true); string(p[:n]) != "0123" || err != nil {
			t.Errorf("peek = %q, %v", p[:n], err)
		}
	}
	if n, hangup := client.Level(network.In); n != 10 || hangup {
		t.Errorf("level = %d, %v; want 10", n, hangup)
	}
	if n, err := client.Read(p, false); string(p[:n]) != "0123" || err != nil {
		t.Errorf("Read = %q, %v", p[:n], err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, client); got != "456789" || !errors.Is(err, io.EOF) {
		t.Errorf("the rest is %q, %v", got, err)
	}
	if n, hangup := client.Level(network.In); n != 0 || !hangup {
		t.Errorf("level at the end = %d, %v", n, hangup)
	}
}

// What the peer has sent is noticed also if crypto/tls has read it already together with what came before.
func TestTLSReadinessIsExact(t *testing.T) {
	client, server, _ := connectTLS(t, networktest.New(), "127.0.0.1:443", tls.VersionTLS13)
	for _, text := range []string{"one", "two"} {
		if _, err := io.WriteString(server, text); err != nil {
			t.Fatal(err)
		}
	}
	p := make([]byte, 1)
	for _, want := range "onetwo" {
		ready := false
		client.Notify(network.In, func() { ready = true })()
		if !ready {
			t.Fatalf("not ready before %q", want)
		}
		if _, err := client.Read(p, false); err != nil || rune(p[0]) != want {
			t.Fatalf("Read = %q, %v; want %q", p, err, want)
		}
	}
	if _, err := client.Read(p, false); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Read of nothing: %v", err)
	}
}

func TestTLSTruncated(t *testing.T) {
	for name, cut := range map[string]func(raw network.TCP, server *tls.Conn) error{
		"at a record": func(raw network.TCP, _ *tls.Conn) error { return raw.Close() },
		"half-closed": func(raw network.TCP, _ *tls.Conn) error { return raw.Shutdown(false, true) },
		"in a record": func(raw network.TCP, _ *tls.Conn) error {
			_, _ = raw.Write([]byte{23, 3, 3, 0, 100, 1, 2})
			return raw.Close()
		},
		"in a header": func(raw network.TCP, _ *tls.Conn) error { _, _ = raw.Write([]byte{23, 3}); return raw.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client, server, raw := connectTLS(t, networktest.New(), "127.0.0.1:443", tls.VersionTLS13)
			if _, err := io.WriteString(server, "some"); err != nil {
				t.Fatal(err)
			}
			if err := cut(raw, server); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, client)
			if got != "some" || !errors.Is(err, network.ErrTruncated) || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %q, %v; want ErrTruncated", got, err)
			}
			if _, again := client.Read(make([]byte, 1), false); !errors.Is(again, network.ErrTruncated) {
				t.Errorf("then %v", again)
			}
		})
	}
}

func TestTLSDamaged(t *testing.T) {
	client, _, raw := connectTLS(t, networktest.New(), "127.0.0.1:443", tls.VersionTLS13)
	if _, err := raw.Write(append([]byte{23, 3, 3, 0, 32}, make([]byte, 32)...)); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, client); got != "" || errors.Is(err, io.EOF) || err == nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTLSReset(t *testing.T) {
	s := networktest.New()
	client, _, _ := connectTLS(t, s, "127.0.0.1:443", tls.VersionTLS13)
	ready := make(chan struct{})
	defer client.Notify(network.In, func() { close(ready) })()
	s.Reset(addrPort("127.0.0.1:443"))
	<-ready
	if _, err := readAll(t, client); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read: %v", err)
	}
	if _, err := client.Write([]byte("x")); err == nil {
		t.Error("Write succeeded")
	}
}

// A peer that does not read makes the writer wait, and has it told when there is room.
func TestTLSBackpressure(t *testing.T) {
	s := networktest.New()
	s.SetCapacity(4000)
	client, server, _ := connectTLS(t, s, "127.0.0.1:443", tls.VersionTLS13)
	written := 0
	for {
		n, err := client.Write(make([]byte, 100_000))
		written += n
		if errors.Is(err, hostcalls.ErrWouldBlock) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if written > 4000+16<<10 {
		t.Errorf("%d bytes were accepted", written)
	}
	if n, hangup := client.Level(network.Out); n != 0 || hangup {
		t.Errorf("level = %d, %v", n, hangup)
	}
	ready := make(chan struct{})
	stop := client.Notify(network.Out, func() { close(ready) })
	defer stop()
	client.Notify(network.Out, func() { t.Error("a wait that was stopped was notified") })()
	// The guest does nothing any more, and all of it arrives.
	if _, err := io.ReadFull(server, make([]byte, written)); err != nil {
		t.Fatal(err)
	}
	<-ready
	if n, err := client.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
}

func TestTLSCloseDelivers(t *testing.T) {
	s := networktest.New()
	s.SetCapacity(4000)
	client, server, _ := connectTLS(t, s, "127.0.0.1:443", tls.VersionTLS13)
	written, err := client.Write(make([]byte, 16<<10))
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	stop := client.Notify(network.In, func() { close(ready) })
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	<-ready
	stop()
	if _, err := client.Read(make([]byte, 1), false); !errors.Is(err, network.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if got, err := io.ReadAll(server); len(got) != written || err != nil {
		t.Errorf("the server got %d bytes, %v; want %d", len(got), err, written)
	}
}

// A connection is closed just when all that it kept has been sent.
func TestTLSCloseWhenSent(t *testing.T) {
	s := networktest.New()
	s.SetCapacity(4000)
	client, server, raw := connectTLS(t, s, "127.0.0.1:443", tls.VersionTLS13)
	s.Fail(addrPort("127.0.0.1:443"), networktest.Faults{Full: true})
	written, err := client.Write([]byte("kept"))
	if err != nil {
		t.Fatal(err)
	}
	var received sync.WaitGroup
	received.Go(func() {
		if got, err := io.ReadAll(server); len(got) != written || err != nil {
			t.Errorf("the server got %q, %v", got, err)
		}
	})
	s.Fail(addrPort("127.0.0.1:443"), networktest.Faults{})
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	received.Wait()
	_ = raw.Close()
}

// A closed connection is not kept for a peer that does not read.
func TestTLSLingerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := networktest.New()
		s.SetCapacity(4000)
		client, _, raw := connectTLS(t, s, "127.0.0.1:443", tls.VersionTLS13)
		if _, err := client.Write(make([]byte, 16<<10)); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if _, hangup := raw.Level(network.In); hangup {
			t.Error("the connection ended at once")
		}
		for _, hangup := raw.Level(network.In); !hangup; _, hangup = raw.Level(network.In) {
			time.Sleep(time.Second) // in the bubble
		}
		if took := time.Since(begin); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("the connection ended after %v", took)
		}
	})
}

func TestTLSCostsNoGoroutine(t *testing.T) {
	client, _, _ := connectTLS(t, networktest.New(), "127.0.0.1:443", tls.VersionTLS13)
	defer client.Notify(network.In, func() {})()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, frame := range []string{"tlsConn", "tlsTransport"} {
		if bytes.Contains(stacks, []byte(frame)) {
			t.Errorf("a goroutine is in %s:\n%s", frame, stacks)
		}
	}
}

// FuzzTLSChunks passes bytes in both directions in pieces of every size, over a connection that passes few at a time.
func FuzzTLSChunks(f *testing.F) {
	for _, seed := range []uint64{1, 2, 3, 0xffff, 1 << 40} {
		f.Add(seed, uint16(1), uint16(1), uint16(700))
		f.Add(seed, uint16(4096), uint16(33), uint16(1))
	}
	f.Fuzz(func(t *testing.T, seed uint64, maxRead, maxWrite, capacity uint16) {
		random := mathrand.New(mathrand.NewPCG(seed, 1)) //nolint:gosec // not for secrets
		s := networktest.New()
		s.SetCapacity(int(capacity) + 1)
		client, server, _ := connectTLS(t, s, "127.0.0.1:443", tls.VersionTLS13)
		s.Fail(addrPort("127.0.0.1:443"), networktest.Faults{MaxRead: int(maxRead), MaxWrite: int(maxWrite)})
		text := strings.Repeat("abcdefghij", 1+random.IntN(2000))
		var echoing sync.WaitGroup
		echoing.Go(func() {
			_, _ = io.Copy(server, io.LimitReader(server, int64(len(text))))
			_ = server.CloseWrite()
		})
		toWrite, rest, p := text, text, make([]byte, 20_000)
		for rest != "" {
			progress := false
			if toWrite != "" {
				n, err := client.Write([]byte(toWrite[:1+random.IntN(len(toWrite))]))
				if err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
					t.Fatal(err)
				}
				toWrite, progress = toWrite[n:], n > 0
			}
			peek := random.IntN(4) == 0
			n, err := client.Read(p[:1+random.IntN(len(p))], peek)
			if err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) || !strings.HasPrefix(rest, string(p[:n])) {
				t.Fatalf("Read = %q, %v; want the beginning of %.100q", p[:n], err, rest)
			}
			if !peek {
				rest = rest[n:]
			}
			if !progress && n == 0 {
				awaitAny(client, toWrite != "")
			}
		}
		if rest, err := readAll(t, client); rest != "" || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %q, %v", rest, err)
		}
		echoing.Wait()
	})
}

// awaitAny waits until there is something to read or, if writing, room.
func awaitAny(c network.TCP, writing bool) {
	ready := make(chan struct{})
	once := sync.OnceFunc(func() { close(ready) })
	defer c.Notify(network.In, once)()
	if writing {
		defer c.Notify(network.Out, once)()
	}
	<-ready
}
