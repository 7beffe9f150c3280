package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
	"github.com/reactord/reactord/reactor/store/storetest"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fill makes a store with a module, and the workloads a to e: b running, with a log, c finished.
func fill(t *testing.T) (dir string, module store.Digest) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir, storetest.Options{})
	module = store.DigestOf([]byte("module"))
	u, err := s.Upload(t.Context(), module, 6, store.Resume{})
	check(t, err)
	_, err = u.Write([]byte("module"))
	check(t, err)
	_, err = u.Commit(t.Context(), store.NewModule{Created: epoch, Info: []byte("info"), Tag: "tag"})
	check(t, err)
	check(t, u.Close())
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		submit(t, s, workload(id, module))
	}
	start := store.Transition{From: store.States(store.Pending), To: store.Running, Attempt: 1, Time: epoch}
	end := store.Transition{From: store.States(store.Running), To: store.Succeeded, Attempt: 1, Time: epoch}
	start.ID, start.Log = "b", []store.LogChunk{{Stream: store.Stdout, Data: bytes.Repeat([]byte("log of b\n"), 10_000)}}
	s.Transition(start, nil)
	start.ID, start.Log = "c", nil
	s.Transition(start, nil)
	end.ID = "c"
	s.Transition(end, nil)
	check(t, s.Close())
	return dir, module
}

func workload(id string, module store.Digest) *store.Workload {
	return &store.Workload{ID: id, Module: module, Spec: []byte("spec of " + id), Created: epoch, Labels: map[string]string{"id": id}, Status: []byte("status")}
}

func submit(t *testing.T, s store.Store, w *store.Workload) store.Submitted {
	t.Helper()
	results, err := s.Submit(t.Context(), []*store.Workload{w})
	check(t, err)
	return results[0]
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closing(t *testing.T, s store.Store) store.Store {
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

func TestConfigReportsEveryFault(t *testing.T) {
	_, err := sqlite.Open(t.Context(), sqlite.Config{Options: store.Options{ModuleBytes: -1, DatabaseBytes: -2}, QueueBytes: -3, Readers: -4})
	if err == nil {
		t.Fatal("the configuration was taken")
	}
	for _, field := range []string{"Dir", "ModuleBytes", "DatabaseBytes", "QueueBytes", "Readers"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not name %s", err, field)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, storetest.Options{})
	_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	var locked *store.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("error %v, want a LockedError with process %d", err, os.Getpid())
	}
	// Removing the lock file does not unlock the files beside it.
	check(t, os.Remove(filepath.Join(dir, "lock")))
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir}); !errors.As(err, &locked) {
		t.Errorf("without the lock file: error %v, want a LockedError", err)
	}
	check(t, s.Close())
	check(t, open(t, dir, storetest.Options{}).Close())
}

func TestPermissions(t *testing.T) {
	dir, _ := fill(t)
	dir = filepath.Join(dir, "new")
	s := closing(t, open(t, dir, storetest.Options{}))
	if _, err := s.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := 0
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		check(t, err)
		info, err := entry.Info()
		check(t, err)
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
		seen++
		return nil
	}))
	if seen < 6 {
		t.Errorf("only %d files and directories", seen)
	}
}

// TestMigration brings a database of the first version to this one. Its modules count as used now.
func TestMigration(t *testing.T) {
	dir, _ := fill(t)
	tamper(t, dir, "DROP TABLE uses")
	tamper(t, dir, "PRAGMA user_version = 1")
	before := time.Now().Add(-time.Second)
	s := closing(t, open(t, dir, storetest.Options{}))
	page, err := s.ListModules(t.Context(), "", 10)
	check(t, err)
	if len(page.Modules) == 0 {
		t.Fatal("the modules are gone")
	}
	for _, m := range page.Modules {
		if m.Used.Before(before) || m.Used.After(time.Now()) || m.Name != "" {
			t.Errorf("%s: name %q, last used %v", m.Digest, m.Name, m.Used)
		}
	}
}

