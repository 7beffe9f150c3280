package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
	"github.com/reactord/reactord/reactor/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, o storetest.Options) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{
		Dir: dir, ModuleTags: o.ModuleTags, Tags: o.Tags,
		Options: store.Options{Observer: o.Observer, ModuleBytes: o.ModuleBytes, DatabaseBytes: o.DatabaseBytes},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Engine{Open: open, DamageModule: damageModule})
}

func damageModule(t testing.TB, dir string, module store.Digest, missing bool) {
	t.Helper()
	path := filepath.Join(dir, "modules", "blobs", module.Hex())
	if missing {
		check(t, os.Remove(path))
		return
	}
	data, err := os.ReadFile(path)
	check(t, err)
	data[len(data)/2]++
	check(t, os.WriteFile(path, data, 0o600))
}

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }

// A call that came before the store was closed may still ask for the revision.
func TestRevisionOfClosedStore(t *testing.T) {
	s := open(t, t.TempDir(), storetest.Options{})
	before := s.Revision()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := s.Revision(); after != before {
		t.Errorf("revision %d, %d before", after, before)
	}
}
