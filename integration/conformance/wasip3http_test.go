package conformance

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	hostnet "github.com/reactord/reactord/hostcalls/network/host"
	httpclient "github.com/reactord/reactord/hostcalls/wasihttp/client"
	"github.com/reactord/reactord/hostcalls/wasihttp/wasihttptest"
)

// httpServer is a server that a program of the suite sends requests to.
type httpServer struct {
	Name, Kind string
	Endpoints  []httpEndpoint
}

type httpEndpoint struct {
	Method, Path, Mode string
	Response           httpMessage
}

// httpMessage is a response: what a server of the suite answers with, or what is expected of the program's.
type httpMessage struct {
	Status   int
	Headers  map[string]string
	Body     string
	Chunks   []string
	Trailers map[string]string
}

// httpRequest is one to the program, and the response that is expected.
type httpRequest struct {
	Method, Path, Body string
	Headers            map[string]string
	Response           httpMessage
}

// ServeHTTP implements http.Handler, as the suite's own runner answers.
func (s httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	i := slices.IndexFunc(s.Endpoints, func(e httpEndpoint) bool { return e.Method == r.Method && e.Path == r.RequestURI })
	switch {
	case i < 0:
		w.WriteHeader(http.StatusNotFound)
	case s.Endpoints[i].Mode == "echo-body":
		_, _ = w.Write(body)
	case s.Endpoints[i].Mode == "echo-headers":
		echoHeaders(w.Header(), r)
	default:
		s.Endpoints[i].Response.write(w)
	}
}

func echoHeaders(to http.Header, r *http.Request) {
	to.Set("x-request-method", r.Method)
	to.Set("x-request-path", r.RequestURI)
	to.Set("x-echo-host", r.Host)
	for _, coding := range r.TransferEncoding {
		to.Add("x-echo-transfer-encoding", coding)
	}
	for name, values := range r.Header {
		to["X-Echo-"+name] = values
	}
	for name, values := range r.Trailer {
		to["X-Trailer-"+name] = values
	}
}

func (m httpMessage) write(w http.ResponseWriter) {
	for name, value := range m.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(max(m.Status, http.StatusOK))
	_, _ = io.WriteString(w, m.Body)
	for _, chunk := range m.Chunks {
		_, _ = io.WriteString(w, chunk)
		_ = http.NewResponseController(w).Flush()
	}
	for name, value := range m.Trailers {
		w.Header().Set(http.TrailerPrefix+name, value)
	}
}

// start starts the server, and returns the variable of the environment that tells the program its address.
func (s httpServer) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if s.Kind == "closed" {
		_ = l.Close()
	} else {
		server := &http.Server{Handler: s}
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { _ = server.Close() })
	}
	return "HTTP_SERVER_" + strings.ToUpper(s.Name) + "=" + address
}

// TestWASIP3Services runs those programs of the suite for WASI 0.3 that answer HTTP requests, and those that send some when they are
// asked something.
func TestWASIP3Services(t *testing.T) {
	forWASIP3(t, func(h *host, p program, spec *wasip3Spec) string {
		if !spec.serves() {
			return ""
		}
		return verdict(t, p.name, "", func(t *testing.T) []string { return h.serve(t, p, spec) })
	})
}

// serves reports whether the program is asked something over HTTP.
func (s *wasip3Spec) serves() bool { return s.World == "wasi:http/service" }

// serve carries out what a specification says of a program that answers requests, and returns what is not as it should be.
func (h *host) serve(t *testing.T, p program, spec *wasip3Spec) (faults []string) {
	sender := httpclient.New(httpclient.Config{Access: anybody{}, Stack: hostnet.New(h.executor.Driver())})
	defer sender.Close()
	config := abi.Config{HTTP: sender}
	for _, s := range spec.Servers {
		config.Env = append(config.Env, s.start(t))
	}
	program, err := h.abi.Load(t.Context(), h.engine, abi.Source{Digest: p.wasm, Read: func() ([]byte, error) { return os.ReadFile(p.wasm) }})
	if err != nil {
		return []string{err.Error()}
	}
	defer program.Release()
	service := wasihttptest.New(t, h.executor, program.(*component.Program), &config)
	server := httptest.NewServer(service)
	defer server.Close()
	for _, o := range spec.Operations {
		if o.Type == "request" {
			faults = append(faults, o.httpRequest.send(server.URL)...)
		}
	}
	if err := service.Stop(); err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

// anybody lets requests go everywhere.
type anybody struct{}

func (anybody) Request(*httpclient.Target) (network.Grant, error) { return nil, nil } //nolint:nilnil // there is no grant
func (anybody) Connect(*httpclient.Target, netip.AddrPort) error  { return nil }

// send sends the request, and returns what is not as expected.
func (r httpRequest) send(to string) (faults []string) {
	request, err := http.NewRequest(r.Method, to+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return []string{err.Error()}
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return []string{err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	want := r.Response
	if err != nil || want.Status != 0 && response.StatusCode != want.Status || want.Body != "" && string(body) != want.Body {
		faults = append(faults, fmt.Sprintf("%s %s: %d %.500q, %v", r.Method, r.Path, response.StatusCode, body, err))
	}
	for _, name := range slices.Sorted(maps.Keys(want.Headers)) {
		if got := response.Header.Get(name); got != want.Headers[name] {
			faults = append(faults, fmt.Sprintf("%s %s: %s is %q", r.Method, r.Path, name, got))
		}
	}
	return faults
}
