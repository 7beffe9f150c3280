package service

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func (r *running) get(path string) (status int, text string) {
	r.t.Helper()
	resp, err := r.client.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// echoing is a handler that sends back what it gets, as it comes, with the trailers.
func echoing(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
	var left atomic.Int32
	left.Store(2)
	closed := func(error) {
		if left.Add(-1) == 0 {
			store.Do(func() error { x.Done(); return nil })
		}
	}
	in := x.Request.Body
	out := wasihttp.NewBodyOf(-1, false, func(out *wasihttp.Body) {
		from := in.Stream(context.Background())
		go func() {
			defer from.Close()
			out.Fill(context.Background(), from, func() (*wasihttp.Fields, error) { return in.Trailers(), nil })
			closed(nil)
		}()
	})
	out.OnClose(closed)
	x.Answer(&wasihttp.Response{Status: 200, Fields: &wasihttp.Fields{}, Body: out}, nil)
	return nil, nil
}

// silent is a handler that never answers, until it is cancelled if it can be.
func silent(canBeCancelled bool) handler {
	return func(_ *component.Store, x *wasihttp.Exchange) (func() error, error) {
		if !canBeCancelled {
			return nil, nil
		}
		return func() error {
			x.Answer(nil, &wasihttp.Error{Code: wasihttp.ConnectionTerminated})
			x.Done()
			return nil
		}, nil
	}
}

func TestServes(t *testing.T) {
	r := start(t, abi.Service{AccessLog: true}, answering("hello"))
	for range 3 {
		if status, text := r.get("/a?b"); status != http.StatusOK || text != "hello" {
			t.Errorf("%d %q", status, text)
		}
	}
	r.end()
	c := r.process.Counts()
	if c.Requests != 3 || c.Failed+c.Refused > 0 || c.Started == 0 {
		t.Errorf("%+v", c)
	}
	if n := strings.Count(r.log.String(), " GET /a HTTP/1.1 200 5 bytes in "); n != 3 {
		t.Errorf("the log: %s", r.log)
	}
}

// Both versions of HTTP stream in both directions at the same time, with trailers.
func TestEchoes(t *testing.T) {
	r := start(t, abi.Service{}, handler(echoing))
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(version, func(t *testing.T) {
			protocols := new(http.Protocols)
			protocols.SetHTTP1(version == "HTTP/1.1")
			protocols.SetUnencryptedHTTP2(version == "HTTP/2.0")
			transport := &http.Transport{Protocols: protocols}
			defer transport.CloseIdleConnections()
			for i := range 3 {
				body, writer := io.Pipe()
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, body)
				req.Trailer = http.Header{"X-Sum": nil}
				go func() { _, _ = io.WriteString(writer, "first") }()
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				first := make([]byte, 5)
				if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" || resp.Proto != version {
					t.Fatalf("%s: %q, %v", resp.Proto, first, err)
				}
				sent := make([]byte, 1<<20+i)
				_, _ = rand.Read(sent)
				go func() {
					_, _ = writer.Write(sent)
					req.Trailer.Set("X-Sum", "42")
					_ = writer.Close()
				}()
				got, err := io.ReadAll(resp.Body)
				if err != nil || !bytes.Equal(got, sent) || resp.Trailer.Get("X-Sum") != "42" {
					t.Errorf("%d bytes of %d, %v, trailers %v", len(got), len(sent), err, resp.Trailer)
				}
				_ = resp.Body.Close()
			}
		})
	}
}

// When all instances are busy requests wait, and when too many wait they are refused.
func TestFull(t *testing.T) {
	let := make(chan struct{})
	r := start(t, abi.Service{Instances: 1, Concurrent: 2, Queue: 3}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		go func() {
			<-let
			store.Do(func() error { reply(store, x, "hello"); return nil })
		}()
		return nil, nil
	}))
	answers := make(chan int)
	for range 5 {
		go func() {
			status, _ := r.get("/")
			answers <- status
		}()
	}
	r.await("two are active and three wait", func(c abi.ServiceCounts) bool { return c.Active == 2 && c.Waiting == 3 })
	resp, err := r.client.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
	}
	if ops := r.process.AppendOps(nil); len(ops) != 6 || ops[5].Target != "GET /" {
		t.Errorf("the operations are %v", ops)
	}
	close(let)
	for range 5 {
		if status := <-answers; status != http.StatusOK {
			t.Error(status)
		}
	}
	if c := r.process.Counts(); c.Refused != 1 || c.Requests != 6 {
		t.Errorf("%+v", c)
	}
}

// A request that is not answered in time is, by the host; the component is told, and ended if it does not listen.
func TestTimeout(t *testing.T) {
	for _, listens := range []bool{true, false} {
		t.Run(fmt.Sprintf("listens %t", listens), func(t *testing.T) {
			r := start(t, abi.Service{Timeout: 50 * time.Millisecond, Idle: time.Hour}, silent(listens))
			if status, text := r.get("/"); status != http.StatusGatewayTimeout {
				t.Errorf("%d %q", status, text)
			}
			want := 1
			if !listens {
				want = 0
			}
			r.await("its instance stays, or not", func(c abi.ServiceCounts) bool { return c.Active == 0 && c.Instances == want })
		})
	}
}

