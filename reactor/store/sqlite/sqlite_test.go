package sqlite_test

import (
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
		Dir: dir, Observer: o.Observer, ModuleBytes: o.ModuleBytes, DatabaseBytes: o.DatabaseBytes,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }
