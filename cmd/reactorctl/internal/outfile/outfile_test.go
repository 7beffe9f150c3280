package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writing(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func want(t *testing.T, path, text string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s has %q, %v, want %q", path, got, err, text)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, 0o600, writing("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("by a link to nowhere: %v", err)
	}
	for _, path := range []string{file, link, file} {
		if err := Write(path, 0o640, writing("to "+path)); err != nil {
			t.Fatal(err)
		}
		want(t, file, "to "+path)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if !isLink(link) {
		t.Error("the link is replaced")
	}

	broken := errors.New("broken")
	if err := Write(link, 0o640, func(w io.Writer) error { return errors.Join(writing("half")(w), broken) }); !errors.Is(err, broken) {
		t.Errorf("what fails: %v", err)
	}
	want(t, file, "to "+file)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// What is no file is not replaced by one.
func TestWriteElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, 0o600, writing("x")); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder: %v", err)
	}
	if err := Write(os.DevNull, 0o600, writing("x")); err != nil {
		t.Errorf("a device: %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("the device is %v, %v", info.Mode(), err)
	}
	reader, writer, err := os.Pipe() // which only the kernel finds by the name that it has below /proc, as it does /dev/stdout
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := os.Stat("/proc/self/fd"); err == nil {
		if err := Write(fmt.Sprintf("/proc/self/fd/%d", writer.Fd()), 0o600, writing("x")); err != nil {
			t.Errorf("a pipe without a name: %v", err)
		}
	}
	_ = writer.Close()
	redirected := filepath.Join(dir, "redirected")
	file, err := os.Create(redirected)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "out")
	if err := os.Symlink(fmt.Sprintf("/dev/fd/%d", file.Fd()), link); err != nil {
		t.Fatal(err)
	}
	_, _ = file.WriteString("before, ")
	if err := Write(link, 0o600, writing("here, ")); err != nil {
		t.Error(err)
	}
	_, _ = file.WriteString("after")
	_ = file.Close()
	want(t, redirected, "before, here, after")
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		text, err := os.ReadFile(pipe)
		read <- string(text)
		if err != nil {
			t.Error(err)
		}
	}()
	if err := Write(pipe, 0o600, writing("through")); err != nil {
		t.Error(err)
	}
	if got := <-read; got != "through" {
		t.Errorf("the pipe has %q", got)
	}
	err = Write(filepath.Join(dir, "nowhere", "file"), 0o600, writing("x"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "nowhere/file: no such file or directory") {
		t.Errorf("in a folder that is not there: %v", err)
	}
}
