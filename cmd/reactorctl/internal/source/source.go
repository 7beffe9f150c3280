// Package source resolves the MODULE argument of a command: to a digest or tag that the daemon knows, or to the
// bytes of a file, of a pipe, or of a Go package that it builds for WASI. Artifacts of registries, which it knows by their names
// alone, are read by others.
//
// The functions block their caller; Open and Run return when their context ends. Building a package runs the go command,
// in a process group of its own that is interrupted then. Another goroutine reads a pipe, which may take as long as its
// writer does, and may go on after that. What a build leaves if reactorctl is killed is removed by a later one.
package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/internal/toolchain"
)

// Stdin is the MODULE argument for a module that is read from the command's standard input.
const Stdin = "-"

// MaxBytes bounds what is read from a pipe, or from others; a daemon takes no larger modules unless its operator has raised
// the limit.
const MaxBytes = 256 << 20

// Module is a resolved MODULE. Exactly one of Ref and File is set.
type Module struct {
	// Ref is a digest or tag for the daemon to resolve.
	Ref string
	// File is an open binary, positioned at its start. The caller closes the Module.
	File *os.File
	// Digest and Size describe File.
	Digest string
	Size   int64
	// PrefixDigests are the digests of File's first mebibyte, its first two, and so on.
	PrefixDigests [][]byte
	// Name is a short name for people: the file's or folder's base name, as Name makes it.
	Name string
	// Path is where File comes from, for people.
	Path string
}

// Close closes File.
func (m *Module) Close() error {
	if m.File == nil {
		return nil
	}
	return m.File.Close()
}

// IsPath reports whether a MODULE argument names a file or folder: it begins with "/", "./" or "../", is "." or
// "..", or ends in ".wasm"; or whether it is "-". Anything else is an artifact of a registry (oci.IsReference), or a digest or a
// tag (which may have slashes), so that what an argument means never depends on what is in the current folder.
func IsPath(arg string) bool {
	return !oci.IsReference(arg) && (arg == Stdin || arg == "." || arg == ".." ||
		strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") || filepath.IsAbs(arg) ||
		strings.HasSuffix(arg, ".wasm"))
}

// Name returns a short name of what a MODULE argument names, for people. Files may be called anything; the daemon takes
// the name of a module and of a workload, so it has no more than they may have.
func Name(arg string) string {
	switch {
	case arg == Stdin:
		return "stdin"
	case oci.IsReference(arg):
		if ref, err := oci.ParseReference(arg); err == nil {
			return shown(ref.Name())
		}
		return shown(arg)
	case !IsPath(arg):
		return arg
	}
	if abs, err := filepath.Abs(arg); err == nil {
		arg = abs
	}
	return shown(strings.TrimSuffix(filepath.Base(arg), ".wasm"))
}

// shown returns the beginning of a name without what cannot be printed.
func shown(name string) string {
	const most = 128 // bytes
	name = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(name, ""))
	for len(name) > most {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// Open resolves a MODULE argument. stdin is what "-" stands for, or nil; progress receives the go command's output if a package
// is built.
func Open(ctx context.Context, arg string, stdin io.Reader, progress io.Writer) (*Module, error) {
	return open(ctx, arg, stdin, progress, program)
}

// OpenLibrary is Open, but builds a package for the functions that it exports, rather than for main.
func OpenLibrary(ctx context.Context, arg string, stdin io.Reader, progress io.Writer) (*Module, error) {
	return open(ctx, arg, stdin, progress, library)
}

func open(ctx context.Context, arg string, stdin io.Reader, progress io.Writer, as buildMode) (*Module, error) {
	switch {
	case oci.IsReference(arg):
		return nil, fmt.Errorf("%s: this command takes no module of a registry", arg)
	case !IsPath(arg):
		return &Module{Ref: arg, Name: arg}, nil
	case arg == Stdin && stdin == nil:
		return nil, errors.New("this command reads no module from standard input")
	case arg == Stdin:
		return interrupt.Do(ctx, func() (*Module, error) { return readPipe(stdin, "standard input", Name(arg)) })
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", arg, errors.Unwrap(err))
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return build(ctx, arg, progress, as)
	case mode.IsRegular():
		return openFile(arg)
	case mode&os.ModeNamedPipe == 0:
		return nil, fmt.Errorf("module %s: it is neither a regular file nor a folder nor a pipe", arg)
	}
	return interrupt.Do(ctx, func() (*Module, error) { return openPipe(arg) })
}

func openFile(path string) (*Module, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return newModule(f, path, Name(path))
}

func openPipe(path string) (*Module, error) {
	pipe, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer pipe.Close()
	return readPipe(pipe, path, Name(path))
}

// readPipe reads a module from a pipe.
func readPipe(pipe io.Reader, path, name string) (*Module, error) {
	return Written(path, name, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(pipe, MaxBytes+1))
		if err == nil && n > MaxBytes {
			err = fmt.Errorf("module %s: it has more than the 256 MiB that are read from a pipe: give a file", path)
		}
		return err
	})
}

// Written returns the module that write writes, from path, for people. It is kept in a file without a name: a push reads it
// twice.
func Written(path, name string, write func(io.Writer) error) (*Module, error) {
	f, err := os.CreateTemp("", buildPrefix+"*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := write(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return newModule(f, path, name)
}

// OfBytes returns a module that was made of what arg names.
func OfBytes(arg string, content []byte) (*Module, error) {
	return readPipe(bytes.NewReader(content), arg, Name(arg))
}

// newModule returns the module in a file, which it closes if that is none. path names it for people.
func newModule(f *os.File, path, name string) (*Module, error) {
	m := &Module{File: f, Name: name, Path: path}
	err := check(f, path)
	if err == nil {
		err = m.hash()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

// check returns an error if a file does not begin as WebAssembly does.
func check(f *os.File, path string) error {
	const magic = "\x00asm"
	begin := make([]byte, 64)
	n, err := f.ReadAt(begin, 0)
	begin = begin[:n]
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case bytes.HasPrefix(begin, []byte(magic)):
		return nil
	case n == 0:
		return fmt.Errorf("%s is empty, so it is no WebAssembly module", path)
	case strings.HasSuffix(path, ".go"):
		return fmt.Errorf("%s is Go source: give the folder of its package, %s, and reactorctl builds it", path, Folder(path))
	}
	if what := toolchain.File(begin); what != "" {
		return fmt.Errorf("%s is not a WebAssembly module: %s", path, what)
	}
	return fmt.Errorf("%s is not a WebAssembly module: it begins with %q", path, begin[:min(n, len(magic))])
}

// Folder returns the folder of a file as a MODULE argument.
func Folder(path string) string {
	dir := filepath.Dir(path)
	if IsPath(dir) {
		return dir
	}
	return "./" + dir
}

// Changed reports whether File, which it reads, has other bytes now than when the module was opened.
func (m *Module) Changed() bool {
	now := &Module{File: m.File}
	return now.hash() == nil && now.Digest != m.Digest
}

// hash reads File and sets its digests and size.
func (m *Module) hash() error {
	const mebibyte = 1 << 20
	hash := sha256.New()
	if _, err := m.File.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for {
		n, err := io.CopyN(hash, m.File, mebibyte)
		m.Size += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		m.PrefixDigests = append(m.PrefixDigests, hash.Sum(nil))
	}
	m.Digest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	_, err := m.File.Seek(0, io.SeekStart)
	return err
}