// A request that waits for an instance is answered in time by the host, too, and leaves the queue.
func TestTimeoutWhileWaiting(t *testing.T) {
	r := start(t, abi.Service{Instances: 1, Concurrent: 1, Timeout: 300 * time.Millisecond}, silent(true))
	c := r.dial()
	_, _ = io.WriteString(c, "GET /active HTTP/1.1\r\nHost: a\r\n\r\n")
	r.await("it is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
	if status, text := r.get("/"); status != http.StatusGatewayTimeout {
		t.Errorf("%d %q", status, text)
	}
	r.await("nothing is left", func(c abi.ServiceCounts) bool { return c.Active == 0 && c.Waiting == 0 })
}

// A client that goes takes its request along, wherever that is.
func TestClientGoes(t *testing.T) {
	r := start(t, abi.Service{Instances: 1, Concurrent: 1}, silent(true))
	c := r.dial()
	_, _ = io.WriteString(c, "GET /active HTTP/1.1\r\nHost: a\r\n\r\n")
	r.await("it is active", func(c abi.ServiceCounts) bool { return c.Active == 1 })
	waiting := r.dial()
	_, _ = io.WriteString(waiting, "GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n")
	r.await("another one waits", func(c abi.ServiceCounts) bool { return c.Waiting == 1 })
	_ = waiting.Close()
	r.await("none waits", func(c abi.ServiceCounts) bool { return c.Waiting == 0 && c.Active == 1 })
	_ = c.Close()
	r.await("none is active", func(c abi.ServiceCounts) bool { return c.Active == 0 && c.Failed == 2 })
}

// A component that traps when it is asked to give a request up is asked once: others wait for requests of the same instance.
func TestTrapsWhenAsked(t *testing.T) {
	let := make(chan struct{})
	r := start(t, abi.Service{Instances: 1}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		if x.Request.PathWithQuery == "/never" {
			return func() error { return &engine.Trap{Message: "ouch"} }, nil
		}
		go func() {
			<-let
			store.Do(func() error { reply(store, x, "hello"); return nil })
		}()
		return nil, nil
	}))
	neighbour := func() (status chan int) {
		status = make(chan int, 1)
		never := r.dial()
		_, _ = io.WriteString(never, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
		go func() {
			got, _ := r.get("/")
			status <- got
		}()
		r.await("both are active", func(c abi.ServiceCounts) bool { return c.Active == 2 })
		_ = never.Close()
		return status
	}
	if status := <-neighbour(); status != http.StatusInternalServerError {
		t.Errorf("the first time: %d", status)
	}
	status := neighbour()
	r.await("it was given up", func(c abi.ServiceCounts) bool { return c.Failed == 3 })
	close(let)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the second time: %d", got)
	}
	r.await("its instance has ended", func(c abi.ServiceCounts) bool { return c.Active == 0 && c.Instances == 0 })
	if n := strings.Count(r.log.String(), "ouch"); n != 1 {
		t.Errorf("the log: %s", r.log)
	}
}

// While an instance computes, requests that it was given go to another one, and those that nobody waits for are forgotten.
func TestComputes(t *testing.T) {
	let, begun := make(chan struct{}), make(chan string)
	r := start(t, abi.Service{Instances: 2}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		switch x.Request.PathWithQuery {
		case "/computes":
			begun <- "it computes"
			<-let
		case "/waits":
			go func() {
				<-let
				store.Do(func() error { reply(store, x, "hello"); return nil })
			}()
			begun <- "it waits"
			return nil, nil
		}
		reply(store, x, "hello")
		return nil, nil
	}))
	release := sync.OnceFunc(func() { close(let) })
	t.Cleanup(release)
	r.client.Timeout = 20 * time.Second
	answers := make(chan int, 2)
	ask := func(path string) {
		go func() {
			status, _ := r.get(path)
			answers <- status
		}()
		<-begun
	}
	ask("/computes")
	ask("/waits")
	gone := r.dial()
	_, _ = io.WriteString(gone, "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
	r.await("there is another one", func(c abi.ServiceCounts) bool { return c.Active == 3 })
	_ = gone.Close()
	r.await("it is gone", func(c abi.ServiceCounts) bool { return c.Active == 2 })
	for range 3 {
		if status, _ := r.get("/"); status != http.StatusOK {
			t.Error(status)
		}
	}
	release()
	for range 2 {
		if status := <-answers; status != http.StatusOK {
			t.Error(status)
		}
	}
	if c := r.process.Counts(); c.Started != 2 || c.Failed != 1 {
		t.Errorf("%+v", c)
	}
}

