package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// access is an Access of a test.
type access struct {
	grant     network.Grant
	err       error
	forbidden func(to netip.AddrPort) bool
	mu        sync.Mutex
	asked     []string
}

func (a *access) Request(t *Target) (network.Grant, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, t.Method+" "+t.Origin()+t.Path)
	return a.grant, a.err
}

func (a *access) Connect(_ *Target, to netip.AddrPort) error {
	if a.forbidden != nil && a.forbidden(to) {
		return network.ErrNotGranted
	}
	return nil
}

// names is a stack whose names lead where they are told.
type names struct {
	network.Stack
	addrs map[string][]netip.Addr
}

func (n names) Lookup(_ context.Context, _ network.Family, name string) ([]netip.Addr, error) {
	if found := n.addrs[name]; found != nil {
		return found, nil
	}
	return nil, &net.DNSError{Name: name, Err: "no such host", IsNotFound: true}
}

// fixture is a client, and a server to send requests to.
type fixture struct {
	*testing.T
	client *Client
	access *access
	server *httptest.Server
	budget *hostcalls.Budget

	mu       sync.Mutex // guards failures
	failures []string
}

// told returns the failures that were told since the last time.
func (f *fixture) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.failures
	f.failures = nil
	return list
}

func newFixture(t *testing.T, config Config, handler http.HandlerFunc) *fixture {
	t.Helper()
	f := &fixture{T: t, access: &access{}, server: httptest.NewServer(handler), budget: hostcalls.NewBudget(100)}
	config.Access, config.Budget, config.Owner = f.access, f.budget, "w"
	config.OnFailure = func(kind hostcalls.OpKind, origin string, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.failures = append(f.failures, fmt.Sprintf("%v %s: %v", kind, origin, err))
	}
	if config.Stack == nil {
		config.Stack = names{networktest.New(), map[string][]netip.Addr{"a.example": {netip.MustParseAddr("127.0.0.1")}}}
	}
	f.client = New(config)
	t.Cleanup(func() {
		f.client.Close()
		f.server.Close()
		for range 1000 {
			if used, _ := f.budget.Use(); used == 0 && f.client.Open() == 0 && len(f.client.requests) == 0 {
				return
			}
			time.Sleep(time.Millisecond)
		}
		used, _ := f.budget.Use()
		t.Errorf("%d connections, %d descriptors and %d requests are left", f.client.Open(), used, len(f.client.requests))
	})
	return f
}

// request makes a request to the server, without a body.
func (f *fixture) request(method, path string) *wasihttp.Request {
	return &wasihttp.Request{
		Method: method, Scheme: "http", Authority: strings.TrimPrefix(f.server.URL, "http://"), PathWithQuery: path,
		Fields: &wasihttp.Fields{}, Body: wasihttp.Empty(),
	}
}

type answer struct {
	response *wasihttp.Response
	err      error
}

// begin begins to send a request.
func (f *fixture) begin(r *wasihttp.Request) (answers chan answer, cancel func()) {
	answers = make(chan answer, 1)
	_, cancel = f.client.Send(r, func(r *wasihttp.Response, err error) { answers <- answer{r, err} })
	return answers, cancel
}

// send sends a request, and returns the response with its body, or the code of the error.
func (f *fixture) send(r *wasihttp.Request) (response *wasihttp.Response, body string, code wasihttp.Code) {
	f.Helper()
	answers, _ := f.begin(r)
	a := <-answers
	if a.err != nil {
		return nil, "", wasihttp.AsError(a.err).Code
	}
	stream := a.response.Body.Stream(f.Context())
	b, err := io.ReadAll(stream)
	_ = stream.Close()
	if err != nil {
		return a.response, string(b), wasihttp.AsError(err).Code
	}
	return a.response, string(b), ok
}

// ok is no code.
const ok = wasihttp.Code(255)

