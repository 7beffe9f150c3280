package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/sqlite"
	"github.com/reactord/reactord/reactor/store/storetest"
)

// tamper runs SQL on the database of a closed store.
func tamper(t *testing.T, dir, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "store.db"))
	check(t, err)
	result, err := db.Exec(statement, args...)
	check(t, err)
	if n, err := result.RowsAffected(); n == 0 && err == nil && strings.HasPrefix(statement, "UPDATE") {
		t.Fatalf("%s: no rows", statement)
	}
	check(t, db.Close())
}

// A record that was tampered with is named, and only that one is missing.
func TestCorruptWorkload(t *testing.T) {
	for _, statement := range []string{
		"UPDATE specs SET spec = x'00' WHERE seq = 2",
		"UPDATE specs SET hash = x'00' WHERE seq = 2",
		"DELETE FROM specs WHERE seq = 2",
		"UPDATE workloads SET tenant = 'other' WHERE id = 'b'",
		"UPDATE workloads SET name = 'other' WHERE id = 'b'",
		"UPDATE workloads SET labels = x'ff' WHERE id = 'b'",
		"UPDATE workloads SET module = x'00' WHERE id = 'b'",
		"UPDATE workloads SET created = created + 1 WHERE id = 'b'",
		"UPDATE workloads SET attempts = 7 WHERE id = 'b'",
		"UPDATE workloads SET state = 1 WHERE id = 'b'",
		"UPDATE workloads SET updated = 1 WHERE id = 'b'",
		"UPDATE workloads SET status = x'01' WHERE id = 'b'",
	} {
		t.Run(statement, func(t *testing.T) {
			dir, module := fill(t)
			tamper(t, dir, statement)
			s := closing(t, open(t, dir, storetest.Options{}))

			_, err := s.Workload(t.Context(), "b")
			named(t, "Workload", err)
			named(t, "Submit", submit(t, s, workload("b", module)).Err)

			page, err := s.List(t.Context(), store.Query{})
			check(t, err)
			wantIDs(t, "list", page.Workloads, "e", "d", "c", "a")
			named(t, "List", page.Corrupt[0])

			changes, err := s.Changes(t.Context(), 0, 100)
			check(t, err)
			wantIDs(t, "changes", changes.Workloads, "a", "d", "e", "c")
			if changes.Next != s.Revision() {
				t.Errorf("the changes go up to %d of %d", changes.Next, s.Revision())
			}
			named(t, "Changes", changes.Corrupt[0])

			claimed, err := s.Claim(t.Context(), 100)
			check(t, err)
			wantIDs(t, "claimed", claimed.Workloads, "a", "d", "e")
			named(t, "Claim", claimed.Corrupt[0])
		})
	}
}

func named(t *testing.T, what string, err error) {
	t.Helper()
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Name != "b" {
		t.Errorf("%s: error %v, want a CorruptError of b", what, err)
	}
}

