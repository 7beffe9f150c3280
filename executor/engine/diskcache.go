package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/internal/flock"
)

// diskCache keeps machine code on disk, in codeFiles.
//
// wazero has a cache of its own, an unbounded directory whose files it trusts. A truncated file makes the
// module fail for good. A file damaged in the wrong place makes wazero allocate what a length field says,
// or jump to where an offset says. And its file names don't say which module they belong to. So wazero's
// cache directory is used only to load code into the runtime, and is otherwise empty:
//
//  1. The key of a module's code is the hash of its metered bytes and of the fingerprint (wazero's version, the
//     architecture, the processor's features).
//  2. If the cache has no valid file for the module with that key, the module is compiled in a runtime of its own with a
//     directory of its own. The one file that this leaves is put into the cache, in an envelope with a
//     checksum.
//  3. To load the module, the contents of the envelope are written to the load directory under the name
//     that wazero gave it. The runtime then compiles the module by reading that file, and the file is
//     removed.
//  4. A file whose checksum is wrong, or that wazero refuses, is removed, and step 2 follows.
//
// Rejected: checking wazero's directory at start (reads everything, and does not know which file belongs to
// which module, nor which was used last).
type diskCache struct {
	files       codeFiles
	fingerprint string
	lock        *os.File                // nil if dir cannot be used, so that nothing is kept
	shared      wazero.CompilationCache // reads code from loadDir
	loadDir     string                  // wazero's cache directory; empty except while code is loaded
	compiler    compiler                // nil if modules are compiled in this process
	opening     keyedMutex              // by the names of files in loadDir
	scratch     string                  // parent of loadDir and of the directories of compilations
	temporary   string                  // scratch, if close removes it; else empty
	onTrouble   func(error)

	probing   sync.Mutex // guards fingerprint until it is known
	reporting sync.Mutex // guards failing, and orders calls of onTrouble
	failing   bool
}

const (
	loadDirName = "door"
	stageName   = "stage"
)

// openDiskCache opens a cache in dir, for one Engine at a time. Only its user may write there, since it
// holds machine code. held reports whether a module is in use. onTrouble is called with an error when the cache cannot be written, and with nil when
// it can be written again, from any goroutine, one call at a time.
//
// The cache is optional: if dir can't be locked or written, nothing is kept. If there is no place at all
// to write code for the runtime, each use fails with a *TransientError until there is. openDiskCache fails
// only if the compiler can't be run or another process uses dir.
func openDiskCache(ctx context.Context, dir string, limit int64, held func(string) bool, compiler compiler, onTrouble func(error)) (_ *diskCache, err error) {
	c := &diskCache{files: newCodeFiles(dir, limit, held), compiler: compiler, onTrouble: onTrouble}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.unlock())
		}
	}()
	err = c.lockDir()
	if errors.Is(err, errCacheInUse) {
		return nil, err
	}
	c.report(err)
	if c.lock != nil {
		if err := c.files.scan(); err != nil {
			c.report(err)
		}
	}
	return c, c.chooseScratch(ctx)
}

var errCacheInUse = errors.New("the compile cache is in use by another process")