func TestRequest(t *testing.T) {
	f := newFixture(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Seen", strings.Join([]string{r.Method, r.RequestURI, r.Host, r.Header.Get("User-Agent"), r.Header.Get("a"), string(body), r.Trailer.Get("sum")}, "|"))
		w.Header().Set("Location", "http://elsewhere.example/")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "moved")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"After", "all")
	})
	r := f.request("POST", "/x%2Fy?q=é")
	for _, field := range [][2]string{{"a", "b"}, {"trailer", "sum"}} {
		if err := r.Fields.Append(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if r.Body, err = wasihttp.NewBody(r.Fields, true); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	r.Body.OnClose(func(err error) { sent <- err })
	trailers := &wasihttp.Fields{}
	_ = trailers.Append("sum", "1")
	go r.Body.Fill(t.Context(), strings.NewReader("content"), func() (*wasihttp.Fields, error) { return trailers, nil })
	response, body, code := f.send(r)
	if code != ok || response.Status != http.StatusFound || body != "moved" {
		t.Fatalf("got %+v, %q, %v: a redirect is an answer", response, body, code)
	}
	want := "POST|/x%2Fy?q=%C3%A9|" + r.Authority + "||b|content|1"
	if got := response.Fields.Get("x-seen"); len(got) != 1 || got[0] != want {
		t.Errorf("the server has seen %q, want %q", got, want)
	}
	if after := response.Body.Trailers(); after == nil || after.Get("after")[0] != "all" {
		t.Errorf("the trailers are %v", after)
	}
	if err := <-sent; err != nil {
		t.Errorf("the body was sent with %v", err)
	}
	if got := f.access.asked[0]; got != "POST "+f.server.URL+"/x/y" {
		t.Errorf("asked for %s", got)
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	at := strings.TrimPrefix(f.server.URL, "http://")
	_, port, _ := net.SplitHostPort(at)
	failures := map[string]string{ // and what is told of them
		"granted":           "[]",
		"no grant":          "http " + f.server.URL + ": network: no grant covers it",
		"a revoked grant":   "http " + f.server.URL + ": network: the grant was revoked",
		"no such name":      "http http://nobody.example:81: lookup nobody.example: no such host",
		"nobody there":      "http http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused",
		"a forbidden place": "http http://127.0.0.2: destination-IP-prohibited",
	}
	for name, tt := range map[string]struct {
		change func(r *wasihttp.Request)
		err    error
		want   wasihttp.Code
	}{
		"granted":           {func(*wasihttp.Request) {}, nil, ok},
		"by name":           {func(r *wasihttp.Request) { r.Authority = "A.example.:" + port }, nil, ok},
		"no grant":          {func(*wasihttp.Request) {}, network.ErrNotGranted, wasihttp.RequestDenied},
		"a revoked grant":   {func(*wasihttp.Request) {}, network.ErrRevoked, wasihttp.RequestDenied},
		"no authority":      {func(r *wasihttp.Request) { r.Authority = "" }, nil, wasihttp.RequestURIInvalid},
		"a user":            {func(r *wasihttp.Request) { r.Authority = "me@" + at }, nil, wasihttp.RequestURIInvalid},
		"another scheme":    {func(r *wasihttp.Request) { r.Scheme = "ftp" }, nil, wasihttp.RequestURIInvalid},
		"TLS to none":       {func(r *wasihttp.Request) { r.Scheme = "" }, nil, wasihttp.TLSProtocolError},
		"a tunnel":          {func(r *wasihttp.Request) { r.Method = "CONNECT" }, nil, wasihttp.RequestMethodInvalid},
		"a relative path":   {func(r *wasihttp.Request) { r.PathWithQuery = "a" }, nil, wasihttp.RequestURIInvalid},
		"a broken path":     {func(r *wasihttp.Request) { r.PathWithQuery = "/%" }, nil, wasihttp.RequestURIInvalid},
		"an odd address":    {func(r *wasihttp.Request) { r.Authority = "127.1:" + port }, nil, wasihttp.RequestURIInvalid},
		"no such name":      {func(r *wasihttp.Request) { r.Authority = "nobody.example:81" }, nil, wasihttp.DNSError},
		"nobody there":      {func(r *wasihttp.Request) { r.Authority = "127.0.0.1:1" }, nil, wasihttp.ConnectionRefused},
		"a forbidden place": {func(r *wasihttp.Request) { r.Authority = "127.0.0.2:80" }, nil, wasihttp.DestinationIPProhibited},
	} {
		f.access.err = tt.err
		f.access.forbidden = func(to netip.AddrPort) bool { return to.Addr() == netip.MustParseAddr("127.0.0.2") }
		r := f.request("GET", "/")
		tt.change(r)
		if _, _, code := f.send(r); code != tt.want {
			t.Errorf("%s: %v, want %v", name, code, tt.want)
		}
		told := fmt.Sprint(f.told())
		if want, known := failures[name]; known && !strings.Contains(told, want) {
			t.Errorf("%s: told of %s, want %s", name, told, want)
		}
	}
}

// grant is a network.Grant of a test.
type grant struct {
	mu   sync.Mutex
	tell func()
	open int
}

func (*grant) String() string { return "--http x" }

func (g *grant) OnRevoke(tell func()) (stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell = tell
	return func() {}
}

func (g *grant) Opened() { g.count(1) }
func (g *grant) Closed() { g.count(-1) }

func (g *grant) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open += n
}

// A request ends in whatever state it is when its grant is revoked, it is given up, its client is closed, or it takes too long.
func TestEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(f *fixture, g *grant, cancel func())
		want wasihttp.Code
	}{
		"revoked":  {func(_ *fixture, g *grant, _ func()) { g.tell() }, wasihttp.RequestDenied},
		"given up": {func(_ *fixture, _ *grant, cancel func()) { cancel() }, wasihttp.ConnectionTerminated},
		"closed":   {func(f *fixture, _ *grant, _ func()) { f.client.Close() }, wasihttp.InternalError},
		"late":     {func(*fixture, *grant, func()) {}, wasihttp.ResponseTimeout},
	} {
		for _, headed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				began, over := make(chan struct{}), make(chan struct{})
				f := newFixture(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
					if headed {
						_, _ = io.WriteString(w, "a")
						_ = http.NewResponseController(w).Flush()
					}
					close(began)
					select {
					case <-r.Context().Done():
					case <-over:
					}
				})
				defer close(over)
				g := &grant{}
				f.access.grant = g
				r := f.request("GET", "/")
				if name == "late" {
					soon := wasihttp.Timeout{Nanoseconds: uint64(20 * time.Millisecond), Set: true}
					r.Options = &wasihttp.Options{FirstByte: soon, BetweenBytes: soon}
				}
				answers, cancel := f.begin(r)
				<-began
				want := tt.want
				var err error
				if headed {
					a := <-answers
					if a.err != nil {
						t.Fatal(a.err)
					}
					tt.end(f, g, cancel)
					stream := a.response.Body.Stream(t.Context())
					_, err = io.ReadAll(stream)
					_ = stream.Close()
					if name == "late" {
						want = wasihttp.ConnectionReadTimeout
					}
				} else {
					tt.end(f, g, cancel)
					err = (<-answers).err
				}
				if err == nil || wasihttp.AsError(err).Code != want {
					t.Errorf("it ends with %v, want %v", err, want)
				}
				if told, failed := f.told(), !headed && (name == "revoked" || name == "late"); (len(told) == 1) != failed {
					t.Errorf("told of %q", told)
				}
				g.mu.Lock()
				defer g.mu.Unlock()
				if g.open != 0 {
					t.Errorf("%d are open by the grant", g.open)
				}
			})
		}
	}
}

