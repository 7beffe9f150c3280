package service

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// The time that a client is waited for counts against it, and what it has moved meanwhile or since for it.
func TestDrag(t *testing.T) {
	type wait struct {
		from, to time.Duration
		bytes    int
	}
	for _, tt := range []struct {
		name  string
		waits []wait
		since time.Duration // a wait that is not over; 0: none
		at    time.Duration
		want  time.Duration
	}{
		{name: "nothing"},
		{name: "it does not move", since: time.Second, at: 4 * time.Second, want: 3 * time.Second},
		{name: "it has moved at last", waits: []wait{{0, 4 * time.Second, slowRate}}, at: 4 * time.Second, want: 3 * time.Second},
		{name: "nobody waits for it", waits: []wait{{0, 4 * time.Second, slowRate}}, at: time.Hour, want: 3 * time.Second},
		{name: "it is as fast as it has to be", waits: []wait{{0, time.Second, slowRate}, {time.Second, 3 * time.Second, 2 * slowRate}}, at: 3 * time.Second},
		{name: "what it has moved before does not help", waits: []wait{{0, time.Second, 100 * slowRate}}, since: time.Second, at: 4 * time.Second, want: 3 * time.Second},
		{name: "byte by byte", waits: []wait{{0, time.Second, 1}, {time.Second, 2 * time.Second, 1}}, at: 2 * time.Second, want: 2*time.Second - 2*time.Second/slowRate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d drag
			for _, w := range tt.waits {
				d.begin(w.from)
				d.end(w.to, w.bytes)
			}
			if tt.since > 0 {
				d.begin(tt.since)
			}
			if got := d.of(tt.at); (got - tt.want).Abs() > time.Microsecond {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// pouring is a handler that answers with a body that has no end.
func pouring(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
	out := wasihttp.NewBodyOf(-1, false, func(out *wasihttp.Body) {
		go func() {
			out.Fill(context.Background(), zeros{}, nil)
			store.Do(func() error { x.Done(); return nil })
		}()
	})
	x.Answer(&wasihttp.Response{Status: 200, Fields: &wasihttp.Fields{}, Body: out}, nil)
	return nil, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// swallowing is a handler that answers when it has all of the body.
func swallowing(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
	from := x.Request.Body.Stream(context.Background())
	go func() {
		_, err := io.Copy(io.Discard, from)
		_ = from.Close()
		whole := err == nil
		store.Do(func() error {
			if whole {
				reply(store, x, "hello")
			} else {
				x.Answer(nil, &wasihttp.Error{Code: wasihttp.ConnectionTerminated})
				x.Done()
			}
			return nil
		})
	}()
	return nil, nil
}

// A client that is too slow gives up its place to a request that waits, whatever it is slow at; while none waits, it goes on.
func TestSlowClients(t *testing.T) {
	byPath := handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		switch x.Request.PathWithQuery {
		case "/pour":
			return pouring(store, x)
		case "/swallow":
			return swallowing(store, x)
		case "/echo":
			return echoing(store, x)
		}
		reply(store, x, "hello")
		return nil, nil
	})
	for _, path := range []string{"/pour", "/swallow", "/echo"} {
		for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(fmt.Sprintf("%s %s", version, path), func(t *testing.T) {
				r := start(t, abi.Service{Instances: 1, Concurrent: 1}, byPath)
				s := r.process.(*supervisor)
				s.mu.Lock()
				s.slow = 100 * time.Millisecond
				s.mu.Unlock()
				protocols := new(http.Protocols)
				protocols.SetHTTP1(version == "HTTP/1.1")
				protocols.SetUnencryptedHTTP2(version == "HTTP/2.0")
				transport := &http.Transport{Protocols: protocols}
				t.Cleanup(transport.CloseIdleConnections)

				body, writer := io.Pipe()
				t.Cleanup(func() { _ = writer.Close() })
				method, answered := http.MethodGet, make(chan *http.Response, 1)
				var sent io.Reader
				if path != "/pour" {
					method, sent = http.MethodPost, body
					go func() { _, _ = io.WriteString(writer, "a") }()
				}
				ctx, cancel := context.WithCancel(t.Context())
				t.Cleanup(cancel)
				req, _ := http.NewRequestWithContext(ctx, method, r.url+path, sent)
				go func() {
					resp, err := transport.RoundTrip(req) //nolint:bodyclose // whoever gets it closes it
					if err != nil {
						t.Error(err)
					}
					answered <- resp
				}()
				r.await("it has the instance", func(c abi.ServiceCounts) bool { return c.Active == 1 })
				time.Sleep(2 * tendEvery)
				if c := r.process.Counts(); c.Active != 1 || c.Failed > 0 {
					t.Errorf("while nobody waits: %+v", c)
				}
				if status, text := r.get("/"); status != http.StatusOK || text != "hello" {
					t.Errorf("who waited got %d %q", status, text)
				}
				resp := <-answered
				if resp == nil {
					return
				}
				defer func() { _ = resp.Body.Close() }()
				want := http.StatusOK
				if path == "/swallow" {
					want = http.StatusRequestTimeout
				}
				if resp.StatusCode != want {
					t.Errorf("the slow client got %s", resp.Status)
				}
				if _, err := io.Copy(io.Discard, resp.Body); (err == nil) != (path == "/swallow") {
					t.Errorf("the body of the slow client ends with %v", err)
				}
				r.await("it is counted", func(c abi.ServiceCounts) bool { return c.Active == 0 && c.Failed == 1 })
			})
		}
	}
}
