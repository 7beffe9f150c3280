// Command files is the guest of the tests of files: it does what its first argument says in the folder
// that its second one names. Reads and writes are single calls of the system.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	verbs := map[string]func(dir string, args []string) error{
		"root":     root,
		"devices":  devices,
		"transfer": transfer,
		"append":   appendRecords,
		"peek":     peek,
	}
	if len(os.Args) < 3 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "files: what?")
		os.Exit(64)
	}
	if err := verbs[os.Args[1]](os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "files:", err)
		os.Exit(1)
	}
}

// root does what an os.Root can do.
func root(dir string, _ []string) error {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Mkdir("sub", 0o755); err != nil {
		return err
	}
	sub, err := r.OpenRoot("sub")
	if err != nil {
		return err
	}
	defer sub.Close()
	for _, r := range []*os.Root{r, sub} {
		created, err := r.Create("created") // O_TRUNC with what a Root asks for
		if err != nil {
			return err
		}
		if err := created.Sync(); err != nil {
			return err
		}
		if err := created.Close(); err != nil {
			return err
		}
		for _, content := range []string{"longer", "short"} {
			if err := r.WriteFile("file", []byte(content), 0o644); err != nil {
				return err
			}
		}
		if got, err := r.ReadFile("file"); err != nil || string(got) != "short" {
			return fmt.Errorf("read %q: %w", got, err)
		}
		appended, err := r.OpenFile("file", os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if _, err := appended.WriteString("!"); err != nil {
			return err
		}
		if err := errors.Join(
			appended.Close(),
			r.Link("file", "linked"),
			r.Rename("linked", "renamed"),
			r.Symlink("renamed", "link"),
			r.Chtimes("link", time.Unix(1, 0), time.Unix(2, 0)),
			r.Remove("created"),
		); err != nil {
			return err
		}
		if info, err := r.Stat("link"); err != nil || info.Size() != 6 || !info.ModTime().Equal(time.Unix(2, 0)) {
			return fmt.Errorf("stat %v: %w", info, err)
		}
	}
	return r.RemoveAll("sub")
}

// devices reads and writes those that are a source or a sink.
func devices(dir string, _ []string) error {
	null, err := os.OpenFile(filepath.Join(dir, "null"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer null.Close()
	if n, err := null.Write(make([]byte, 300_000)); n != 300_000 || err != nil {
		return fmt.Errorf("wrote %d to null: %w", n, err)
	}
	if n, err := null.Read(make([]byte, 10)); n != 0 || err != io.EOF {
		return fmt.Errorf("read %d from null: %w", n, err)
	}
	info, err := null.Stat()
	if err != nil || info.Mode()&fs.ModeCharDevice == 0 {
		return fmt.Errorf("null is of mode %v: %w", info.Mode(), err)
	}
	for _, name := range []string{"zero", "urandom", "random"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		b := make([]byte, 64)
		n, err := f.Read(b)
		sum := 0
		for _, v := range b {
			sum += int(v)
		}
		if n != len(b) || err != nil || (sum == 0) != (name == "zero") {
			return fmt.Errorf("read %d from %s: %x: %w", n, name, b, err)
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "full"), []byte("x"), 0o644); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("write to full: %w", err)
	}
	for _, name := range []string{"tty", "ptmx", "mem", "kmsg"} {
		if f, err := os.Open(filepath.Join(dir, name)); err == nil {
			return errors.Join(fmt.Errorf("%s can be opened", name), f.Close())
		}
	}
	return nil
}

// transfer writes and reads a file, a call for all of it.
func transfer(dir string, _ []string) error {
	const size = 3<<20 + 7
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	fd, err := syscall.Open(filepath.Join(dir, "file"), syscall.O_RDWR|syscall.O_CREAT|syscall.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	read := make([]byte, size)
	for _, step := range []struct {
		name string
		call func() (int, error)
	}{
		{"write", func() (int, error) { return syscall.Write(fd, content) }},
		{"pread", func() (int, error) { return syscall.Pread(fd, read, 0) }},
		{"pwrite", func() (int, error) { return syscall.Pwrite(fd, content, 0) }},
		{"seek", func() (int, error) { _, err := syscall.Seek(fd, 0, io.SeekStart); return size, err }},
		{"read", func() (int, error) { clear(read); return syscall.Read(fd, read) }},
	} {
		if n, err := step.call(); n != size || err != nil {
			return fmt.Errorf("%s: %d of %d: %w", step.name, n, size, err)
		}
	}
	if !bytes.Equal(read, content) {
		return errors.New("what was read is not what was written")
	}
	return syscall.Close(fd)
}

// appendRecords appends as many records of equal bytes to a file as there are bytes in the argument, a call
// for each.
func appendRecords(dir string, args []string) error {
	fd, err := syscall.Open(filepath.Join(dir, "log"), syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	for _, letter := range []byte(args[0]) {
		record := append(bytes.Repeat([]byte{letter}, 300_000), '\n')
		if n, err := syscall.Write(fd, record); n != len(record) || err != nil {
			return fmt.Errorf("wrote %d of %d: %w", n, len(record), err)
		}
	}
	return syscall.Close(fd)
}

// peek fails if it can open any of the files that args name, for reading or writing, or list a folder.
func peek(dir string, args []string) error {
	for _, name := range args {
		path := filepath.Join(dir, name)
		for _, flags := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY} {
			f, err := os.OpenFile(path, flags, 0)
			if err != nil {
				continue
			}
			b := make([]byte, 16)
			n, err := f.Read(b)
			if err == nil {
				return fmt.Errorf("read %q of %s", b[:n], path)
			}
			if names, err := f.Readdirnames(-1); err == nil {
				return fmt.Errorf("listed %q in %s", names, path)
			}
			if info, err := f.Stat(); err != nil || !info.IsDir() {
				return fmt.Errorf("opened %s: %v, %w", path, info, err)
			}
		}
		if target, err := os.Readlink(path); err == nil {
			return fmt.Errorf("read the link %s: %q", path, target)
		}
	}
	return nil
}