// lockDir makes and locks the folder, and removes the temporary files of an earlier process.
func (c *diskCache) lockDir() error {
	if err := os.MkdirAll(c.files.dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(c.files.dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(c.files.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = flock.TryLock(lock)
	if errors.Is(err, flock.ErrLocked) {
		err = fmt.Errorf("%s: %w", c.files.dir, errCacheInUse)
	}
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	c.lock = lock
	return errors.Join(os.RemoveAll(filepath.Join(c.files.dir, loadDirName)), os.RemoveAll(filepath.Join(c.files.dir, stageName)))
}

func (c *diskCache) unlock() error {
	if c.lock == nil {
		return nil
	}
	return c.lock.Close()
}

// chooseScratch chooses the scratch folder: dir, or if that is full or cannot be used a new folder for
// temporary files.
func (c *diskCache) chooseScratch(ctx context.Context) (err error) {
	bases := []string{"", "/dev/shm"} // the system's folder for temporary files, and one in memory
	if c.lock != nil {
		c.scratch = c.files.dir
		if err = c.probe(ctx); err == nil || !isTransient(err) {
			return errors.Join(err, c.openLoadDir())
		}
		c.report(err)
	}
	for _, base := range bases {
		made, e := os.MkdirTemp(base, "reactord-")
		if e != nil {
			err = cmp.Or(err, e)
			continue
		}
		c.scratch, c.temporary = made, made
		if e = c.probe(ctx); e == nil || !isTransient(e) {
			return errors.Join(e, c.openLoadDir())
		}
		err = cmp.Or(err, e)
		c.temporary = ""
		_ = os.RemoveAll(made) // the probe's error is the one to return
	}
	if c.lock == nil {
		return err
	}
	c.scratch = c.files.dir // it may be usable by the time it is needed
	return c.openLoadDir()
}

func (c *diskCache) openLoadDir() (err error) {
	c.loadDir = filepath.Join(c.scratch, loadDirName)
	c.shared, err = wazero.NewCompilationCacheWithDir(c.loadDir)
	return err
}

// isTransient reports whether an error is a transient failure of a disk or the machine, rather than a
// compiler that can't be run.
func isTransient(err error) bool {
	if path, ok := errors.AsType[*fs.PathError](err); ok && path.Op == "fork/exec" &&
		(errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return false
	}
	if _, ok := errors.AsType[*TransientError](err); ok {
		return true
	}
	_, ok := errors.AsType[syscall.Errno](err)
	return ok
}

// probe sets the fingerprint: the name of wazero's file for an empty module, which depends on wazero's
// version, the architecture and the processor.
func (c *diskCache) probe(ctx context.Context) error {
	empty := []byte("\x00asm\x01\x00\x00\x00")
	made, err := c.build(ctx, compileJob{empty, empty}, bounds{cpu: time.Minute, memory: 512 << 20})
	if err == nil {
		c.fingerprint = made.name
	}
	return err
}

// ensureProbed repeats the probe if it failed when the cache was opened.
func (c *diskCache) ensureProbed(ctx context.Context) error {
	c.probing.Lock()
	defer c.probing.Unlock()
	if c.fingerprint != "" {
		return nil
	}
	if err := c.probe(ctx); err != nil {
		return &TransientError{Err: fmt.Errorf("no folder to compile in: %w", err)}
	}
	c.report(nil)
	return nil
}

// report calls onTrouble when writing to the cache starts to fail, and when it works again.
func (c *diskCache) report(err error) {
	c.reporting.Lock()
	defer c.reporting.Unlock()
	if failing := err != nil; failing != c.failing {
		c.failing = failing
		if c.onTrouble != nil {
			c.onTrouble(err)
		}
	}
}

// key returns the key of a module's code.
func (c *diskCache) key(job compileJob) string {
	sum := sha256.New()
	sum.Write([]byte(c.fingerprint))
	sum.Write(job.metered)
	return hex.EncodeToString(sum.Sum(nil))
}

// find returns the code of a module that was compiled before, or an error if there is no usable code.
func (c *diskCache) find(ctx context.Context, module string, job compileJob) (code, error) {
	if err := c.ensureProbed(ctx); err != nil {
		return code{}, err
	}
	return c.files.get(module, c.key(job))
}

// compile compiles a module and stores its code.
func (c *diskCache) compile(ctx context.Context, module string, job compileJob, limit bounds) (code, error) {
	if err := c.ensureProbed(ctx); err != nil {
		return code{}, err
	}
	made, err := c.build(ctx, job, limit)
	if err != nil {
		return code{}, err
	}
	// A cache that cannot be written to is slow, not wrong.
	if c.lock == nil {
		c.report(fmt.Errorf("%s can't be used", c.files.dir))
	} else {
		c.report(c.files.put(module, c.key(job), made))
	}
	return made, nil
}

// open writes code to the load directory and makes the runtime read it. Modules that differ only in what the
// metering pass leaves out share a file name. They take turns, since wazero would compile a module whose
// file is gone.
func (c *diskCache) open(ctx context.Context, r wazero.Runtime, job compileJob, found code) (wazero.CompiledModule, error) {
	defer c.opening.lock(found.name)()
	file := filepath.Join(c.loadDir, found.name)
	if err := os.WriteFile(file, found.bytes, 0o600); err != nil {
		return nil, err
	}
	module, err := r.CompileModule(ctx, job.metered)
	return module, errors.Join(err, os.Remove(file))
}

// build compiles a module into a directory of its own and returns the file that wazero writes there.
func (c *diskCache) build(ctx context.Context, job compileJob, limit bounds) (_ code, err error) {
	stage := filepath.Join(c.scratch, stageName)
	if err := os.MkdirAll(stage, 0o700); err != nil {
		return code{}, err
	}
	stage, err = os.MkdirTemp(stage, "")
	if err != nil {
		return code{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if c.compiler != nil {
		err = c.compiler.run(ctx, stage, job, limit)
	} else {
		err = compileInto(ctx, stage, job)
	}
	if err != nil {
		return code{}, err
	}
	files, err := filepath.Glob(filepath.Join(stage, "*", "*"))
	if err != nil || len(files) != 1 {
		return code{}, fmt.Errorf("wazero left %d files instead of one: %w", len(files), err)
	}
	name, err := filepath.Rel(stage, files[0])
	if err != nil {
		return code{}, err
	}
	content, err := os.ReadFile(files[0])
	return code{name: name, bytes: content}, err
}

// close removes the temporary files and unlocks the directory. The runtimes and c.shared must be closed.
func (c *diskCache) close() error {
	err := errors.Join(
		os.RemoveAll(c.loadDir),
		os.RemoveAll(filepath.Join(c.scratch, stageName)))
	if c.temporary != "" {
		err = errors.Join(err, os.RemoveAll(c.temporary))
	}
	return errors.Join(err, c.unlock())
}
