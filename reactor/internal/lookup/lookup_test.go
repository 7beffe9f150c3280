package lookup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestResolve(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(root+"/a/b/c", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/a/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"a/up": "..", "rel": "a/b", "abs": root + "/a", "chain": "rel/c", "loop": "loop", "gone": "none", "tofile": "a/file",
	} {
		if err := os.Symlink(to, root+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		path string
		want error
	}{
		{"/a/b/c", nil},
		{"//a/./b//c", nil},
		{"/rel", nil},
		{"/rel/..", nil},
		{"/abs/b", nil},
		{"/chain/../..", nil},
		{"/a/up/rel/c", nil},
		{"/a/b/../../../../../../../../../..", nil},
		{"/a/file", nil},
		{"/tofile", nil},
		{"/a/file/x", syscall.ENOTDIR},
		{"/a/file/..", syscall.ENOTDIR},
		{"/tofile/x", syscall.ENOTDIR},
		{"/none", syscall.ENOENT},
		{"/gone", syscall.ENOENT},
		{"/loop/x", syscall.ELOOP},
	} {
		steps, err := Resolve(Host{}, root+tt.path)
		if tt.want != nil {
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.path, err, tt.want)
			}
			continue
		}
		want, wantErr := filepath.EvalSymlinks(root + tt.path)
		if err != nil || wantErr != nil {
			t.Errorf("%s: %v, %v", tt.path, err, wantErr)
			continue
		}
		for i := len(steps) - 1; i >= 0; i-- {
			info, err := os.Lstat(want)
			if err != nil || steps[i].Path != want || !os.SameFile(info, steps[i].Info) {
				t.Errorf("%s: step %d is %s, want %s", tt.path, i, steps[i].Path, want)
			}
			if i > 0 {
				want = filepath.Dir(want)
			}
		}
		if want != "/" {
			t.Errorf("%s: steps are missing up to %s", tt.path, want)
		}
	}
}

// host is a tree in which /dead is a file system that hangs until it is healed, and /link leads there.
type host struct {
	healed chan struct{}

	mu                      sync.Mutex
	waiting, most, answered int // calls on /dead
}

func newHost() *host { return &host{healed: make(chan struct{})} }

func (h *host) Lstat(path string) (fs.FileInfo, error) {
	if path == "/dead" || strings.HasPrefix(path, "/dead/") {
		h.mu.Lock()
		h.waiting++
		h.most = max(h.most, h.waiting)
		h.mu.Unlock()
		<-h.healed
		h.mu.Lock()
		h.waiting--
		h.answered++
		h.mu.Unlock()
	}
	if path == "/link" {
		return file{fs.ModeSymlink}, nil
	}
	return file{fs.ModeDir}, nil
}

func (*host) Readlink(string) (string, error) { return "dead/x", nil }

type file struct{ mode fs.FileMode }

func (f file) Name() string       { return "" }
func (f file) Size() int64        { return 0 }
func (f file) Mode() fs.FileMode  { return f.mode }
func (f file) ModTime() time.Time { return time.Time{} }
func (f file) IsDir() bool        { return f.mode.IsDir() }
func (f file) Sys() any           { return nil }

// Mounts: /dead is one.
func (*host) Stale() bool { return false }
func (*host) Read()       {}
func (*host) Device(path string) uint64 {
	if path == "/dead" || strings.HasPrefix(path, "/dead/") {
		return 2
	}
	return 1
}

const patience = 3 * time.Second

func lookUp(ctx context.Context, l *Lookups, path string) error {
	failed, err := Do(ctx, l, func(files Files) error {
		_, err := Resolve(files, path)
		return err
	})
	return errors.Join(failed, err)
}

func hangs(err error) bool {
	_, ok := errors.AsType[*HangError](err)
	return ok
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		l := New(h, h, patience)
		begin := time.Now()
		if err := lookUp(t.Context(), l, "/dead/x"); !hangs(err) || time.Since(begin) != patience {
			t.Errorf("%v after %v, want a HangError after %v", err, time.Since(begin), patience)
		}
		close(h.healed)
		synctest.Wait()
		if err := lookUp(t.Context(), l, "/dead/x"); err != nil {
			t.Errorf("it answers, but %v", err)
		}
	})
}

func TestClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		defer close(h.healed)
		l := New(h, h, patience)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if err := lookUp(ctx, l, "/dead/x"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v, want the client's deadline after 1s", err, time.Since(begin))
		}
	})
}

func TestPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		l := New(h, h, patience)
		var all sync.WaitGroup
		for range 100 { // who gives up at once holds no more than who stays
			for _, wait := range []time.Duration{time.Millisecond, time.Hour} {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), wait)
					defer cancel()
					if err := lookUp(ctx, l, "/dead/x"); err == nil {
						t.Error("what hangs was found")
					}
				})
			}
		}
		all.Wait()
		synctest.Wait()
		if h.most != places || h.waiting != places {
			t.Errorf("%d waited at once, %d still do; want %d", h.most, h.waiting, places)
		}
		begin := time.Now()
		if err := lookUp(t.Context(), l, "/dead/x"); !hangs(err) || time.Since(begin) != 0 {
			t.Errorf("%v after %v, want a HangError at once", err, time.Since(begin))
		}
		close(h.healed)
		synctest.Wait()
		if h.answered != places {
			t.Errorf("%d went on to the dead file system, want %d: nobody waits for the others", h.answered, places)
		}
		if err := lookUp(t.Context(), l, "/dead/x"); err != nil {
			t.Errorf("it answers, but %v", err)
		}
	})
}

func TestStepsCountWhereTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		defer close(h.healed)
		l := New(h, h, patience)
		for range 2 * places {
			if err := lookUp(t.Context(), l, "/link"); !hangs(err) {
				t.Errorf("%v, want a HangError", err)
			}
		}
		begin := time.Now()
		if err := lookUp(t.Context(), l, "/alive/x"); err != nil || time.Since(begin) != 0 {
			t.Errorf("beside it: %v after %v", err, time.Since(begin))
		}
	})
}

func BenchmarkDo(b *testing.B) {
	dir := b.TempDir()
	h := newHost()
	l := New(Host{}, h, patience)
	for b.Loop() {
		if err := lookUp(b.Context(), l, dir); err != nil {
			b.Fatal(err)
		}
	}
}
