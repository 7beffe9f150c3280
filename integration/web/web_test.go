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
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// root is the top folder of the repository.
const root = "../.."

// block returns the first block in a language of a section of docs/web.md.
func block(t *testing.T, section, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/web.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)\n## " + section + "\n.*?```" + language + "\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/web.md has no %s in the section %q", language, section)
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
	tools := filepath.Dir(testkit.Binary(t, "reactorctl"))
	env := []string{"REACTORD_ADDR=" + d.Address, "PATH=" + tools + string(os.PathListSeparator) + os.Getenv("PATH")}
	for range 3 {
		if out, errs, err := run(t, root, env, "sh", "-eu", "-c", block(t, "In reactord", "sh")); err != nil || out != "" {
			t.Fatalf("%v\n%s%s", err, out, errs)
		}
	}
	var commands, want []string
	for line := range strings.Lines(block(t, "In reactord", "console")) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, command)
		} else {
			want = append(want, line)
		}
	}
	out, errs, err := run(t, root, env, "sh", "-eu", "-c", strings.Join(commands, ""))
	got := slices.Collect(strings.Lines(out + errs)) // what a call returns beside its stream is on the standard error
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %q, want %q", err, got, want)
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
		if out, errs, err := run(t, tree, env, "sh", "-eu", "-c", block(t, "In Node", "sh")); err != nil {
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
