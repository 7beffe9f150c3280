package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/grpc"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Tokens of a mounted secret are replaced while clients call, and no call of one whose token is there fails.
func TestTokensRotateUnderLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	put := func(tokens ...string) {
		next := path + ".next"
		if err := os.WriteFile(next, []byte(strings.Join(tokens, "\n")), 0o400); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	before, after := strings.Repeat("a", 40), strings.Repeat("b", 40)
	put(before)
	d := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0", "--api-token-file="+path)
	call := func(token string) error {
		_, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{}, grpc.PerRPCCredentials(bearer(token)))
		return err
	}
	load := func(token string, during func()) {
		over := make(chan struct{})
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					if err := call(token); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		during()
		close(over)
		clients.Wait()
	}
	load(before, func() {
		put(before, after)
		until(t, "the new token is taken", func() bool { return call(after) == nil })
	})
	load(after, func() {
		put("too short")
		until(t, "the log says that the file is broken", func() bool { return strings.Contains(d.Log(), "the file of tokens cannot be used") })
		put(after)
		until(t, "the old token is refused", func() bool { return call(before) != nil })
	})
}

// Clients and commands use the first of the tokens that a daemon takes, and the client's variable does not change the daemon.
func TestFirstToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	first, second := strings.Repeat("a", 40), strings.Repeat("b", 40)
	writeFile(t, path, "\n"+first+"\n"+second+"\n")
	d := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0", "--api-token-file="+path)
	run := func(command string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), testkit.Binary(t, command), args...)
		cmd.Env = append(os.Environ(), "REACTORD_TOKEN_FILE="+path, "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %v: %v\n%s", command, args, err, out)
		}
		return string(out)
	}
	run("reactorctl", "--addr="+d.Address, "list")
	if got := run("reactord", "token", "--listen=127.0.0.1:0", "--api-token-file="+path); got != first+"\n" {
		t.Errorf("reactord token prints %q", got)
	}
	if got := run("reactord", "check-config"); strings.Contains(got, path) {
		t.Errorf("the client's variable is a setting of the daemon:\n%s", got)
	}
}

// Whoever reads metrics has no token of those who call the API, and what is wrong is told by the setting's name.
func TestTokensApart(t *testing.T) {
	dir := t.TempDir()
	api, both, fifo := filepath.Join(dir, "api"), filepath.Join(dir, "both"), filepath.Join(dir, "fifo")
	first, second := strings.Repeat("a", 40), strings.Repeat("b", 40)
	writeFile(t, api, first+"\n")
	writeFile(t, both, second+"\n"+first+"\n")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		api:  "--metrics-token-file: it has a token that is also in " + api,
		both: "--metrics-token-file: it has a token that is also in " + api,
		fifo: "--metrics-token-file: " + fifo + " is not a regular file",
	} {
		for _, command := range [][]string{{"check-config"}, {"--data-dir=" + filepath.Join(dir, "data")}} {
			cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), append(command,
				"--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", "--api-token-file="+api, "--metrics-token-file="+path)...)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%v with %s: %v\n%s", command, path, err, out)
			}
		}
	}
}

// Also while they are in use, no file gives those who call the API and those who read metrics the same token.
func TestTokensStayApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	api, forMetrics := filepath.Join(dir, "api"), filepath.Join(dir, "metrics")
	first, second, third := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	writeFile(t, api, first+"\n")
	writeFile(t, forMetrics, second+"\n")
	d := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", "--api-token-file="+api, "--metrics-token-file="+forMetrics)
	page := "http://" + metricsAt(t, d)
	read := func(token string) int {
		return readPage(t, http.DefaultClient, page, "Authorization", "Bearer "+token).status
	}
	call := func(token string) error {
		_, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{}, grpc.PerRPCCredentials(bearer(token)))
		return err
	}
	writeFile(t, forMetrics, second+"\n"+first+"\n")
	until(t, "the log says that the file is broken", func() bool { return strings.Contains(d.Log(), "whoever reads metrics could run programs") })
	if status := read(first); status != http.StatusUnauthorized {
		t.Errorf("metrics with the token of the API: status %d", status)
	}
	// What was wrong with one file is mended in the other.
	writeFile(t, api, third+"\n")
	until(t, "both files are taken over", func() bool { return call(third) == nil && read(first) == http.StatusOK })
	if err := call(first); err == nil {
		t.Error("the API takes the token that is one of metrics now")
	}
}
