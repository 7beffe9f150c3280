package sqlite

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// withLog returns a store with a workload "a" that runs.
func withLog(t *testing.T) *Store {
	t.Helper()
	s := openTest(t)
	digest := store.DigestOf([]byte("module"))
	inOneBatch(t, s, &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}}, newSubmitOp(&store.Workload{ID: "a", Module: digest}))
	return s
}

// add appends one chunk to the log of "a".
func add(t *testing.T, s *Store, at int64, data []byte, cut store.Cut) {
	t.Helper()
	done := make(chan error, 1)
	chunk := store.LogChunk{Offset: at, Stream: store.Stdout, Time: time.Unix(1, 0), Data: data}
	s.AppendLog(store.LogAppend{ID: "a", Chunks: []store.LogChunk{chunk}, Cut: cut}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// write executes a statement on the writer's connection.
func write(t *testing.T, s *Store, statement string, args ...any) {
	t.Helper()
	inOneBatch(t, s, &statementOp{call: newCall(), text: statement, args: args})
}

type statementOp struct {
	call
	text string
	args []any
}

func (o *statementOp) apply(tx *tx) error {
	_, err := tx.exec(o.text, o.args...)
	return err
}

func seqOf(t *testing.T, s *Store) (seq int64) {
	t.Helper()
	err := s.read(t.Context(), s.lanes.records, func(c *conn) error {
		_, err := c.one(`SELECT seq FROM workloads WHERE id = 'a'`, nil, &seq)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func countRows(t *testing.T, s *Store) (n int64) {
	t.Helper()
	err := s.read(t.Context(), s.lanes.logs, func(c *conn) error {
		_, err := c.one(`SELECT count(*) FROM logs`, nil, &n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// all returns the log of "a", read in small steps, and checks that positions grow.
func all(t *testing.T, s *Store, cut store.Cut) (text []byte, gaps []int64) {
	t.Helper()
	seen := int64(0)
	for position := int64(0); ; {
		entries, next, err := s.ReadLog(t.Context(), "a", position, cut, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Offset != seen {
				gaps = append(gaps, seen, e.Offset)
			}
			text, seen = append(text, e.Data...), e.End()
		}
		if next == position {
			return text, gaps
		}
		position = next
	}
}

// Rows that lie in the cut are deleted while others are appended, a bounded number at a time.
func TestCutRowsAreDeleted(t *testing.T) {
	s := withLog(t)
	const size, head, tail = 40 << 10, 10 << 10, 200 << 10
	for i := range int64(300) {
		end := (i + 1) * size
		add(t, s, i*size, bytes.Repeat([]byte{byte('a' + i%26)}, size), store.Cut{From: head, To: max(head, end-tail)})
	}
	if n := countRows(t, s); n > (head+tail)/(size/2)+2 {
		t.Errorf("%d rows are left", n)
	}
	// A jump deletes only some of them at once.
	add(t, s, 1<<40, []byte("x"), store.Cut{From: head, To: 1<<40 - tail})
	if n := countRows(t, s); n > 3 {
		t.Errorf("%d rows are left after the jump", n)
	}
	text, gaps := all(t, s, store.Cut{From: head, To: 1<<40 - tail})
	if want := append(bytes.Repeat([]byte{'a'}, head), 'x'); !bytes.Equal(text, want) || fmt.Sprint(gaps) != fmt.Sprint([]int64{head, 1 << 40}) {
		t.Errorf("the log has %d bytes, with the gaps %v", len(text), gaps)
	}
}

// What an older version stored has no headers: it is read as it is, whatever is cut out, and appended to.
func TestRowsOfVersion1(t *testing.T) {
	s := withLog(t)
	first, _ := logKeys(seqOf(t, s))
	row := logRow{key: first, size: 6, entries: appendEntry(appendEntry(nil, store.Stdout, 1, []byte("one\n")), store.Stderr, 2, []byte("2\n"))}
	row.sum = row.checksum()
	write(t, s, `INSERT INTO logs (key, start, size, entries, sum) VALUES (?, ?, ?, ?, ?)`, row.key, row.start, row.size, row.entries, row.sum)
	clear(s.writer.known) // as after a start: the writer has seen nothing of it
	cut := store.Cut{From: 1, To: 100}
	if text, _ := all(t, s, cut); string(text) != "one\n2\n" {
		t.Errorf("the old log is %q", text)
	}
	if at, _, err := s.TailLog(t.Context(), "a", 0, 1, cut); err != nil || at != 4 {
		t.Errorf("its last line begins at %d, %v", at, err)
	}
	add(t, s, 0, []byte("new"), store.Cut{})
	entries, _, err := s.ReadLog(t.Context(), "a", 0, store.Cut{}, 1000)
	if err != nil || len(entries) != 3 || string(entries[2].Data) != "new" || entries[2].Offset != 6 {
		t.Errorf("after an append: %v, %v", entries, err)
	}
}

// A log whose rows come to the last number gets new numbers, and goes on.
func TestRowsAreRenumbered(t *testing.T) {
	s := withLog(t)
	const head, size = 100, 20 << 10
	block := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, size) }
	var want []byte
	for i := range 10 {
		add(t, s, int64(i*size), block(i), store.Cut{From: head, To: head})
		want = append(want, block(i)...)
	}
	// As if millions of rows had come and gone in between.
	first, _ := logKeys(seqOf(t, s))
	err := s.read(t.Context(), s.lanes.logs, func(c *conn) error {
		l, err := newLogReader(c, "a")
		for key := first + 5; err == nil && key <= l.last; key++ {
			var row *logRow
			if row, err = l.next(key); err != nil {
				break
			}
			old := row.key
			row.key = first + renumberAt + old - first
			row.sum = row.checksum()
			write(t, s, `UPDATE logs SET key = ?, sum = ? WHERE key = ?`, row.key, row.sum, old)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 10; i < 14; i++ {
		add(t, s, int64(i*size), block(i), store.Cut{From: head, To: head})
		want = append(want, block(i)...)
		if text, gaps := all(t, s, store.Cut{From: head, To: head}); !bytes.Equal(text, want) || gaps != nil {
			t.Fatalf("the log has %d bytes, want %d, and the gaps %v", len(text), len(want), gaps)
		}
	}
	err = s.read(t.Context(), s.lanes.logs, func(c *conn) error {
		l, err := newLogReader(c, "a")
		if err == nil && l.last-first > 100 {
			t.Errorf("the last row has the number %d", l.last-first)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
