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
	send := func(path, token string, body io.Reader) (status int, text string, fields, trailers http.Header) {
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
		read, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(read), resp.Header, resp.Trailer
	}
	if status, text, fields, _ := send("/served", "public", nil); status != http.StatusUnauthorized || fields.Get("Www-Authenticate") != "Bearer" || text != "" {
		t.Errorf("with another token: %d, %q, %v", status, text, fields)
	}
	if status, text, fields, _ := send("/served", "secret", nil); status != http.StatusOK || text != "1\n" || !strings.HasPrefix(fields.Get("Server-Timing"), "service;dur=") {
		t.Errorf("with the token: %d, %q, %v: the service has had no other request", status, text, fields)
	}
	if _, text, _, trailers := send("/count?3", "secret", nil); text != "0\n1\n2\n" || trailers.Get("X-Count") != "3" {
		t.Errorf("a body with trailers: %q, %v", text, trailers)
	}
	large := strings.Repeat("more than is on its way at a time\n", 30_000)
	if _, text, _, _ := send("/echo", "secret", strings.NewReader(large)); text != large {
		t.Errorf("%d of %d bytes come back", len(text), len(large))
	}
	if w := s.counts(); w.GetRequests() != 4 || w.GetFailed() != 0 {
		t.Errorf("it counts %v", w)
	}
}
