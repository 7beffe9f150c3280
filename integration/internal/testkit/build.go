package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// build builds the binaries the first time it is called.
var build = sync.OnceValue(func() error {
	if binaries == "" {
		return fmt.Errorf("TestMain does not call testkit.Main")
	}
	cmd := exec.Command("go", "build", "-o", binaries,
		"github.com/reactord/reactord/cmd/reactord", "github.com/reactord/reactord/cmd/reactorctl")
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

// GoGuest builds the Go package in dir for WASI preview 1.
func GoGuest(t testing.TB, dir string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, "-ldflags=-s -w", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
