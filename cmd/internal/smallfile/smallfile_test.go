package smallfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int{"empty": 0, "largest": Most, "larger": Most + 1} {
		if err := os.WriteFile(at(name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("largest", at("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path          string
		read, regular error // of Read and of ReadRegular
	}{
		{at("empty"), nil, nil},
		{at("largest"), nil, nil},
		{at("link"), nil, nil},
		{at("larger"), errTooLarge, errTooLarge},
		{at("nowhere"), fs.ErrNotExist, fs.ErrNotExist},
		{dir, syscall.EISDIR, errNotRegular},
		{"/dev/null", nil, errNotRegular},
		{"/dev/zero", errTooLarge, errNotRegular},
	} {
		if _, err := Read(tt.path); !errors.Is(err, tt.read) {
			t.Errorf("Read %s: %v, want %v", tt.path, err, tt.read)
		}
		if _, err := ReadRegular(tt.path); !errors.Is(err, tt.regular) {
			t.Errorf("ReadRegular %s: %v, want %v", tt.path, err, tt.regular)
		}
	}
	if _, err := ReadRegular(at("fifo")); !errors.Is(err, errNotRegular) { // at once: nobody writes to it
		t.Errorf("ReadRegular of a pipe: %v", err)
	}
	go func() { _ = os.WriteFile(at("fifo"), []byte("hello"), 0) }()
	if text, err := Read(at("fifo")); string(text) != "hello" || err != nil {
		t.Errorf("Read of a pipe: %q, %v", text, err)
	}
}