// A trap fails the requests of its instance; others have a new one. Traps within a short time end a service that has never answered,
// and no other: clients could end it.
func TestTraps(t *testing.T) {
	trap := &engine.Trap{Message: "ouch"}
	for _, works := range []bool{true, false} {
		t.Run(fmt.Sprintf("works=%v", works), func(t *testing.T) {
			r := start(t, abi.Service{Instances: 1}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
				if x.Request.PathWithQuery == "/trap" {
					return nil, trap
				}
				reply(store, x, "hello")
				return nil, nil
			}))
			if works {
				if status, text := r.get("/"); status != http.StatusOK || text != "hello" {
					t.Errorf("%d %q", status, text)
				}
			}
			for range maxTraps {
				resp, err := r.client.Get(r.url + "/trap")
				if err != nil {
					continue // the service has ended
				}
				_ = resp.Body.Close()
				if works && resp.StatusCode != http.StatusInternalServerError {
					t.Error(resp.StatusCode)
				}
			}
			if works {
				if status, text := r.get("/"); status != http.StatusOK || text != "hello" {
					t.Errorf("after the traps: %d %q", status, text)
				}
			} else {
				select {
				case <-r.ended:
				case <-time.After(10 * time.Second):
					t.Fatal("the service goes on")
				}
				if !errors.Is(r.result, error(trap)) {
					t.Errorf("it ended with %v", r.result)
				}
			}
			if !strings.Contains(r.log.String(), "ouch") {
				t.Errorf("the log: %s", r.log)
			}
		})
	}
}

// When the service ends, requests under way are answered, and no others are taken.
func TestDrain(t *testing.T) {
	let := make(chan struct{})
	r := start(t, abi.Service{}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		go func() {
			<-let
			store.Do(func() error { reply(store, x, "hello"); return nil })
		}()
		return nil, nil
	}))
	c := r.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	idle := r.dial()
	r.await("it is active", func(c abi.ServiceCounts) bool { return c.Active == 1 && c.Connections == 2 })
	r.task.Cancel(errCancelled)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		another, err := net.Dial("tcp", r.address)
		if err != nil {
			break
		}
		_ = another.Close()
		if time.Now().After(deadline) {
			t.Fatal("it still listens")
		}
	}
	close(let)
	b, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(b), "hello") || !strings.Contains(string(b), "Connection: close") {
		t.Errorf("%q, %v", b, err)
	}
	if n, _ := idle.Read(make([]byte, 1)); n > 0 {
		t.Error("the connection without a request got something")
	}
	<-r.ended
	if !errors.Is(r.result, errCancelled) {
		t.Errorf("it ended with %v", r.result)
	}
}

// Connections are as many as the workload may have; the one that is idle for longest makes room.
func TestConnections(t *testing.T) {
	r := start(t, abi.Service{}, answering("hello"), func(c *abi.Config) { c.Network.Sockets = 4 }) // the listener is one
	ask := func(c net.Conn) bool {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	}
	for i := range 10 {
		if !ask(r.dial()) {
			t.Fatalf("connection %d has no answer", i)
		}
		if n := r.process.Counts().Connections; n > 3 {
			t.Errorf("%d connections", n)
		}
	}
}

// A handler that answers what can't be sent is not answered for.
func TestBadAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(x *wasihttp.Exchange)
		want   int
	}{
		{"an error", func(x *wasihttp.Exchange) { x.Answer(nil, &wasihttp.Error{Code: wasihttp.LoopDetected}) }, 500},
		{"a status that is none of an answer", func(x *wasihttp.Exchange) {
			x.Answer(&wasihttp.Response{Status: 101, Fields: &wasihttp.Fields{}, Body: wasihttp.Empty()}, nil)
		}, 500},
		{"a body that fails at once", func(x *wasihttp.Exchange) {
			body := wasihttp.NewBodyOf(-1, false, func(*wasihttp.Body) {})
			_, _ = body.Writer().Write([]byte("hello"))
			body.Fail(&wasihttp.Error{Code: wasihttp.InternalError})
			x.Answer(&wasihttp.Response{Status: 200, Fields: &wasihttp.Fields{}, Body: body}, nil)
		}, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, abi.Service{}, handler(func(_ *component.Store, x *wasihttp.Exchange) (func() error, error) {
				c.answer(x)
				x.Done()
				return nil, nil
			}))
			if status, text := r.get("/"); status != c.want {
				t.Errorf("%d %q", status, text)
			}
			if !strings.Contains(r.log.String(), "GET /: ") {
				t.Errorf("the log does not say why: %s", r.log)
			}
		})
	}
}

// A body that fails after a part of it has gone out breaks the connection off: a client must not take it for complete.
func TestBrokenBody(t *testing.T) {
	r := start(t, abi.Service{}, handler(func(_ *component.Store, x *wasihttp.Exchange) (func() error, error) {
		body := wasihttp.NewBodyOf(-1, false, func(*wasihttp.Body) {})
		_, _ = body.Writer().Write([]byte("hello"))
		x.Answer(&wasihttp.Response{Status: 200, Fields: &wasihttp.Fields{}, Body: body}, nil)
		time.AfterFunc(50*time.Millisecond, func() { body.Fail(&wasihttp.Error{Code: wasihttp.InternalError}) })
		x.Done()
		return nil, nil
	}))
	resp, err := r.client.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); string(b) != "hello" || err == nil {
		t.Errorf("%q, %v", b, err)
	}
}
