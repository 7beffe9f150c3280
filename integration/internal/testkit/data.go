package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// prepared are the data folders that DataDir copies, by the digests of their modules.
var prepared struct {
	sync.Mutex
	dirs map[string]string
}

// DataDir returns a new data folder of a daemon that was given modules and has stopped: they are in its store, and their
// machine code in its cache. For a module that many tests run, since to compile a Go guest takes longer than most tests.
func DataDir(t testing.TB, modules ...[]byte) string {
	t.Helper()
	dir := t.TempDir()
	if len(modules) == 0 {
		return dir
	}
	if err := os.CopyFS(dir, os.DirFS(prepare(t, modules))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// prepare returns the folder that is copied for the modules. A daemon makes it when it is first asked for.
func prepare(t testing.TB, modules [][]byte) string {
	t.Helper()
	digests := make([]string, len(modules))
	for i, module := range modules {
		digests[i] = Digest(module)
	}
	key := strings.Join(digests, "+")
	prepared.Lock()
	defer prepared.Unlock()
	if dir, ok := prepared.dirs[key]; ok {
		return dir
	}
	dir, err := os.MkdirTemp(binaries, "data-") //nolint:usetesting // it outlives the test
	if err != nil {
		t.Fatal(err)
	}
	d := Start(t, dir)
	for _, module := range modules {
		d.Push(t, module)
	}
	d.Stop()
	if prepared.dirs == nil {
		prepared.dirs = map[string]string{}
	}
	prepared.dirs[key] = dir
	return dir
}

// StoredModule returns the bytes of a module in the data folder of a daemon.
func StoredModule(t testing.TB, dataDir, digest string) []byte {
	t.Helper()
	binary, err := os.ReadFile(filepath.Join(dataDir, "store", "modules", "blobs", strings.TrimPrefix(digest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