func TestForeignDatabases(t *testing.T) {
	t.Run("newer", func(t *testing.T) {
		dir, _ := fill(t)
		tamper(t, dir, "PRAGMA user_version = 1000")
		_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
		var newer *store.SchemaError
		if !errors.As(err, &newer) || newer.Found != 1000 {
			t.Errorf("error %v, want a SchemaError of version 1000", err)
		}
	})
	t.Run("another program's", func(t *testing.T) {
		dir := t.TempDir()
		tamper(t, dir, "CREATE TABLE theirs (x)")
		_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("none at all", func(t *testing.T) {
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "store.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
		_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "store.db") {
			t.Errorf("error %v", err)
		}
	})
}

// A submission that a closed store refuses gives back the room it took.
func TestClosedStoreKeepsNoRoom(t *testing.T) {
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), QueueBytes: 1})
	check(t, err)
	check(t, s.Close())
	for range 2 {
		_, err := s.Submit(t.Context(), []*store.Workload{workload("a", store.Digest{})})
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("error %v, want %v", err, store.ErrClosed)
		}
	}
}

// Nothing is left behind of what is pruned.
func TestPruneLeavesNothing(t *testing.T) {
	dir, _ := fill(t)
	s := open(t, dir, storetest.Options{})
	for _, id := range []string{"a", "b", "d", "e"} {
		for attempt := range uint32(2) {
			s.Transition(store.Transition{ID: id, From: store.Unfinished, To: store.Cancelled, Attempt: attempt}, nil)
		}
	}
	pruned, err := s.Prune(t.Context(), store.Retention{Before: epoch.Add(time.Hour)})
	check(t, err)
	if pruned.Workloads != 5 || pruned.More {
		t.Errorf("pruned %+v, want all 5", pruned)
	}
	check(t, s.Close())
	db, err := sql.Open("sqlite", filepath.Join(dir, "store.db"))
	check(t, err)
	defer db.Close()
	for _, table := range []string{"workloads", "specs", "labels", "logs", "counts"} {
		var n int
		check(t, db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
		if n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
	}
}

// A blob whose record was never written goes when the store is opened; a part of one stays.
func TestStrayBlobs(t *testing.T) {
	dir, module := fill(t)
	stray := store.DigestOf([]byte("stray"))
	blob := filepath.Join(dir, "modules", "blobs", stray.Hex())
	part := filepath.Join(dir, "modules", "uploads", stray.Hex())
	for _, path := range []string{blob, part} {
		check(t, os.WriteFile(path, []byte("stray"), 0o600))
	}
	s := closing(t, open(t, dir, storetest.Options{}))
	if _, err := os.Stat(blob); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the stray blob: %v", err)
	}
	if _, err := os.Stat(part); err != nil {
		t.Errorf("the part: %v", err)
	}
	if _, err := s.ModuleBinary(t.Context(), module); err != nil {
		t.Errorf("the module: %v", err)
	}
}

// Small submissions that have the id of a large workload do not have its spec read, unless it is theirs.
func TestSmallSubmissionsOfLargeID(t *testing.T) {
	dir, module := fill(t)
	s := closing(t, open(t, dir, storetest.Options{}))
	large := workload("large", module)
	large.Spec, large.SpecHash = make([]byte, 1<<20), store.DigestOf([]byte("large"))
	if !submit(t, s, large).Created {
		t.Fatal("it was not created")
	}
	many := make([]*store.Workload, 100)
	for i := range many {
		many[i] = workload("large", module)
	}
	many[50].SpecHash = large.SpecHash
	results, err := s.Submit(t.Context(), many)
	check(t, err)
	for i, r := range results {
		if r.Err != nil || r.Created || r.Workload.ID != "large" || r.Workload.SpecHash != large.SpecHash {
			t.Errorf("result %d is %+v", i, r)
		} else if got := len(r.Workload.Spec) > 0; got != (i == 50) {
			t.Errorf("result %d has the spec: %t", i, got)
		}
	}
	for hash, want := range map[store.Digest]int{large.SpecHash: 1 << 20, {}: 0} {
		w, err := s.Existing(t.Context(), "large", hash)
		check(t, err)
		if w.SpecHash != large.SpecHash || len(w.Spec) != want {
			t.Errorf("for hash %v it has a spec of %d bytes, want %d", hash, len(w.Spec), want)
		}
	}
}
