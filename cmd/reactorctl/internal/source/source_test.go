package source

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	if _, err := Open(t.Context(), dir, io.Discard); err == nil || !strings.Contains(err.Error(), "no Go files") {
		t.Fatalf("an empty folder: %v", err)
	}
	write("go.mod", "module guest\n\ngo 1.24\n")
	write("main.go", "package main\n\nfunc main() { println(1) }\n")
	var digests []string
	for range 2 {
		m, err := Open(t.Context(), dir, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		magic := make([]byte, 4)
		if _, err := io.ReadFull(m.File, magic); err != nil || string(magic) != "\x00asm" {
			t.Fatalf("built %q, %v", magic, err)
		}
		built := m.File.Name()
		digests = append(digests, m.Digest)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(built); !os.IsNotExist(err) {
			t.Errorf("the build was left behind: %v", err)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same source gave %v", digests)
	}
	write("main.go", "package main\n\nfunc main() { undefined() }\n")
	var messages strings.Builder
	if _, err := Open(t.Context(), dir, &messages); err == nil || !strings.Contains(messages.String(), "undefined") {
		t.Errorf("a broken package: %v, %q", err, &messages)
	}
}
