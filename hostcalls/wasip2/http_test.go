package wasip2_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasihttp/client"
	"github.com/reactord/reactord/hostcalls/wasihttp/wasihttptest"
)

// anybody lets requests go everywhere but to one address.
type anybody struct{ forbidden string }

func (a anybody) Request(t *client.Target) (network.Grant, error) {
	if t.Host == a.forbidden {
		return nil, network.ErrNotGranted
	}
	return nil, nil //nolint:nilnil // there is no grant
}

func (anybody) Connect(*client.Target, netip.AddrPort) error { return nil }

// gateway serves the component gateway, and returns it with a server before it.
func gateway(t *testing.T) (*wasihttptest.Service, *httptest.Server) {
	t.Helper()
	a, err := component.New(versions.Config(files.NewAppends()))
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.New(executor.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := errors.Join(x.Close(ctx), e.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	p, err := a.LoadProgram(t.Context(), e, abi.Source{Digest: "gateway", Read: func() ([]byte, error) {
		return os.ReadFile("../../integration/testdata/components/gateway.wasm")
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	sender := client.New(client.Config{Access: anybody{forbidden: "forbidden.example"}})
	t.Cleanup(sender.Close)
	s := wasihttptest.New(t, x, p, &abi.Config{HTTP: sender, MemoryBytes: 64 << 20})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server
}

// ask sends a body with a trailer, and returns the status, the body of the response, its trailer, and whether it is whole.
func ask(t *testing.T, to, field, content string) (status int, body, trailer string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, io.NopCloser(strings.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"Sum": {"1"}}
	if field != "" {
		r.Header.Set("to", field)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	response, err := tr.RoundTrip(r)
	if err != nil {
		return 0, "", "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, string(b), response.Trailer.Get("Sum"), err
}

func TestHTTP(t *testing.T) {
	s, server := gateway(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 200_000)) }))
	defer other.Close()
	long := strings.Repeat("0123456789", 20_000)
	for _, tt := range []struct {
		path, field, content string
		status               int
		body                 string // or what the error says
		broken               bool
	}{
		{"/", "", "content", 200, "content", false},
		{"/", "", long, 200, long, false},
		{"/", strings.TrimPrefix(other.URL, "http://"), "", 200, strings.Repeat("\x00", 200_000), false},
		{"/", "forbidden.example", "", 500, "HTTP-request-denied\n", false},
		{"/", "127.0.0.1:1", "", 500, "connection-refused\n", false},
		{"/none", "", "", 500, `internal-error: "the handler has ended without an answer"` + "\n", false},
		{"/short", "", "content", 200, "content", true},
		{"/long", "", "content", 0, "", true},
		{"/open", "", "content", 200, "content", true},
		{"/", "", "again", 200, "again", false},
	} {
		status, body, trailer, err := ask(t, server.URL+tt.path, tt.field, tt.content)
		if status != tt.status || body != tt.body || (err != nil) != tt.broken {
			t.Errorf("%s to %q: %d %.60q, %v", tt.path, tt.field, status, body, err)
		}
		if echoed := !tt.broken && tt.field == "" && tt.status == 200; echoed != (trailer == "1") {
			t.Errorf("%s to %q: the trailer is %q", tt.path, tt.field, trailer)
		}
	}
	s.Idle()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// A trap ends the store, and whoever waits is told.
func TestHTTPTrap(t *testing.T) {
	s, server := gateway(t)
	status, body, _, err := ask(t, server.URL+"/trap", "", "")
	if status != http.StatusInternalServerError || !strings.Contains(body, "unreachable") || err != nil {
		t.Errorf("%d %q, %v", status, body, err)
	}
	s.Idle()
	var trap *engine.Trap
	if err := s.Ended(); !errors.As(err, &trap) {
		t.Errorf("it has ended with %v", err)
	}
}

// A client that goes does not keep the component, which is told so.
func TestHTTPClientGoes(t *testing.T) {
	s, server := gateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	defer out.Close() // net/http's transport waits for it, whatever the context
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, in)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	go func() { _, _ = io.WriteString(out, "begun") }()
	response, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = response.Body.Close()
	s.Idle()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