// A client has so many connections and no more. Idle ones make room.
func TestConnectionsAreBounded(t *testing.T) {
	over := make(chan struct{})
	f := newFixture(t, Config{Connections: 2}, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-over
		}
	})
	var waiting []chan answer
	for range 2 {
		answers, _ := f.begin(f.request("GET", "/wait"))
		waiting = append(waiting, answers)
	}
	for f.client.Open() < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, _, code := f.send(f.request("GET", "/")); code != wasihttp.ConnectionLimitReached {
		t.Errorf("the third one: %v", code)
	}
	close(over)
	for _, answers := range waiting {
		if a := <-answers; a.err != nil {
			t.Error(a.err)
		} else {
			a.response.Body.Close(nil)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	r := f.request("GET", "/")
	r.Authority = strings.TrimPrefix(other.URL, "http://")
	if _, _, code := f.send(r); code != ok {
		t.Errorf("with two idle ones: %v", code)
	}
}

// What passes counts as the workload's, and no more passes than may.
func TestTraffic(t *testing.T) {
	traffic := network.NewTraffic(nil, network.TrafficLimits{Received: 10_000})
	f := newFixture(t, Config{Traffic: traffic}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	_, body, code := f.send(f.request("GET", "/"))
	for deadline := time.Now().Add(10 * time.Second); traffic.Sent() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // it is counted when the write has returned, which may be after the answer
	}
	if code != wasihttp.ConnectionLimitReached || len(body) > 10_000 || traffic.Received() != 10_000 || traffic.Sent() == 0 {
		t.Errorf("%d bytes, then %v; %d received and %d sent", len(body), code, traffic.Received(), traffic.Sent())
	}
}

// Hostile servers get an error.
func TestServers(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, tt := range map[string]struct {
		answer string
		want   wasihttp.Code
	}{
		"a header bomb":       {"HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 100_000) + "\r\n", wasihttp.ResponseHeaderSectionSize},
		"a trailer bomb":      {chunked + "0\r\n" + strings.Repeat("a: b\r\n", 100_000) + "\r\n", wasihttp.ResponseTrailerSectionSize},
		"no chunk":            {chunked + "-1\r\nabc\r\n", wasihttp.ProtocolError},
		"a huge chunk":        {chunked + "fffffffffffffffff\r\nabc\r\n", wasihttp.ProtocolError},
		"extensions":          {chunked + strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\na\r\n", 100), wasihttp.ProtocolError},
		"no header":           {"HTTP/1.1 200 OK\r\na : b\r\n\r\n", wasihttp.ProtocolError},
		"a NUL in a header":   {"HTTP/1.1 200 OK\r\na: b\x00c\r\n\r\n", wasihttp.ProtocolError},
		"no length":           {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", wasihttp.ProtocolError},
		"half a head":         {"HTTP/1.1 200 OK\r\na: b", wasihttp.ResponseIncomplete},
		"no HTTP":             {"SSH-2.0\r\n", wasihttp.ProtocolError},
		"nothing":             {"", wasihttp.ConnectionTerminated},
		"too short":           {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", wasihttp.ResponseIncomplete},
		"an upgrade":          {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", wasihttp.ProtocolError},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", wasihttp.ProtocolError},
		"a length and chunks": {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ok},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Config{}, func(http.ResponseWriter, *http.Request) {})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Read(make([]byte, 4096))
					_, _ = io.WriteString(c, tt.answer)
					_ = c.Close()
				}
			}()
			r := f.request("GET", "/")
			r.Authority = l.Addr().String()
			if _, _, code := f.send(r); code != tt.want {
				t.Errorf("%v, want %v", code, tt.want)
			}
		})
	}
}

