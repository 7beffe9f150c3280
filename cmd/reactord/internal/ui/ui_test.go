package ui

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend stands for the server of the API.
type backend struct {
	reactorv1.UnimplementedNodeServiceServer
	reactorv1.UnimplementedWorkloadServiceServer
	left chan struct{} // receives when a watch has ended
}

func (*backend) GetNode(ctx context.Context, _ *reactorv1.GetNodeRequest) (*reactorv1.GetNodeResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	from, _ := peer.FromContext(ctx)
	if token := headers.Get("authorization"); len(token) != 1 || token[0] != "Bearer good" {
		return nil, status.Error(codes.Unauthenticated, "a token is needed")
	}
	return &reactorv1.GetNodeResponse{Node: &reactorv1.Node{
		Version: strings.Join(headers.Get("cookie"), ","), Platform: from.Addr.String(), DataDir: from.LocalAddr.Network(),
	}}, nil
}

func (b *backend) WatchWorkloads(req *reactorv1.WatchWorkloadsRequest, stream grpc.ServerStreamingServer[reactorv1.WatchWorkloadsResponse]) error {
	for _, cursor := range []string{"1", "2"} {
		if err := stream.Send(&reactorv1.WatchWorkloadsResponse{Cursor: req.GetCursor() + cursor}); err != nil {
			return err
		}
	}
	if req.GetCursor() == "ends" {
		return status.Error(codes.FailedPrecondition, "no such cursor")
	}
	<-stream.Context().Done()
	b.left <- struct{}{}
	return nil
}

func isGood(authorization []string) error {
	if !slices.Equal(authorization, []string{"Bearer good"}) {
		return errors.New("a token is needed")
	}
	return nil
}

