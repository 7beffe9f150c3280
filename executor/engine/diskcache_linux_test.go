package engine

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// On a disk that is full an engine opens, and modules run; when there is space again they are kept. This
// needs the right to mount a small disk.
func TestCacheOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(disk, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	var troubles []error
	config := Config{
		CacheDir: filepath.Join(disk, "cache"), Compiler: testCompiler(t),
		OnCacheTrouble: func(err error) { troubles = append(troubles, err) },
	}
	e := newEngine(t, config)
	start(t, load(t, e, "guest"), &guest{}, InstanceConfig{}).Close()
	if len(troubles) != 1 || troubles[0] == nil {
		t.Errorf("told of %v, want one trouble", troubles)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	start(t, load(t, e, "table"), &guest{}, InstanceConfig{}).Close()
	if len(troubles) != 2 || troubles[1] != nil {
		t.Errorf("told of %v, want its end", troubles)
	}
	if left := codeSizes(t, config.CacheDir); len(left) != 1 {
		t.Errorf("kept: %v, want the module that there was space for", left)
	}
}
