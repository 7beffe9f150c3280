package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A middleware of wasi:http before a service that is plugged in: the service gets the requests that the middleware lets through, and
// bodies and trailers go through both while they are written.
func TestMiddleware(t *testing.T) {
	const middleware = "../examples/middleware/middleware.wasm"
	c := newCtl(t)
	if _, errs, status := c.run(t, "", "serve", middleware); status != 125 || !strings.Contains(errs, "wasi:http/handler@0.3.2; take it from a component that exports it by `--plug`") {
		t.Errorf("without a service: status %d, %s", status, errs)
	}
	c.must(t, "serve", "-d", "--id", "guarded", "--listen", "127.0.0.1:0", "--env", "TOKEN=secret", "--plug", serviceFile, middleware)
	s := &service{t: t, d: c.daemon, id: "guarded"}
	s.find()
	send := func(path, token string, body io.Reader) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp, string(text)
	}
	if resp, text := send("/served", "public", nil); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Www-Authenticate") != "Bearer" || text != "" {
		t.Errorf("with another token: %v, %q", resp, text)
	}
	if resp, text := send("/served", "secret", nil); resp.StatusCode != http.StatusOK || text != "1\n" || !strings.HasPrefix(resp.Header.Get("Server-Timing"), "service;dur=") {
		t.Errorf("with the token: %v, %q: the service has had no other request", resp, text)
	}
	if resp, text := send("/count?3", "secret", nil); text != "0\n1\n2\n" || resp.Trailer.Get("X-Count") != "3" {
		t.Errorf("a body with trailers: %q, %v", text, resp.Trailer)
	}
	large := strings.Repeat("more than is on its way at a time\n", 30_000)
	if _, text := send("/echo", "secret", strings.NewReader(large)); text != large {
		t.Errorf("%d of %d bytes come back", len(text), len(large))
	}
	if w := s.counts(); w.GetRequests() != 4 || w.GetFailed() != 0 {
		t.Errorf("it counts %v", w)
	}
}
