package source

import (
	"context"
	"errors"
	"fmt"
	gobuild "go/build"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// buildPrefix begins the names of the temporary folders and files.
	buildPrefix = "reactorctl-build-"
	// abandonedAfter is how old a temporary folder is that nobody uses any more.
	abandonedAfter = 6 * time.Hour
)

// buildMode is what a package is built as, as the go command has it.
type buildMode string

const (
	program buildMode = "exe"
	library buildMode = "c-shared" // without a start: it exports functions
)

// build compiles the Go package in dir for wasip1. The build is reproducible (trimmed paths, no
// version control stamp), so the same source has the same digest and is pushed once.
func build(ctx context.Context, dir string, progress io.Writer, as buildMode) (*Module, error) {
	if err := checkPackage(dir); err != nil {
		return nil, err
	}
	removeAbandoned(os.TempDir(), time.Now())
	out, err := os.MkdirTemp("", buildPrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out) //nolint:errcheck // a later build tries again
	binary := filepath.Join(out, "module.wasm")
	cmd := goCommand(ctx, dir, "build", "-trimpath", "-buildvcs=false", "-buildmode="+string(as), "-o", binary, ".")
	cmd.Env = append(cmd.Env, "GOTMPDIR="+out) // so that nothing is left if the command is killed
	named := &positions{folder: dir, out: progress}
	if err := errors.Join(Run(ctx, cmd, named), named.Close()); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, buildError(dir, err)
	}
	f, err := os.Open(binary) // from here on the file needs no name
	if err != nil {
		return nil, fmt.Errorf("go build of %s has made no program: %w", dir, err)
	}
	return newModule(f, dir, Name(dir))
}

// checkPackage returns an error if dir is not the folder of a Go program. What else is wrong the go command tells.
func checkPackage(dir string) error {
	if files, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(files) == 0 {
		return fmt.Errorf("%s has no Go files: MODULE is a .wasm file, a digest, a tag, or the folder of a Go main package", dir)
	}
	target := gobuild.Default
	target.GOOS, target.GOARCH, target.CgoEnabled = "wasip1", "wasm", false
	p, err := target.ImportDir(dir, 0)
	if err == nil && p.Name != "main" {
		return fmt.Errorf("%s is the Go package %s, which is no program: give the folder of a main package", dir, p.Name)
	}
	return nil
}

func buildError(dir string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is a folder, and building it needs the go command, which was not found: give a .wasm file instead", dir)
	}
	return fmt.Errorf("go build of %s for wasip1 failed: %w", dir, err)
}

// removeAbandoned removes the folders of builds that were killed: those of this user that are old.
func removeAbandoned(temp string, now time.Time) {
	entries, err := os.ReadDir(temp)
	if err != nil {
		return // nothing depends on it
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), buildPrefix) {
			continue
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < abandonedAfter {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Geteuid() {
			_ = os.RemoveAll(filepath.Join(temp, entry.Name())) // the next one tries again
		}
	}
}