func wantIDs(t *testing.T, what string, workloads []*store.Workload, want ...string) {
	t.Helper()
	var got []string
	for _, w := range workloads {
		got = append(got, w.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestCorruptLog(t *testing.T) {
	dir, _ := fill(t)
	tamper(t, dir, "UPDATE logs SET entries = zeroblob(length(entries)) WHERE key = (SELECT max(key) FROM logs)")
	s := closing(t, open(t, dir, storetest.Options{}))
	_, _, err := s.TailLog(t.Context(), "b", 0, 1, store.Cut{})
	named(t, "TailLog", err)
	entries, next, err := s.ReadLog(t.Context(), "b", 0, store.Cut{}, 1<<20)
	check(t, err)
	if len(entries) == 0 {
		t.Error("nothing was read of the part that is sound")
	}
	_, _, err = s.ReadLog(t.Context(), "b", next, store.Cut{}, 1<<20)
	named(t, "ReadLog", err)

	// Appending goes on behind it.
	done := make(chan error, 1)
	s.AppendLog(store.LogAppend{ID: "b", Attempt: 1, Chunks: []store.LogChunk{{Stream: store.Stdout, Data: []byte("more")}}}, func(err error) { done <- err })
	check(t, <-done)
	offset, _, err := s.TailLog(t.Context(), "b", 0, 0, store.Cut{})
	check(t, err)
	entries, _, err = s.ReadLog(t.Context(), "b", offset-4, store.Cut{}, 10)
	check(t, err)
	if len(entries) != 1 || string(entries[0].Data) != "more" {
		t.Errorf("the end of the log is %v", entries)
	}
}

func TestCorruptModule(t *testing.T) {
	dir, module := fill(t)
	check(t, os.WriteFile(filepath.Join(dir, "modules", "blobs", module.Hex()), []byte("modulE"), 0o600))
	s := open(t, dir, storetest.Options{})
	_, err := s.ModuleBinary(t.Context(), module)
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Name != module.String() {
		t.Errorf("a decayed blob: error %v", err)
	}
	check(t, s.Close())

	check(t, os.Remove(filepath.Join(dir, "modules", "blobs", module.Hex())))
	s = open(t, dir, storetest.Options{})
	_, err = s.ModuleBinary(t.Context(), module)
	if !errors.As(err, &corrupt) {
		t.Errorf("a lost blob: error %v", err)
	}
	u, err := s.Upload(t.Context(), module, 6, store.Resume{})
	check(t, err)
	_, err = u.Write([]byte("module"))
	check(t, err)
	_, err = u.Commit(t.Context(), store.NewModule{Created: epoch, Info: []byte("info")})
	check(t, err)
	check(t, u.Close())
	if data, err := s.ModuleBinary(t.Context(), module); err != nil || string(data) != "module" {
		t.Errorf("after another upload: %q, %v", data, err)
	}
	check(t, s.Close())

	tamper(t, dir, "UPDATE modules SET info = x'00'")
	s = closing(t, open(t, dir, storetest.Options{}))
	_, err = s.Module(t.Context(), module)
	if !errors.As(err, &corrupt) {
		t.Errorf("a corrupt record: error %v", err)
	}
	page, err := s.ListModules(t.Context(), "", 10)
	check(t, err)
	if len(page.Modules) != 0 || len(page.Corrupt) != 1 {
		t.Errorf("the page has %d modules and %d corrupt records", len(page.Modules), len(page.Corrupt))
	}
}

// A small row at the end of a log, which would be added to, is left alone if it is corrupt.
func TestCorruptEndOfLog(t *testing.T) {
	dir, _ := fill(t)
	add := func(s store.Store, text string) {
		t.Helper()
		done := make(chan error, 1)
		s.AppendLog(store.LogAppend{ID: "a", Chunks: []store.LogChunk{{Stream: store.Stdout, Data: []byte(text)}}}, func(err error) { done <- err })
		check(t, <-done)
	}
	s := open(t, dir, storetest.Options{})
	add(s, "before")
	check(t, s.Close())
	tamper(t, dir, "UPDATE logs SET entries = CAST(entries || x'00' AS BLOB) WHERE size = 6")
	s = closing(t, open(t, dir, storetest.Options{}))
	add(s, "behind")
	_, _, err := s.ReadLog(t.Context(), "a", 0, store.Cut{}, 100)
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) {
		t.Errorf("the corrupt row: error %v", err)
	}
	entries, _, err := s.ReadLog(t.Context(), "a", 6, store.Cut{}, 100)
	check(t, err)
	if len(entries) != 1 || string(entries[0].Data) != "behind" {
		t.Errorf("behind the corrupt row there is %v", entries)
	}
}

// A page of the workloads table that is garbage takes the records on it, and no list. (Writing to
// the pages beside it can fail: a tree that grows is balanced with its neighbours.)
func TestDamagedPage(t *testing.T) {
	dir, module := fill(t)
	s := open(t, dir, storetest.Options{})
	var many []*store.Workload
	for i := range 300 {
		many = append(many, workload(fmt.Sprintf("w%d", i), module))
	}
	_, err := s.Submit(t.Context(), many)
	check(t, err)
	check(t, s.Close())

	path := filepath.Join(dir, "store.db")
	data, err := os.ReadFile(path)
	check(t, err)
	const pageSize = 4096
	at := -1
	for page := pageSize; page < len(data); page += pageSize {
		const leafOfTable = 0x0d
		body := data[page : page+pageSize]
		if body[0] == leafOfTable && bytes.Contains(body, []byte("w200")) && bytes.Contains(body, module[:]) {
			at = page
		}
	}
	if at < 0 {
		t.Fatal("no page holds w200")
	}
	copy(data[at:], bytes.Repeat([]byte{0xa5}, pageSize))
	check(t, os.WriteFile(path, data, 0o600))

	s = closing(t, open(t, dir, storetest.Options{}))
	page, err := s.List(t.Context(), store.Query{Limit: 1000})
	check(t, err)
	if len(page.Corrupt) == 0 || len(page.Workloads) == 0 || len(page.Corrupt)+len(page.Workloads) != 305 {
		t.Errorf("the list has %d records and %d corrupt ones, want 305 together", len(page.Workloads), len(page.Corrupt))
	}
	claimed, err := s.Claim(t.Context(), 100)
	check(t, err)
	got := claimed.Places()
	for {
		more, err := s.ClaimPlaces(t.Context(), 80)
		check(t, err)
		if len(more.Places)+len(more.Corrupt) == 0 {
			break
		}
		got.Places, got.Corrupt = append(got.Places, more.Places...), append(got.Corrupt, more.Corrupt...)
	}
	if len(got.Corrupt) != len(page.Corrupt) || len(got.Corrupt)+len(got.Places) != 304 {
		t.Errorf("%d were claimed and %d corrupt, want 304 together", len(got.Places), len(got.Corrupt))
	}
	if r := submit(t, s, workload("new", module)); !r.Created {
		t.Errorf("a new workload was not created: %v", r.Err)
	}
}

// A database that is damaged is not opened, with a word on what to do; what can be read of it is
// salvaged, and the rest is set aside.
func TestSalvage(t *testing.T) {
	const pageSize = 4096
	for _, test := range []struct {
		name   string
		damage func(data []byte) []byte
		opens  bool
		least  int // of the 305 workloads
	}{
		{"none", func(data []byte) []byte { return data }, true, 305},
		{"a little cut off", func(data []byte) []byte { return data[:len(data)-pageSize] }, false, 100},
		{"half cut off", func(data []byte) []byte { return data[:len(data)/2/pageSize*pageSize] }, false, 0},
		{"within a page", func(data []byte) []byte { return data[:len(data)-pageSize/3] }, true, 100},
		{"no header", func(data []byte) []byte { clear(data[:100]); return data }, false, 0},
		{"nothing but garbage", func(data []byte) []byte { return bytes.Repeat([]byte("garbage "), len(data)/8) }, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, module := fill(t)
			s := open(t, dir, storetest.Options{})
			var many []*store.Workload
			for i := range 300 {
				many = append(many, workload(fmt.Sprintf("w%d", i), module))
			}
			_, err := s.Submit(t.Context(), many)
			check(t, err)
			before := s.Revision()
			check(t, s.Close())
			path := filepath.Join(dir, "store.db")
			data, err := os.ReadFile(path)
			check(t, err)
			damaged := test.damage(data)
			check(t, os.WriteFile(path, damaged, 0o600))

			opened, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
			if err == nil {
				check(t, opened.Close())
			} else if !strings.Contains(err.Error(), "reactord store salvage") {
				t.Errorf("error %v does not say what to do", err)
			}
			if (err == nil) != test.opens {
				t.Fatalf("Open: %v", err)
			}
			looked, err := sqlite.Check(t.Context(), dir)
			check(t, err)
			kept, err := sqlite.Salvage(t.Context(), dir, epoch)
			check(t, err)
			if kept.Workloads < test.least || kept.Workloads != looked.Workloads || kept.Modules != looked.Modules {
				t.Errorf("kept %+v after seeing %+v, want %d workloads", kept, looked, test.least)
			}
			if aside, err := os.ReadFile(kept.Aside); err != nil || !bytes.Equal(aside, damaged) && !test.opens {
				t.Errorf("what was set aside has %d bytes, want %d: %v", len(aside), len(damaged), err)
			}

			s = closing(t, open(t, dir, storetest.Options{}))
			page, err := s.List(t.Context(), store.Query{Limit: 1000})
			check(t, err)
			counts, err := s.Count(t.Context())
			check(t, err)
			if len(page.Workloads) != kept.Workloads || counts.Of(store.Finished|store.Unfinished) != int64(kept.Workloads) || len(page.Corrupt) > 0 {
				t.Errorf("%d workloads are there, counted as %v, and %d corrupt ones; want %d", len(page.Workloads), counts, len(page.Corrupt), kept.Workloads)
			}
			if kept.Workloads > 0 {
				if _, err := s.Changes(t.Context(), before-1, 1); !errors.Is(err, store.ErrCursorExpired) {
					t.Errorf("a cursor from before: error %v", err)
				}
			}
			if test.least == 305 {
				entries, _, err := s.ReadLog(t.Context(), "b", 0, store.Cut{}, 10)
				if err != nil || len(entries) != 1 || !strings.HasPrefix(string(entries[0].Data), "log of b") {
					t.Errorf("the log of b: %d entries, %v", len(entries), err)
				}
			}
			if kept.Modules > 0 {
				if r := submit(t, s, workload("new", module)); !r.Created {
					t.Errorf("a new workload: %v", r.Err)
				}
			}
		})
	}
}
