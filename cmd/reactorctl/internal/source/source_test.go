package source

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestIsPath(t *testing.T) {
	for arg, want := range map[string]bool{
		".": true, "..": true, "./app": true, "/srv/app": true, "app.wasm": true, "../app": true, "guests/app": false,
		"app": false, "team/app:v1": false, "sha256:" + strings.Repeat("0", 64): false, "v1.2": false,
	} {
		if got := IsPath(arg); got != want {
			t.Errorf("IsPath(%q) = %v", arg, got)
		}
	}
}

func TestOpenGoPackage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(t.Context(), dir, nil, io.Discard); err == nil || !strings.Contains(err.Error(), "no Go files") {
		t.Fatalf("an empty folder: %v", err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	write("go.mod", "module guest\n\ngo 1.24\n")
	write("main.go", "package main\n\nfunc main() { println(1) }\n")
	var digests []string
	for range 2 {
		m, err := Open(t.Context(), dir, nil, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		magic := make([]byte, 4)
		if _, err := io.ReadFull(m.File, magic); err != nil || string(magic) != "\x00asm" {
			t.Fatalf("built %q, %v", magic, err)
		}
		digests = append(digests, m.Digest)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) > 0 {
			t.Errorf("the build has left %q, %v", left, err)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same source gave %v", digests)
	}
	write("main.go", "package main\n\nfunc main() { undefined() }\n")
	var messages strings.Builder
	if _, err := Open(t.Context(), dir, nil, &messages); err == nil || !strings.Contains(messages.String(), "undefined") {
		t.Errorf("a broken package: %v, %q", err, &messages)
	}
}

// A compiler's messages name files from where the user stands.
func TestBuildErrors(t *testing.T) {
	for text, want := range map[string]string{
		"package main\n\nfunc main() { undefined() }\n":                 "server/main.go:3:15: undefined: undefined\n",
		"package main\n\nfunc main() {}\n}\n":                           "server/main.go:4:1: syntax error",
		"package main\n\nimport _ \"example.org/no\"\nfunc main() {}":   "server/main.go:3:8: no required module provides package",
		"package main\n\nimport \"guest/lib\"\nfunc main() { lib.F() }": "\nlib/lib.go:3:12: undefined: no",
	} {
		t.Run(want, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{
				"go.mod": "module guest\n\ngo 1.24\n", "server/main.go": text, "lib/lib.go": "package lib\n\nfunc F() { no() }\n",
			} {
				path := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			var messages strings.Builder
			if _, err := Open(t.Context(), "./server", nil, &messages); err == nil || !strings.Contains(messages.String(), want) {
				t.Errorf("%v, %q; want %q", err, &messages, want)
			}
		})
	}
}

func TestPositionsOfPieces(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "of", "guest")
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "a.go"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 3*longestLine)
	text := "# guest\n./a.go:1:2: no\n\ta.go:3:4: other\nb.go:1:1: not there\n" + long + "\n\ngo: no end"
	a := filepath.Join(folder, "a.go")
	want := "# guest\n" + a + ":1:2: no\n\t" + a + ":3:4: other\nb.go:1:1: not there\n" + long + "\n\ngo: no end"
	for _, size := range []int{1, 7, len(text)} {
		var out strings.Builder
		p := &positions{folder: folder, out: &out}
		for piece := range slices.Chunk([]byte(text), size) {
			if _, err := p.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil || out.String() != want {
			t.Errorf("in pieces of %d: %v, %.200q", size, err, out.String())
		}
	}
}

// A module need not be a file: it can come from a pipe, whoever has opened it.
func TestOpenPipe(t *testing.T) {
	const module = "\x00asm and more"
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(fifo, []byte(module), 0) }() // Open below tells
	for arg, name := range map[string]string{Stdin: "stdin", fifo: "fifo"} {
		m, err := Open(t.Context(), arg, strings.NewReader(module), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(m.File); err != nil || string(got) != module || m.Size != int64(len(module)) || m.Name != name {
			t.Errorf("%s: read %q, %v: %+v", arg, got, err, m)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Nobody opens the other end.
func TestOpenPipeInterrupted(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	go cancel(cause)
	if _, err := Open(ctx, fifo, nil, io.Discard); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	both, err := os.OpenFile(fifo, os.O_RDWR, 0) // lets go of the one that still opens it, and waits for nobody
	if err != nil {
		t.Fatal(err)
	}
	_ = both.Close()
}

func TestOpenRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("empty.wasm", "")
	write("text.wasm", "(module)")
	write("main.go", "package main")
	write("cmd/main.go", "package main")
	write("lib/lib.go", "package lib\n")
	write("lib/main_windows.go", "package main\n")
	for arg, want := range map[string]string{
		"empty.wasm":    "empty.wasm is empty",
		"./text.wasm":   `./text.wasm is not a WebAssembly module: it is WebAssembly as text`,
		"./main.go":     "give the folder of its package, ., and",
		"./cmd/main.go": "give the folder of its package, ./cmd, and",
		"./lib":         "./lib is the Go package lib, which is no program",
		"./none":        "module ./none: no such file",
		"/dev/null":     "neither a regular file nor a folder nor a pipe",
		".":             "", // a main package that go build refuses otherwise: there is no go.mod
		Stdin:           "standard input is empty",
	} {
		if _, err := Open(t.Context(), arg, strings.NewReader(""), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
}

// What a killed reactorctl has left is removed, if it is old and this user's.
func TestRemoveAbandoned(t *testing.T) {
	temp, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{
		buildPrefix + "old": abandonedAfter + time.Minute, buildPrefix + "young": time.Minute, "other": 2 * abandonedAfter,
	} {
		path := filepath.Join(temp, name)
		if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	removeAbandoned(temp, now)
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	if want := []string{filepath.Join(temp, "other"), filepath.Join(temp, buildPrefix+"young")}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left %q, %v; want %q", left, err, want)
	}
}

// TestFind: the inputs are the packages of the module and of those that it takes from folders, with what they embed; not
// those of the Go installation, and not those that are built for other systems.
func TestFind(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"app/go.mod":              "module example.org/app\n\ngo 1.24\n\nrequire example.org/lib v0.0.0\n\nreplace example.org/lib => ../lib\n",
		"app/cmd/guest/main.go":   "package main\n\nimport (\n\t_ \"embed\"\n\n\t_ \"example.org/app/web\"\n\t_ \"example.org/lib\"\n)\n\n//go:embed help.txt\nvar help string\n\nfunc main() { println(help) }\n",
		"app/cmd/guest/help.txt":  "help",
		"app/web/web.go":          "package web\n\nimport \"embed\"\n\n//go:embed pages\nvar Pages embed.FS\n",
		"app/web/pages/index.htm": "<p>",
		"app/unused/unused.go":    "package unused\n",
		"lib/go.mod":              "module example.org/lib\n\ngo 1.24\n",
		"lib/lib.go":              "package lib\n",
		"lib/lib_windows.go":      "package lib\n\nimport _ \"example.org/app/unused\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := Find(t.Context(), filepath.Join(dir, "app", "cmd", "guest"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	want := Inputs{
		Packages: at("app/cmd/guest", "app/web", "lib"),
		Embedded: at("app/web/pages"),
		Files:    at("app/cmd/guest/help.txt", "app/go.mod", "app/go.sum", "lib/go.mod", "lib/go.sum"),
	}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestInterruptedBuild: an interrupt ends what a build has started, and nothing is left in the folder for temporary files.
func TestInterruptedBuild(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, interrupt := context.WithCancel(t.Context())
	begun := make(chan struct{})
	done := make(chan error)
	go func() {
		cmd := Command(ctx, "sh", "-c", "sh -c 'echo begun; sleep 1000000'; sleep 1000000")
		done <- Run(ctx, cmd, onWrite(func() { close(begun) }))
	}()
	<-begun
	interrupt()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the command: %v", err)
	}
	if _, err := Open(ctx, filepath.Join("..", "..", "..", "..", "examples", "hello"), nil, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("the build: %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

type onWrite func()

func (f onWrite) Write(b []byte) (int, error) {
	f()
	return len(b), nil
}