// A request whose body fails is not sent to its end, and its error is that of the body.
func TestBodyFails(t *testing.T) {
	f := newFixture(t, Config{}, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	r := f.request("POST", "/")
	_ = r.Fields.Append("content-length", "10")
	var err error
	if r.Body, err = wasihttp.NewBody(r.Fields, true); err != nil {
		t.Fatal(err)
	}
	var sent error
	closed := make(chan struct{})
	r.Body.OnClose(func(err error) { sent = err; close(closed) })
	_, _ = r.Body.Writer().Write([]byte("abc"))
	if err := r.Body.End(nil); err == nil {
		t.Error("a short body has ended well")
	}
	_, _, code := f.send(r)
	<-closed
	if code != wasihttp.RequestBodySize || wasihttp.AsError(sent).Code != wasihttp.RequestBodySize {
		t.Errorf("answered %v, sent %v", code, sent)
	}
}

// There are so many requests at a time and no more.
func TestRequestsAreBounded(t *testing.T) {
	over := make(chan struct{})
	f := newFixture(t, Config{Connections: 1}, func(http.ResponseWriter, *http.Request) { <-over })
	for range MaxRequests {
		f.client.requests <- struct{}{}
	}
	_, _, code := f.send(f.request("GET", "/"))
	for range MaxRequests {
		<-f.client.requests
	}
	close(over)
	if code != wasihttp.ConnectionLimitReached {
		t.Errorf("one more: %v", code)
	}
}

// tracer is a wasihttp.Tracer of a test.
type tracer struct{ ended chan string }

type spanKey struct{}

func (*tracer) Received(*http.Request) wasihttp.Traced { return wasihttp.Traced{} }

func (t *tracer) Sending(parent context.Context, r *http.Request) wasihttp.Traced {
	r.Header.Set("traceparent", fmt.Sprint("below ", parent.Value(spanKey{})))
	return wasihttp.Traced{End: func(status int, err error) { t.ended <- fmt.Sprint(status, " ", err) }}
}

// A tracer sees each request with what it is for, sets its fields, and is told how it ended.
func TestTracer(t *testing.T) {
	seen := &tracer{make(chan string, 1)}
	f := newFixture(t, Config{Tracer: seen}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Header.Get("traceparent"))
	})
	parent := context.WithValue(t.Context(), spanKey{}, "a request")
	for authority, want := range map[string]string{"": "418 <nil>", "127.0.0.1:1": "0 connection-refused"} {
		r := f.request("GET", "/")
		if authority != "" {
			r.Authority = authority
		}
		r.Parent = parent //nolint:fatcontext // each request is another one
		if _, body, code := f.send(r); code == ok && body != "below a request" {
			t.Errorf("the server gets %q", body)
		}
		if got := <-seen.ended; got != want {
			t.Errorf("it is told %q, want %q", got, want)
		}
	}
}
