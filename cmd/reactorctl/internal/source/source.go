// Package source resolves the MODULE argument of a command: to a digest or tag that the daemon knows, or to the
// bytes of a file, or of a Go package that it builds for WASI.
//
// Everything runs on the caller's goroutine; building a package runs the go command.
package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

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
	// Name is a short name for people: the file's or folder's base name.
	Name string

	cleanup func() error
}

// Close closes File and removes the built binary.
func (m *Module) Close() error {
	if m.File == nil {
		return nil
	}
	err := m.File.Close()
	if m.cleanup != nil {
		err = errors.Join(err, m.cleanup())
	}
	return err
}

// IsPath reports whether a MODULE argument names a file or folder: it begins with "/", "./" or "../", is "." or
// "..", or ends in ".wasm". Anything else is a digest or a tag (which may have slashes), so that what an argument
// means never depends on what is in the current folder.
func IsPath(arg string) bool {
	return arg == "." || arg == ".." ||
		strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") || filepath.IsAbs(arg) ||
		strings.HasSuffix(arg, ".wasm")
}

// Open resolves a MODULE argument. progress receives the go command's output if a package is built.
func Open(ctx context.Context, arg string, progress io.Writer) (*Module, error) {
	if !IsPath(arg) {
		return &Module{Ref: arg, Name: arg}, nil
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", arg, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return openFile(arg, baseName(arg))
	}
	return build(ctx, arg, progress)
}

func baseName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return strings.TrimSuffix(filepath.Base(path), ".wasm")
}

func openFile(path, name string) (*Module, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Module{File: f, Name: name}
	if err := m.hash(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

// hash reads File and sets its digests and size.
func (m *Module) hash() error {
	const mebibyte = 1 << 20
	hash := sha256.New()
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

// build compiles the Go package in dir for wasip1. The build is reproducible (trimmed paths, no
// version control stamp), so the same source has the same digest and is pushed once.
func build(ctx context.Context, dir string, progress io.Writer) (*Module, error) {
	if files, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no Go files: MODULE is a .wasm file, a digest, a tag, or the folder of a Go main package", dir)
	}
	out, err := os.MkdirTemp("", "reactorctl-build-")
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(out, "module.wasm")
	cmd := goCommand(ctx, dir, "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	cmd.Env = append(cmd.Env, "GOTMPDIR="+out) // so that nothing is left if the command is killed
	if err := Run(ctx, cmd, progress); err != nil {
		err = errors.Join(buildError(dir, err), os.RemoveAll(out))
		return nil, err
	}
	m, err := openFile(binary, baseName(dir))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not build, is it a main package? %w", dir, err), os.RemoveAll(out))
	}
	m.cleanup = func() error { return os.RemoveAll(out) }
	return m, nil
}

func buildError(dir string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is a folder, and building it needs the go command, which was not found: give a .wasm file instead", dir)
	}
	return fmt.Errorf("go build of %s for wasip1 failed: %w", dir, err)
}