func newServer(t *testing.T) *Server {
	t.Helper()
	s, err := New(func(name string) bool { return name == "node.example" }, isGood, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start serves the page before a backend, and returns where.
func start(t *testing.T) (address string, b *backend) {
	t.Helper()
	s := newServer(t)
	b = &backend{left: make(chan struct{}, 1)}
	api := grpc.NewServer()
	reactorv1.RegisterNodeServiceServer(api, b)
	reactorv1.RegisterWorkloadServiceServer(api, b)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	go func() { served <- api.Serve(s.Inner()) }()
	go func() { served <- s.Serve(l, nil) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		api.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Stop(ctx)
		for range 2 {
			if err := <-served; err != nil {
				t.Error(err)
			}
		}
	})
	return l.Addr().String(), b
}

// request is a request of a test, and what is to come of it.
type request struct {
	name    string
	method  string // POST by default
	path    string
	headers map[string]string // "" removes a header that calls have
	body    string
	status  int
	want    string // a part of the body
}

// send sends a request as the page does, but for what r says. The caller closes the body.
func send(t *testing.T, address string, r request) *http.Response {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+address+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if r.method == http.MethodPost {
		req.Header = http.Header{
			"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}, "Authorization": {"Bearer good"},
		}
	}
	for name, value := range r.headers {
		switch {
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestRequests(t *testing.T) {
	address, _ := start(t)
	const node = "/reactor.v1.NodeService/GetNode"
	_, port, _ := net.SplitHostPort(address)
	for _, tt := range []request{
		{name: "call", path: node, body: "{}", status: 200, want: `"inside"`},
		{name: "no token", path: node, headers: map[string]string{"Authorization": ""}, body: "{}", status: 401, want: `"unauthenticated"`},
		{name: "cookies stay here", path: node, headers: map[string]string{"Cookie": "a=b"}, body: "{}", status: 200, want: `{"node":{"platform"`},
		{name: "what does not look or cancel", path: "/reactor.v1.NodeService/Drain", body: "{}", status: 404, want: "call it over gRPC"},
		{name: "submission", path: "/reactor.v1.WorkloadService/SubmitWorkload", body: "{}", status: 404, want: "call it over gRPC"},
		{name: "another service", path: "/grpc.health.v1.Health/Check", body: "{}", status: 404},
		{name: "no JSON", path: node, body: "{", status: 500, want: "proto"},
		{name: "form", path: node, headers: map[string]string{"Content-Type": "text/plain"}, body: "{}", status: 415},
		{name: "gRPC", path: node, headers: map[string]string{"Content-Type": "application/grpc"}, status: 415},
		{name: "gRPC-Web", path: node, headers: map[string]string{"Content-Type": "application/grpc-web"}, status: 415},
		{name: "compressed", path: node, headers: map[string]string{"Content-Encoding": "gzip"}, body: "{}", status: 415},
		{name: "compressed stream", path: node, headers: map[string]string{"Connect-Content-Encoding": "gzip"}, body: "{}", status: 415},
		{name: "GET", method: http.MethodGet, path: node, status: 415},
		{name: "GET with a message", method: http.MethodGet, path: node + "?connect=v1&encoding=json&message={}", status: 415},
		{name: "too large", path: node, body: strings.Repeat(" ", maxRequestBytes+1), status: 413},

		{name: "from the page", path: node, headers: map[string]string{"Origin": "http://" + address, "Sec-Fetch-Site": "same-origin"}, body: "{}", status: 200},
		{name: "from another origin", path: node, headers: map[string]string{"Origin": "http://evil.example"}, body: "{}", status: 403},
		{name: "from another port", path: node, headers: map[string]string{"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, body: "{}", status: 403},
		{name: "from another site", path: node, headers: map[string]string{"Sec-Fetch-Site": "cross-site"}, body: "{}", status: 403},
		{name: "from no origin", path: node, headers: map[string]string{"Origin": "null"}, body: "{}", status: 403},
		{name: "preflight", method: http.MethodOptions, path: node, headers: map[string]string{"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}, status: 415},
		{name: "GET from another site", method: http.MethodGet, path: node, headers: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 403},

		{name: "localhost", path: node, headers: map[string]string{"Host": "localhost:" + port}, body: "{}", status: 200},
		{name: "an address of IPv6", path: node, headers: map[string]string{"Host": "[::1]:" + port}, body: "{}", status: 200},
		{name: "its name", path: node, headers: map[string]string{"Host": "Node.example:" + port}, body: "{}", status: 200},
		{name: "a name that leads here", path: node, headers: map[string]string{"Host": "evil.example:" + port}, body: "{}", status: 421},
		{name: "a name that looks like an address", path: node, headers: map[string]string{"Host": "127.0.0.1.evil.example"}, body: "{}", status: 421},
		{name: "the page by such a name", method: http.MethodGet, path: "/", headers: map[string]string{"Host": "evil.example"}, status: 421},

		{name: "page", method: http.MethodGet, path: "/", status: 200, want: "<title>reactord</title>"},
		{name: "a link to the page", method: http.MethodGet, path: "/", headers: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 200},
		{name: "script", method: http.MethodGet, path: "/main.js", status: 200, want: "import"},
		{name: "no file", method: http.MethodGet, path: "/../server.go", status: 404},
		{name: "post to a file", path: "/main.js", status: 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := send(t, address, tt)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
				t.Errorf("%v, %s, %s; want %d and %q", err, resp.Status, body, tt.status, tt.want)
			}
			for name, value := range headers {
				if resp.Header.Get(name) != value {
					t.Errorf("%s is %q", name, resp.Header.Get(name))
				}
			}
			for name := range resp.Header {
				if strings.HasPrefix(name, "Access-Control") {
					t.Errorf("other origins are told %s: %s", name, resp.Header.Get(name))
				}
			}
		})
	}
}

// The server of the API sees the browser, and not the bridge.
func TestPeer(t *testing.T) {
	address, _ := start(t)
	resp := send(t, address, request{path: "/reactor.v1.NodeService/GetNode", body: "{}"})
	defer resp.Body.Close()
	var answer struct{ Node struct{ Platform string } }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || !strings.HasPrefix(answer.Node.Platform, "127.0.0.1:") {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestFilesAreKept(t *testing.T) {
	address, _ := start(t)
	first := send(t, address, request{method: http.MethodGet, path: "/style.css"})
	first.Body.Close()
	tag := first.Header.Get("ETag")
	again := send(t, address, request{method: http.MethodGet, path: "/style.css", headers: map[string]string{"If-None-Match": tag}})
	again.Body.Close()
	if tag == "" || again.StatusCode != http.StatusNotModified || first.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the tag is %q, and with it comes %s", tag, again.Status)
	}
}

// frame is a message of a stream as the Connect protocol has it.
func frame(message string) string {
	head := make([]byte, 5)
	binary.BigEndian.PutUint32(head[1:], uint32(len(message)))
	return string(head) + message
}

// next reads a message of a stream.
func next(t *testing.T, r io.Reader) (flags byte, message string) {
	t.Helper()
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	return head[0], strings.ReplaceAll(string(body), " ", "")
}

func watch(t *testing.T, address, cursor string) *http.Response {
	t.Helper()
	return send(t, address, request{
		path: "/reactor.v1.WorkloadService/WatchWorkloads", headers: map[string]string{"Content-Type": "application/connect+json"},
		body: frame(`{"cursor":"` + cursor + `"}`),
	})
}

// Messages of a stream come as they are sent; a browser that leaves ends it.
func TestStream(t *testing.T) {
	address, backend := start(t)
	resp := watch(t, address, "a")
	for _, want := range []string{`{"cursor":"a1"}`, `{"cursor":"a2"}`} {
		if flags, message := next(t, resp.Body); flags != 0 || message != want {
			t.Errorf("%d, %s, want %s", flags, message, want)
		}
	}
	resp.Body.Close()
	<-backend.left
}

func TestStreamFails(t *testing.T) {
	address, _ := start(t)
	resp := watch(t, address, "ends")
	defer resp.Body.Close()
	next(t, resp.Body)
	next(t, resp.Body)
	if flags, message := next(t, resp.Body); flags != 2 || !strings.Contains(message, `"failed_precondition"`) {
		t.Errorf("%d, %s", flags, message)
	}
}

// A browser that does not read loses its answer; one that waits for the next part of it does not.
func TestDeafBrowser(t *testing.T) {
	const patience = 100 * time.Millisecond
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			done := make(chan error)
			server := httptest.NewUnstartedServer(newServer(t).bounded(patience, isCall, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				flush := w.(http.Flusher).Flush
				flush()
				time.Sleep(3 * patience)
				for range 1 << 12 {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						done <- err
						return
					}
					flush()
				}
				done <- nil
			})))
			server.EnableHTTP2 = protocol == "HTTP/2"
			server.StartTLS()
			defer server.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer server.CloseClientConnections() // an answer that was broken off keeps its connection for a while
			defer resp.Body.Close()
			if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
				t.Errorf("the answer ends although there is nothing to read: %v", err)
			}
			if err := <-done; err == nil {
				t.Error("the answer has been written whole, although nobody reads it")
			}
		})
	}
}

