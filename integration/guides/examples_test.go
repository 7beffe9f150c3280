package guides

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// TestHTTPExamples: the server of examples/http serves many clients side by side, and examples/http-get is one of them.
func TestHTTPExamples(t *testing.T) {
	g := &guide{dir: "../..", daemon: testkit.Start(t, t.TempDir()), address: testkit.FreeAddress(t)}
	run := func(command string) string {
		t.Helper()
		out, err := g.shell(t, command)
		if err != nil {
			t.Fatalf("$ %s\n%s\n%v", command, out, err)
		}
		return out
	}
	run("reactorctl submit --id web --listen 127.0.0.1:8080 ./examples/http")
	run("curl -s --retry 300 --retry-delay 1 --retry-connrefused http://127.0.0.1:8080/hello/you")
	if out := run("reactorctl run --connect 127.0.0.1:8080 ./examples/http-get http://127.0.0.1:8080/hello/Ada"); out != "Hello, Ada!\n" {
		t.Errorf("http-get prints %q", out)
	}
	if out, err := g.shell(t, "reactorctl run --connect 127.0.0.1:8080 ./examples/http-get http://127.0.0.1:8080/nothing"); err == nil || !strings.Contains(out, "404 Not Found") {
		t.Errorf("a page that is not there: %q, %v", out, err)
	}
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			response, err := http.Get("http://" + g.address + "/slow")
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "that took a second\n" {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
	clients.Wait()
	run("reactorctl cancel web")
}
