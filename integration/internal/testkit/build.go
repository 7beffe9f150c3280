package testkit

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// binaries is the folder that the binaries are built into.
var binaries string

// Main runs the tests of a package that starts daemons, and removes the built binaries afterwards. A TestMain passes
// its result to os.Exit.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reactord-binaries-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binaries = dir
	return m.Run()
}

// build builds the binaries as a release has them, the first time it is called.
var build = sync.OnceValue(func() error {
	if binaries == "" {
		return fmt.Errorf("TestMain does not call testkit.Main")
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binaries,
		"github.com/reactord/reactord/cmd/reactord", "github.com/reactord/reactord/cmd/reactorctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/reactord/reactord").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	cmd.Dir = strings.TrimSpace(string(root)) // a test of another module has the daemon with its own dependencies, too
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
})

// Binary returns the path of a built binary: "reactord" or "reactorctl".
func Binary(t testing.TB, name string) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(binaries, name)
}

// guests are the results of GoGuest and GoLibrary, by folder.
var guests sync.Map

// GoGuest returns the Go package in dir, built for WASI preview 1 the first time it is asked for.
func GoGuest(t testing.TB, dir string) []byte {
	t.Helper()
	return built(t, dir, "exe")
}

// GoLibrary is GoGuest for a package that exports functions, and has no use for main.
func GoLibrary(t testing.TB, dir string) []byte {
	t.Helper()
	return built(t, dir, "c-shared")
}

func built(t testing.TB, dir, mode string) []byte {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	build, _ := guests.LoadOrStore(dir, sync.OnceValues(func() ([]byte, error) { return buildGuest(dir, mode) }))
	binary, err := build.(func() ([]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func buildGuest(dir, mode string) ([]byte, error) {
	folder, err := os.MkdirTemp("", "reactord-guest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	out := filepath.Join(folder, "guest.wasm")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-buildmode="+mode, "-o", out, "-ldflags=-s -w", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, text)
	}
	return os.ReadFile(out)
}