func TestRequestsAreBounded(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	handler := newServer(t).bounded(time.Minute, isCall, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}))
	ask := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		return w.Code
	}
	for range maxRequests {
		go ask()
		<-entered
	}
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("one more gets %d", code)
	}
	close(leave)
}

// Clients of HTTP/2 without the token that ask for much and read nothing leave the page to others.
func TestDeafClientsOfHTTP2(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil) // has a certificate
	cert.StartTLS()
	defer cert.Close()
	config := cert.TLS.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	s := newServer(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, config) }()
	client := cert.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	for range maxRequests / maxStreams {
		c := deaf(t, l.Addr().String(), client)
		defer c.Close()
	}
	time.Sleep(300 * time.Millisecond) // they have had their moment
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: client, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the page is %s", resp.Status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	s.Stop(ctx)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// deaf asks for a file, larger than what HTTP/2 keeps back, by as many streams as there may be, and lets none of it be sent.
func deaf(t *testing.T, address string, config *tls.Config) net.Conn {
	t.Helper()
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	c, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, http2.ClientPreface)
	frames := http2.NewFramer(c, c)
	_ = frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for i := range uint32(maxStreams) {
		head.Reset()
		for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/style.css"}} {
			_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		_ = frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // frames that have no window
	return c
}

// Streams beyond the bound are refused, and there is room again when one has ended.
func TestStreamsAreBounded(t *testing.T) {
	b, err := newBridge(newInner(), isCall)
	if err != nil {
		t.Fatal(err)
	}
	var leave func()
	for range maxStreamed {
		var ok bool
		if leave, ok = b.enter(t.Context(), streamed); !ok {
			t.Fatal("a stream within the bound is refused")
		}
	}
	if _, ok := b.enter(t.Context(), streamed); ok {
		t.Error("there is a stream beyond the bound")
	}
	leave()
	if _, ok := b.enter(t.Context(), streamed); !ok {
		t.Error("the place of a stream that has ended is not free")
	}
}
