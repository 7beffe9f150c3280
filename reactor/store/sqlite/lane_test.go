package sqlite

import (
	"bytes"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// longLog makes a store with a workload whose log has 8 MiB of stdout and, at its beginning, a line
// of stderr.
func longLog(t *testing.T) *Store {
	t.Helper()
	s := openTest(t)
	digest := store.DigestOf([]byte("module"))
	inOneBatch(t, s, &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}}, newSubmitOp(&store.Workload{ID: "a", Module: digest}))
	chunks := []store.LogChunk{{Stream: store.Stderr, Data: []byte("first\n")}}
	for range 8 {
		chunks = append(chunks, store.LogChunk{Stream: store.Stdout, Data: bytes.Repeat([]byte("0123456\n"), 1<<17)})
	}
	done := make(chan error, 1)
	s.AppendLog(store.LogAppend{ID: "a", Chunks: chunks}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return s
}

// Reads of one kind do not wait for those of another.
func TestLanes(t *testing.T) {
	s := longLog(t)
	ctx := t.Context()
	calls := map[string]func() error{
		"Workload": func() error { _, err := s.Workload(ctx, "a"); return err },
		"Count":    func() error { _, err := s.Count(ctx); return err },
		"Module":   func() error { _, err := s.Module(ctx, store.DigestOf([]byte("module"))); return err },
		"end":      func() error { _, _, err := s.TailLog(ctx, "a", 0, 0, store.Cut{}); return err },
		"List":     func() error { _, err := s.List(ctx, store.Query{}); return err },
		"Changes":  func() error { _, err := s.Changes(ctx, 0, 1); return err },
		"Modules":  func() error { _, err := s.ListModules(ctx, "", 1); return err },
		"ReadLog":  func() error { _, _, err := s.ReadLog(ctx, "a", 0, store.Cut{}, 1); return err },
		"TailLog":  func() error { _, _, err := s.TailLog(ctx, "a", 0, 1, store.Cut{}); return err },
	}
	lanes := s.lanes.all()
	for i, names := range [][]string{
		{"Workload", "Count", "Module", "end"},
		{"List", "Changes", "Modules"},
		{"ReadLog", "TailLog"},
	} {
		var busy []*conn
		for j, lane := range lanes {
			for range cap(lane) {
				if j != i {
					busy = append(busy, <-lane)
				}
			}
		}
		for _, name := range names {
			if err := calls[name](); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for j, lane := range lanes {
			for range cap(lane) {
				if j != i {
					lane <- busy[0]
					busy = busy[1:]
				}
			}
		}
	}
}

// A step through a log looks at a bounded piece of it, whatever is looked for.
func TestLogSteps(t *testing.T) {
	s := longLog(t)
	const most = stepBytes + 2*largeRow
	steps := 0
	for find := (tail{streams: store.Only(store.Stderr), lines: 2}); !find.found; steps++ {
		before := find.next
		err := s.read(t.Context(), s.lanes.logs, func(c *conn) error {
			l, err := newLogReader(c, "a")
			if err == nil {
				err = find.step(t.Context(), l)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if looked := (before - find.next) * largeRow; steps > 0 && looked > most {
			t.Errorf("a step looked at %d bytes", looked)
		}
	}
	if steps < 8 {
		t.Errorf("8 MiB were looked through in %d steps", steps)
	}

	steps = 0
	for offset := int64(0); ; steps++ {
		entries, next, err := s.ReadLog(t.Context(), "a", offset, store.Cut{}, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if next-offset > most {
			t.Errorf("a read looked at %d bytes", next-offset)
		}
		if got := len(entries); got == 0 && next > offset {
			t.Errorf("no entries from %d to %d", offset, next)
		}
		if next == offset {
			break
		}
		offset = next
	}
	if steps < 8 {
		t.Errorf("8 MiB were read in %d steps", steps)
	}

	// More lines than there can be need no looking.
	find := tail{lines: 1 << 32}
	err := s.read(t.Context(), s.lanes.logs, func(c *conn) error {
		l, err := newLogReader(c, "a")
		if err == nil {
			err = find.step(t.Context(), l)
		}
		return err
	})
	if err != nil || !find.found || find.offset != 0 {
		t.Errorf("4 billion lines: %+v, %v", find, err)
	}
}
