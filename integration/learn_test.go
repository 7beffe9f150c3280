package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// TestLearnGrants: a program that runs with the flags that were proposed after each of its runs is refused nothing in the end.
func TestLearnGrants(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, t.TempDir(), "--allow-connect=*:*", "--allow-resolve=*"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "page\n")
	}))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	for host, want := range map[string][]string{
		"127.0.0.1": {"--dial 127.0.0.1:" + port},
		"localhost": {"--resolve localhost", "--dial 127.0.0.1:" + port},
	} {
		t.Run(host, func(t *testing.T) {
			var granted []string
			for learnt := 0; ; learnt++ {
				id := fmt.Sprintf("%s-%d", host, learnt)
				args := []string{"run", "--id", id, "--grants", "report"}
				for _, flag := range granted {
					args = append(args, strings.Fields(flag)...)
				}
				out, errs, status := c.run(t, "", append(args, "../examples/http-dial", "http://"+host+":"+port)...)
				_, proposal, refused := strings.Cut(c.must(t, "grants", id), "enough for that: ")
				if !refused {
					if status != 0 || out != "page\n" {
						t.Errorf("with %q: status %d, %q, %s", granted, status, out, errs)
					}
					break
				}
				if status == 0 || learnt == len(want) {
					t.Fatalf("with %q: status %d, and %q is proposed", granted, status, proposal)
				}
				granted = append(granted, strings.TrimSpace(proposal))
			}
			// localhost may be [::1], too.
			if !slices.EqualFunc(granted, want, strings.Contains) {
				t.Errorf("it was granted %q, want %q", granted, want)
			}
		})
	}
}
