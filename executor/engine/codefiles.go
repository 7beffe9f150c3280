package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// codeFiles are files of machine code, one for each module, within a bound on their bytes.
//
// When they take too many bytes the least recently used are removed, those of modules in use after all others. A
// file's last use is its modification time, so that the order survives a restart. A file's name has the module and the
// key of the code, so the file of a module is found without reading any, and one of an older key is replaced.
//
// The methods may be called from any goroutine; they block on the disk.
type codeFiles struct {
	dir   string
	limit int64
	held  func(module string) bool // whether a module is in use; called with mu held

	mu    sync.Mutex // guards the fields below
	files map[string]codeFile
	total int64 // bytes of all files
}

// codeFile is the file of a module.
type codeFile struct {
	key  string
	size int64
	used time.Time
}

const codeSuffix = ".code"

func newCodeFiles(dir string, limit int64, held func(string) bool) codeFiles {
	return codeFiles{dir: dir, limit: limit, held: held, files: map[string]codeFile{}}
}

func (c *codeFiles) path(module, key string) string {
	return filepath.Join(c.dir, url.PathEscape(module)+"-"+key+codeSuffix)
}

// parseName returns the module and the key of a file's name.
func parseName(name string) (module, key string, ok bool) {
	name, ok = strings.CutSuffix(name, codeSuffix)
	at := strings.LastIndexByte(name, '-')
	if !ok || at < 0 {
		return "", "", false
	}
	module, err := url.PathUnescape(name[:at])
	return module, name[at+1:], err == nil
}

// scan finds the files of earlier processes, and removes those that are of no use: unfinished ones, those that older
// versions named otherwise, and all but the latest of a module.
func (c *codeFiles) scan() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, entry := range entries {
		isCode := strings.HasSuffix(entry.Name(), codeSuffix)
		if !isCode && !strings.HasSuffix(entry.Name(), ".tmp") {
			continue
		}
		module, key, ok := parseName(entry.Name())
		if !ok {
			if err := os.Remove(filepath.Join(c.dir, entry.Name())); err != nil {
				return err
			}
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue
		}
		if err := c.add(module, codeFile{key: key, size: info.Size(), used: info.ModTime()}); err != nil {
			return err
		}
	}
	return c.trim()
}

// add counts a file, and removes the module's older one of another key. The caller holds mu.
func (c *codeFiles) add(module string, f codeFile) error {
	old, exists := c.files[module]
	if exists && old.key != f.key {
		if old.used.After(f.used) {
			old, f = f, old
		}
		if err := removeIfThere(c.path(module, old.key)); err != nil {
			return err
		}
	}
	c.total += f.size - c.files[module].size
	c.files[module] = f
	return nil
}

// get returns the code of a module under a key, or an error if there is no usable code.
func (c *codeFiles) get(module, key string) (code, error) {
	c.mu.Lock()
	f, ok := c.files[module]
	c.mu.Unlock()
	if !ok || f.key != key {
		return code{}, fs.ErrNotExist
	}
	path := c.path(module, key)
	envelope, err := os.ReadFile(path)
	if err != nil {
		return code{}, errors.Join(err, c.dropOf(module, key))
	}
	found, err := openEnvelope(envelope)
	if err != nil {
		return code{}, errors.Join(err, c.dropOf(module, key))
	}
	now := time.Now()
	c.mu.Lock()
	if f, ok := c.files[module]; ok && f.key == key {
		f.used = now
		c.files[module] = f
	}
	c.mu.Unlock()
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	return found, nil
}

// put stores the code of a module under a key, and makes room for it. It does not fsync: a file damaged by a crash has a
// wrong checksum.
func (c *codeFiles) put(module, key string, found code) error {
	envelope := found.seal()
	size := int64(len(envelope))
	if size > c.limit {
		return nil
	}
	file, err := os.CreateTemp(c.dir, "*.tmp")
	if err != nil {
		return err
	}
	_, err = file.Write(envelope)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := os.Rename(file.Name(), c.path(module, key)); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return errors.Join(c.add(module, codeFile{key: key, size: size, used: time.Now()}), c.trim())
}

// drop removes the file of a module, and returns its size.
func (c *codeFiles) drop(module string) (freed int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remove(module)
}

// dropOf removes the file of a module if it has that key.
func (c *codeFiles) dropOf(module, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[module].key != key {
		return nil
	}
	_, err := c.remove(module)
	return err
}

func (c *codeFiles) remove(module string) (int64, error) {
	f, ok := c.files[module]
	if !ok {
		return 0, nil
	}
	c.total -= f.size
	delete(c.files, module)
	return f.size, removeIfThere(c.path(module, f.key))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// size returns the bytes of a module's file.
func (c *codeFiles) size(module string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[module].size
}

// modules returns the modules that have files.
func (c *codeFiles) modules() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	modules := make([]string, 0, len(c.files))
	for module := range c.files {
		modules = append(modules, module)
	}
	return modules
}

// trim removes files until the rest is within the limit. The caller holds mu.
func (c *codeFiles) trim() error {
	if c.total <= c.limit {
		return nil
	}
	var idle, held []string
	for module := range c.files {
		if c.held(module) {
			held = append(held, module)
		} else {
			idle = append(idle, module)
		}
	}
	byUse := func(a, b string) int { return c.files[a].used.Compare(c.files[b].used) }
	slices.SortFunc(idle, byUse)
	slices.SortFunc(held, byUse)
	for _, module := range append(idle, held...) {
		if c.total <= c.limit {
			break
		}
		if _, err := c.remove(module); err != nil {
			return err
		}
	}
	return nil
}

// code is a file of wazero's cache: its path below the cache directory, and its contents.
type code struct {
	name  string
	bytes []byte
}

// The envelope of a code file: a magic, the SHA-256 of all that follows it, the name,
// a newline, the contents.
const envelopeMagic = "reactord code 1\n"

var errEnvelope = errors.New("not a valid code file")

func (c code) seal() []byte {
	body := slices.Concat([]byte(c.name), []byte("\n"), c.bytes)
	sum := sha256.Sum256(body)
	return slices.Concat([]byte(envelopeMagic), sum[:], body)
}

func openEnvelope(envelope []byte) (code, error) {
	rest, ok := bytes.CutPrefix(envelope, []byte(envelopeMagic))
	if !ok || len(rest) < sha256.Size {
		return code{}, errEnvelope
	}
	body := rest[sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return code{}, errEnvelope
	}
	name, content, ok := bytes.Cut(body, []byte("\n"))
	if !ok || !filepath.IsLocal(string(name)) {
		return code{}, errEnvelope
	}
	return code{name: string(name), bytes: content}, nil
}
