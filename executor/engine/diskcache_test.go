package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// codeSizes returns the files of a cache, name to size.
func codeSizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+codeSuffix))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int64{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		files[path] = info.Size()
	}
	return files
}

// run loads modules by name in an engine of its own.
func run(t *testing.T, config Config, modules ...string) {
	t.Helper()
	e := openEngine(t, config)
	for _, name := range modules {
		m, err := e.Load(t.Context(), name, func() ([]byte, error) { return binaryOf(t, name), nil })
		if err != nil {
			t.Fatal(err)
		}
		i, err := m.Instantiate(InstanceConfig{Host: &guest{quantum: testQuantum}})
		if err != nil {
			t.Fatal(err)
		}
		if name == "guest" {
			i.Refill(testQuantum)
			if got := call(t, i, "count", 100); got != 100 {
				t.Errorf("count(100) = %d", got)
			}
		}
		i.Close()
		m.Release()
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCacheSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	run(t, Config{CacheDir: dir}, "guest", "no_memory", "empty")
	before := codeSizes(t, dir)
	if len(before) != 3 {
		t.Fatalf("%d files for three modules", len(before))
	}
	old := time.Now().Add(-time.Hour)
	for path := range before {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	run(t, Config{CacheDir: dir}, "guest")
	used := 0
	for path := range codeSizes(t, dir) {
		if info, err := os.Stat(path); err != nil || info.ModTime().After(old.Add(time.Minute)) {
			used++
		}
	}
	if used != 1 {
		t.Errorf("%d files were used for one module", used)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 4 {
		t.Errorf("left behind: %v; want three files and the lock", left)
	}
}

// TestCacheIsRead: the code in the cache is the code that runs.
func TestCacheIsRead(t *testing.T) {
	dir := t.TempDir()
	run(t, Config{CacheDir: dir}, "guest")
	c := openEngine(t, Config{CacheDir: dir})
	defer c.Close(t.Context())
	for path := range codeSizes(t, dir) {
		module, key, ok := parseName(filepath.Base(path))
		if !ok || module != "guest" {
			t.Errorf("%s is the file of %q", path, module)
		}
		found, err := c.cache.files.get(module, key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(found.bytes, []byte("WAZEVO")) {
			t.Errorf("%s does not hold wazero's file", path)
		}
		if filepath.Dir(found.name) != filepath.Dir(c.cache.fingerprint) {
			t.Errorf("%s is not where wazero looks", found.name)
		}
	}
}

// TestDamagedCache: whatever happens to a file, the module is compiled anew and stored again.
func TestDamagedCache(t *testing.T) {
	for name, damage := range map[string]func(content []byte) []byte{
		"empty":         func([]byte) []byte { return nil },
		"truncated":     func(b []byte) []byte { return b[:len(b)/2] },
		"last byte":     func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"a length":      func(b []byte) []byte { b[len(envelopeMagic)+32+120] ^= 0x80; return b },
		"checksum":      func(b []byte) []byte { b[len(envelopeMagic)] ^= 1; return b },
		"magic":         func(b []byte) []byte { b[0] ^= 1; return b },
		"more":          func(b []byte) []byte { return append(b, 0) },
		"sound, absurd": func([]byte) []byte { return code{name: "x", bytes: []byte("WAZEVO")}.seal() },
		"sound, truncated within": func(b []byte) []byte {
			c, err := openEnvelope(b)
			if err != nil {
				panic(err)
			}
			c.bytes = c.bytes[:len(c.bytes)-100]
			return c.seal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			run(t, Config{CacheDir: dir}, "guest")
			var path string
			for path = range codeSizes(t, dir) {
			}
			sound, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(bytes.Clone(sound)), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, Config{CacheDir: dir}, "guest")
			if strings.HasPrefix(name, "sound") {
				return // no checksum could tell
			}
			if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, sound) {
				t.Errorf("%d bytes after, %d before, %v", len(again), len(sound), err)
			}
		})
	}
}

func TestCacheBound(t *testing.T) {
	dir := t.TempDir()
	run(t, Config{CacheDir: dir}, "no_memory")
	var small int64
	for _, small = range codeSizes(t, dir) {
	}
	// Room for two small ones; guest and traps are larger.
	config := Config{CacheDir: dir, CacheBytes: 2*small + small/2}
	run(t, config, "guest", "table", "no_memory", "elem_bounds")
	var total int64
	for _, size := range codeSizes(t, dir) {
		total += size
	}
	if total == 0 || total > config.CacheBytes {
		t.Errorf("%d bytes kept of at most %d", total, config.CacheBytes)
	}
	config.CacheBytes = 1
	run(t, config)
	if left := codeSizes(t, dir); len(left) != 0 {
		t.Errorf("left at a bound of one byte: %v", left)
	}
}

func TestCacheDirBelongsToOne(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, Config{CacheDir: dir})
	if _, err := New(t.Context(), Config{CacheDir: dir}); err == nil {
		t.Error("two engines share a directory")
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, Config{CacheDir: dir}, "empty")
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte("x"))
	f.Add(code{name: "a/b", bytes: []byte("content")}.seal())
	f.Add(code{name: "../b", bytes: nil}.seal())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := openEnvelope(b)
		if err != nil {
			return
		}
		if !filepath.IsLocal(c.name) {
			t.Errorf("%q leads out of the directory", c.name)
		}
		if !bytes.Equal(c.seal(), b) {
			t.Error("seal does not undo openEnvelope")
		}
	})
}

// A folder that can't be made or written is reported once, and modules run without it.
func TestCacheIsOptional(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var troubles []error
	config := Config{
		CacheDir: filepath.Join(file, "cache"), Compiler: testCompiler(t),
		OnCacheTrouble: func(err error) { troubles = append(troubles, err) },
	}
	run(t, config)
	if len(troubles) != 1 || troubles[0] == nil {
		t.Errorf("told of %v, want one trouble", troubles)
	}
}

// A compiler that can't be run is not reported as trouble of the cache.
func TestCacheNeedsCompiler(t *testing.T) {
	_, err := New(t.Context(), Config{CacheDir: t.TempDir(), Compiler: []string{filepath.Join(t.TempDir(), "nowhere")}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that there is no such file", err)
	}
}

// If a compiler's disk is full, neither the compiler nor the module is at fault.
func TestVerdictOfFullDisk(t *testing.T) {
	full := &InternalError{Err: &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}}
	err := verdictOf(full).err(bounds{}, 0)
	if _, ok := errors.AsType[*TransientError](err); !ok || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want a passing one of a full disk", err)
	}
	fault := &InternalError{Err: errors.New("a fault")}
	if _, ok := errors.AsType[*InternalError](verdictOf(fault).err(bounds{}, 0)); !ok {
		t.Error("a fault of ours is taken for another")
	}
}
