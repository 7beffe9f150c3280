package modules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// damageBytes changes the bytes of a module on disk.
func (f *fixture) damageBytes(text string) {
	f.Helper()
	damaged := 0
	err := filepath.WalkDir(f.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || string(b) != text {
			return err
		}
		damaged++
		return os.WriteFile(path, []byte(strings.ToUpper(text)), 0o600)
	})
	if err != nil || damaged != 1 {
		f.Fatalf("%d files are damaged, %v", damaged, err)
	}
}

// TestDamagedModule: once a load has found a module damaged, no submission takes it until it is pushed again.
func TestDamagedModule(t *testing.T) {
	f := newFixture(t)
	f.push("module", "tag")
	f.push("other", "other")
	digest := store.DigestOf([]byte("module"))
	f.damageBytes("module")
	if _, _, err := f.LookUp(t.Context(), "tag"); err != nil {
		t.Errorf("before anybody has read it: %v", err)
	}
	_, err := f.Load(t.Context(), digest)
	if !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("Load: %v", err)
	}
	if _, err := f.Tag(t.Context(), "other", "more"); err != nil { // which empties the catalog
		t.Fatal(err)
	}
	for _, ref := range []string{"tag", digest.String(), digest.Hex()[:8]} {
		_, _, err := f.LookUp(t.Context(), ref)
		wantError(t, err, errs.ModuleNotFound, false)
		if want := "module " + digest.String() + " is damaged on disk: push it again"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", ref, err, want)
		}
	}
	list, err := f.List(t.Context(), api.Page{})
	if err != nil || len(list.Modules) != 2 {
		t.Fatalf("List: %v, %v", list, err)
	}
	for _, m := range list.Modules {
		if m.Damaged != (m.Digest == digest.String()) {
			t.Errorf("the list says of %s: damaged %t", m.Digest, m.Damaged)
		}
	}
	if _, _, err := f.LookUp(t.Context(), "other"); err != nil {
		t.Errorf("another module: %v", err)
	}
	f.push("module", "")
	if _, _, err := f.LookUp(t.Context(), "tag"); err != nil {
		t.Errorf("after the push: %v", err)
	}
	program, err := f.Load(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	program.Release()
}
