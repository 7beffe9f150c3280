package web

import (
	"bytes"
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// root is the top folder of the repository.
const root = "../.."

// commands returns those of a section of docs/web.md.
func commands(t *testing.T, section string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/web.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)\n## " + section + "\n.*?```sh\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/web.md has no commands in the section %q", section)
	}
	return string(found[1])
}

// run runs a command with all that it starts, for a while at most.
func run(t *testing.T, dir string, env []string, argv ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func TestReactord(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	for range 3 {
		if out, errs, err := run(t, root, []string{"REACTORD_ADDR=" + d.Address}, "sh", "-eu", "-c", commands(t, "In reactord")); err != nil || out != "" {
			t.Fatalf("%v\n%s%s", err, out, errs)
		}
	}
}

// TestWeb: the commands of docs/web.md give the same trace in Node, and the page gives it in Chromium.
func TestWeb(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs packages")
	}
	const jspi = `npm --version && node -e "require('assert')(process.versions.node.split('.')[0] >= 26)"`
	if out, errs, err := run(t, ".", nil, "sh", "-c", jspi); err != nil {
		t.Skipf("Node 26 with npm is not installed: %v\n%s%s", err, out, errs)
	}
	tree := t.TempDir()
	page := filepath.Join(tree, "examples/web")
	if err := os.CopyFS(page, os.DirFS(filepath.Join(root, "examples/web"))); err != nil {
		t.Fatal(err)
	}
	env := []string{"npm_config_prefer_offline=true", "npm_config_fetch_retries=1", "npm_config_logs_max=0"}
	if out, errs, err := run(t, page, env, "npm", "install", "--no-audit", "--no-fund"); err != nil {
		t.Skipf("the packages cannot be installed here: %v\n%s%s", err, out, errs)
	}
	t.Run("Node", func(t *testing.T) {
		if out, errs, err := run(t, tree, env, "sh", "-eu", "-c", commands(t, "In Node")); err != nil {
			t.Fatalf("%v\n%s%s", err, out, errs)
		}
	})
	t.Run("Chromium", func(t *testing.T) { testChromium(t, page) })
}

var tracePattern = regexp.MustCompile(`(?s)<pre>(.*?)</pre>`)

func testChromium(t *testing.T, page string) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	want, err := os.ReadFile(filepath.Join(page, "trace.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(page)))
	defer server.Close()
	out, errs, err := run(t, page, nil, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=10000", "--dump-dom", server.URL)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	trace := tracePattern.FindStringSubmatch(out)
	if trace == nil || html.UnescapeString(trace[1]) != string(want) {
		t.Errorf("the page is\n%s\nwant the trace\n%s\n%s", out, want, errs)
	}
}
