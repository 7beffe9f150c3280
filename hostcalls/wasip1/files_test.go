package wasip1

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// output is a Sink that keeps the bytes written to it.
type output struct {
	hostcalls.Discard
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// The binaries are made, each in its folder under testdata/files, by:
//
//	zig cc --target=wasm32-wasi -Os -s -o files.wasm files.c
//	rustc --target wasm32-wasip1 -O -C panic=abort -C lto -C strip=symbols --edition 2021 -o files.wasm files.rs
//	zig build-exe -target wasm32-wasi -O ReleaseSmall -fstrip files.zig -femit-bin=files.wasm
//
// with zig 0.17 and rustc 1.95.
func TestProgramsWithFiles(t *testing.T) {
	const want = `tail world
appended hello world!
link sub/second.txt
through hello world!
truncated hello
stat 5 1000000001
list escape link sub
fixed fixed
write refused
create refused
unlink refused
outside refused
escape refused
rmdir refused
list escape
`
	for _, language := range []string{"c", "rust", "zig", "go"} {
		t.Run(language, func(t *testing.T) {
			binary, err := os.ReadFile(filepath.Join("testdata", "files", language, "files.wasm"))
			if language == "go" {
				binary, err = buildGo(t, "./testdata/files/go")
			}
			if err != nil {
				t.Fatal(err)
			}
			data, fixed := newGrants(t)
			g := startGuest(t, load(t, "", binary), abi.Config{Args: []string{"files"}, Grants: grantsOf(data, fixed)}, "")
			if diff := cmp.Diff(want, g.output(0)); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// newGrants makes a folder to work in, which has a link that leads out of it, a read-only folder, and a secret next to
// them.
func newGrants(t *testing.T) (data, fixed string) {
	t.Helper()
	base := t.TempDir()
	data, fixed = filepath.Join(base, "data"), filepath.Join(base, "fixed")
	for _, err := range []error{
		os.Mkdir(data, 0o777),
		os.Mkdir(fixed, 0o777),
		os.Mkdir(filepath.Join(base, "outside"), 0o777),
		os.WriteFile(filepath.Join(base, "outside", "secret"), []byte("secret"), 0o666),
		os.WriteFile(filepath.Join(fixed, "file"), []byte("fixed"), 0o666),
		os.Symlink("../outside/secret", filepath.Join(data, "escape")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return data, fixed
}

// buildGo builds a Go command for wasip1.
func buildGo(t *testing.T, pkg string) ([]byte, error) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return os.ReadFile(out)
}
