package service

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// A body of HTTP/2 that the component does not read ends its stream alone: the connection has others.
func TestUnreadBodyOfHTTP2(t *testing.T) {
	r := start(t, abi.Service{}, answering("hello"))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	var reused bool
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	for i := range 3 {
		body, writer := io.Pipe()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, r.url, body)
		go func() { _, _ = io.WriteString(writer, "unread") }()
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		b, err := io.ReadAll(resp.Body)
		_, _ = resp.Body.Close(), writer.Close()
		if err != nil || string(b) != "hello" || reused != (i > 0) {
			t.Errorf("request %d: %q, %v, on a connection that was used before: %v", i, b, err, reused)
		}
	}
}

// exchange sends raw bytes on a connection of their own, and returns the beginning of what comes back, until the connection ends.
func (r *running) exchange(raw string) string {
	r.t.Helper()
	c := r.dial()
	if _, err := io.WriteString(c, raw); err != nil {
		r.t.Fatal(err)
	}
	b, _ := io.ReadAll(io.LimitReader(c, 64<<10))
	return string(b)
}

// What clients may send that is not a plain request.
func TestOddRequests(t *testing.T) {
	var seen atomic.Pointer[wasihttp.Request]
	r := start(t, abi.Service{}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		seen.Store(x.Request)
		reply(store, x, "hello")
		return nil, nil
	}))
	const end = "Host: a\r\nConnection: close\r\n\r\n"
	for _, c := range []struct {
		name, raw string
		want      string // in the answer
		not       string // in the answer
		asked     string // of the component: method, authority, path
	}{
		{"plain", "GET /x?y=%20 HTTP/1.1\r\n" + end, "HTTP/1.1 200", "", "GET a /x?y=%20"},
		{"an encoded path", "GET /a%2Fb HTTP/1.1\r\n" + end, " 200 ", "", "GET a /a%2Fb"},
		{"an absolute target", "GET http://b/x HTTP/1.1\r\n" + end, " 200 ", "", "GET b /x"},
		{"everything", "OPTIONS * HTTP/1.1\r\n" + end, " 200 ", "", "OPTIONS a "},
		{"HEAD", "HEAD / HTTP/1.1\r\n" + end, " 200 ", "hello", "HEAD a /"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", " 200 ", "", "GET a /"},
		{"upgrade", "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nHost: a\r\n\r\n", " 200 ", " 101 ", "GET a /"},
		{"upgrade to HTTP/2", "GET / HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHost: a\r\n\r\n", " 200 ", " 101 ", "GET a /"},
		{"another method", "BREW /pot HTTP/1.1\r\n" + end, " 200 ", "", "BREW a /pot"},
		{"CONNECT", "CONNECT b:80 HTTP/1.1\r\n" + end, " 501 ", "", ""},
		{"no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", " 400 ", "", ""},
		{"two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + end + "ab", " 400 ", "", ""},
		{"a length and an encoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" +
			"GET /inner HTTP/1.1\r\nHost: a\r\n\r\n", "Connection: close", "hello\nHTTP", "POST a /"},
		{"a space before the colon", "GET / HTTP/1.1\r\nX : y\r\n" + end, " 400 ", "", ""},
		{"a length with a sign", "POST / HTTP/1.1\r\nContent-Length: +1\r\n" + end + "a", " 400 ", "", ""},
		{"an unknown encoding", "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n" + end, " 501 ", "", ""},
		{"a large head", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 100<<10) + "\r\n" + end, " 431 ", "", ""},
		{"no HTTP at all", "hello, here I am\r\n\r\n", " 400 ", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen.Store(nil)
			got := r.exchange(c.raw)
			if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("the answer is %.300q", got)
			}
			asked := ""
			if q := seen.Load(); q != nil {
				asked = q.Method + " " + q.Authority + " " + q.PathWithQuery
			}
			if asked != c.asked {
				t.Errorf("the component was asked %q", asked)
			}
		})
	}
}

// What a client sends as a body is never taken for a request, whether or not the component reads it.
func TestNothingIsSmuggled(t *testing.T) {
	const inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, c := range []struct {
		name string
		h    handler
		raw  string // the body is not complete when the answer comes
	}{
		{"not read, short", answering("hello"), fmt.Sprintf("POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(inner)+10, inner)},
		{"not read, long", answering("hello"), "POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + inner},
		{"not read, chunked", answering("hello"), fmt.Sprintf("POST /outer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", len(inner)+10, inner)},
		{"read in part", func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
			from := x.Request.Body.Stream(context.Background())
			go func() {
				_, _ = from.Read(make([]byte, 1))
				_ = from.Close()
				store.Do(func() error { reply(store, x, "hello"); return nil })
			}()
			return nil, nil
		}, fmt.Sprintf("POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(inner)+10, inner)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var paths []string
			count := handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
				paths = append(paths, x.Request.PathWithQuery)
				return c.h(store, x)
			})
			r := start(t, abi.Service{}, count)
			got := r.exchange(c.raw)
			r.end()
			if len(paths) != 1 || paths[0] != "/outer" || strings.Count(got, "HTTP/1.1") != 1 {
				t.Errorf("requests %q, and answers %q", paths, got)
			}
		})
	}
}

// Requests in a row on one connection are answered in their order.
func TestPipelining(t *testing.T) {
	r := start(t, abi.Service{}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		reply(store, x, x.Request.PathWithQuery)
		return nil, nil
	}))
	var raw strings.Builder
	for i := range 20 {
		fmt.Fprintf(&raw, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", i)
	}
	c := r.dial()
	_, _ = io.WriteString(c, raw.String())
	from := bufio.NewReader(c)
	for i := range 20 {
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != fmt.Sprintf("/%d", i) {
			t.Errorf("answer %d is %q", i, b)
		}
		_ = resp.Body.Close()
	}
}

// A client that waits to be told to send the body is told when the component reads it.
func TestContinue(t *testing.T) {
	r := start(t, abi.Service{}, handler(func(store *component.Store, x *wasihttp.Exchange) (func() error, error) {
		from := x.Request.Body.Stream(context.Background())
		go func() {
			b, _ := io.ReadAll(from)
			_ = from.Close()
			store.Do(func() error { reply(store, x, string(b)); return nil })
		}()
		return nil, nil
	}))
	c := r.dial()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	from := bufio.NewReader(c)
	if line, err := from.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatal(line, err)
	}
	_, _ = from.ReadString('\n')
	_, _ = io.WriteString(c, "hello")
	resp, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, err := io.ReadAll(resp.Body); string(b) != "hello" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}
