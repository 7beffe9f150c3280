package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func FuzzLabels(f *testing.F) {
	f.Add(appendLabels(nil, map[string]string{"app": "web", "": "\x00", "x": ""}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		labels, err := parseLabels(encoded)
		if err != nil {
			return
		}
		again, err := parseLabels(appendLabels(nil, labels))
		if err != nil || !maps.Equal(labels, again) {
			t.Errorf("%v came back as %v, %v", labels, again, err)
		}
	})
}

func FuzzLogEntries(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, store.Stdout, 1, []byte("one")), store.Stderr, -1, nil))
	f.Add(appendEntry(appendHeader(nil, 1<<32-1), store.Stdout, 1, []byte("one")))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		row := logRow{start: 100, entries: encoded}
		at := int64(100)
		var again []byte
		err := row.each(func(c store.LogEntry) bool {
			if c.Offset != at {
				t.Errorf("offset %d, want %d", c.Offset, at)
			}
			at += int64(len(c.Data))
			again = appendEntry(again, c.Stream, stamp(c.Time), c.Data)
			return true
		})
		if err == nil && len(again) > len(encoded) {
			t.Errorf("%x came back as %x", encoded, again)
		}
	})
}

// fakeOp is an op of some size.
type fakeOp struct {
	op
	size int64
}

func (o *fakeOp) bytes() int64   { return o.size }
func (*fakeOp) workload() string { return "" }

func TestQueueTakesBoundedBatchesInOrder(t *testing.T) {
	q := newQueue()
	sizes := []int64{5, 5, 5, 100, 1, 0, 0}
	for _, size := range sizes {
		q.push(&fakeOp{size: size})
	}
	q.close()
	if q.push(&fakeOp{}) {
		t.Error("a closed queue took an op")
	}
	var batches [][]int64
	for closed := false; !closed; {
		var batch []op
		<-q.ready
		batch, closed = q.take(nil, 10)
		var got []int64
		for _, o := range batch {
			got = append(got, o.bytes())
		}
		batches = append(batches, got)
	}
	want := [][]int64{{5, 5}, {5, 100}, {1, 0, 0}}
	if fmt.Sprint(batches) != fmt.Sprint(want) {
		t.Errorf("batches %v, want %v", batches, want)
	}
}

func openTest(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// inOneBatch has the writer find all the ops at once, and waits for the last.
func inOneBatch(t *testing.T, s *Store, ops ...op) {
	t.Helper()
	stall, stalled := make(chan struct{}), make(chan struct{})
	s.Transition(store.Transition{ID: "nobody"}, func(int64, error) {
		close(stalled)
		<-stall
	})
	<-stalled
	end := &tagOp{call: newCall()}
	for _, o := range append(ops, end) {
		if !s.queue.push(o) {
			t.Fatal("the queue is closed")
		}
	}
	close(stall)
	<-end.result()
}

func newSubmitOp(workloads ...*store.Workload) *submitOp {
	return &submitOp{call: newCall(), workloads: workloads, release: func() {}}
}

// Ops of one transaction see what those before them did, though it is not yet written.
func TestOpsOfOneBatchSeeEachOther(t *testing.T) {
	s := openTest(t)
	digest := store.DigestOf([]byte("module"))
	put := &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}}
	a, b := &store.Workload{ID: "a", Module: digest}, &store.Workload{ID: "b", Module: digest}
	created, again, late := newSubmitOp(a), newSubmitOp(a), newSubmitOp(b)
	refused, deleted := &deleteModuleOp{call: newCall(), digest: digest}, &deleteModuleOp{call: newCall(), digest: digest}
	cancel := &transitionOp{t: store.Transition{ID: "a", From: store.Unfinished, To: store.Cancelled}}
	prune := &pruneOp{call: newCall(), policy: store.Retention{Keep: 1, Limit: 10}}
	inOneBatch(t, s, put, created, refused, cancel, again, deleted, late, prune)

	var inUse *store.InUseError
	if err := <-refused.result(); !errors.As(err, &inUse) || inUse.Workloads != 1 {
		t.Errorf("the first deletion: %v, want a refusal for one workload", err)
	}
	if err := <-deleted.result(); err != nil {
		t.Errorf("the second deletion: %v", err)
	}
	if r := again.results[0]; r.Created || r.Workload.State != store.Cancelled {
		t.Errorf("the second submission: %+v", r)
	}
	var notFound *store.NotFoundError
	if r := late.results[0]; !errors.As(r.Err, &notFound) {
		t.Errorf("the submission after the deletion: %+v", r)
	}
	if err := <-prune.result(); err != nil || prune.pruned.Workloads != 0 {
		t.Errorf("pruned %+v, %v", prune.pruned, err)
	}
}

// A workload that is finished while it is being claimed is not handed out.
func TestClaimOfFinishedWorkload(t *testing.T) {
	s := openTest(t)
	digest := store.DigestOf([]byte("module"))
	put := &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}}
	a, b := &store.Workload{ID: "a", Module: digest}, &store.Workload{ID: "b", Module: digest}
	claim := &claimOp{call: newCall(), read: collector{workloads: []*store.Workload{a, b}}}
	cancel := &transitionOp{t: store.Transition{ID: "a", From: store.Unfinished, To: store.Cancelled}}
	places := &claimPlacesOp{call: newCall()}
	for _, w := range []*store.Workload{a, b} {
		places.rows = append(places.rows, placeRow{life: life{state: int64(store.Pending)}, Place: store.PlaceOf(w)})
	}
	inOneBatch(t, s, put, newSubmitOp(a, b), cancel, claim, places)
	if got := places.claimed.Places; len(got) != 1 || got[0].ID != "b" {
		t.Errorf("claimed the places %v, want b", got)
	}
	if got := claim.claimed.Workloads; len(got) != 1 || got[0].ID != "b" {
		t.Errorf("claimed %v, want b", got)
	}
}

// An op that cannot be written takes none with it that shares its transaction.
func TestOneFailureDoesNotSpoilABatch(t *testing.T) {
	s := openTest(t)
	digest := store.DigestOf([]byte("module"))
	before, bad, after := &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}}, &badOp{call: newCall()}, newSubmitOp(&store.Workload{ID: "a", Module: digest})
	inOneBatch(t, s, before, bad, after)
	if err := <-bad.result(); err == nil {
		t.Error("the op that cannot be written succeeded")
	}
	if err := <-before.result(); err != nil {
		t.Errorf("the op before it: %v", err)
	}
	if err := <-after.result(); err != nil || !after.results[0].Created {
		t.Errorf("the op behind it: %v", err)
	}
	if s.Revision() != 1 {
		t.Errorf("revision %d, want 1", s.Revision())
	}
}

type badOp struct{ call }

func (*badOp) apply(tx *tx) error {
	_, err := tx.exec("INSERT INTO meta (key, value) VALUES (?, NULL)", "bad")
	return err
}

// Tiny appends share rows.
func TestTinyAppendsShareRows(t *testing.T) {
	s := openTest(t)
	digest := store.DigestOf([]byte("module"))
	inOneBatch(t, s, &putModuleOp{call: newCall(), row: moduleRow{digest: digest[:]}}, newSubmitOp(&store.Workload{ID: "a", Module: digest}))
	const appends = 400
	for range appends {
		done := make(chan error, 1)
		s.AppendLog(store.LogAppend{ID: "a", Chunks: []store.LogChunk{{Stream: store.Stdout, Data: []byte("x")}}}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	err := s.read(t.Context(), s.lanes.logs, func(c *conn) error {
		l, err := newLogReader(c, "a")
		rows := l.last - l.first + 1
		if err == nil && (l.end != appends || rows > appends*(entryOverhead+1)/smallRow+1) {
			t.Errorf("%d bytes in %d rows", l.end, rows)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A commit is on disk when it returns.
func TestCommitsAreSynced(t *testing.T) {
	s := openTest(t)
	for pragma, want := range map[string]string{"PRAGMA synchronous": "2", "PRAGMA journal_mode": "wal"} {
		var got string
		if _, err := s.writer.conn.one(pragma, nil, &got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
		}
	}
}

// Every query that a call makes goes by an index: its time does not grow with the store.
func TestQueriesUseIndices(t *testing.T) {
	s := openTest(t)
	ctx, module := t.Context(), store.Digest{}
	calls := map[string]func() error{
		"Workload": func() error { _, err := s.Workload(ctx, "x"); return err },
		"Changes":  func() error { _, err := s.Changes(ctx, 0, 10); return err },
		"ReadLog":  func() error { _, _, err := s.ReadLog(ctx, "x", 0, store.Cut{}, 1); return err },
		"Put": func() error {
			return s.do(ctx, &putModuleOp{call: newCall(), row: moduleRow{digest: make([]byte, len(module))}})
		},
		"Module":  func() error { _, err := s.Module(ctx, module); return err },
		"Tag":     func() error { _, err := s.ModuleByTag(ctx, "x"); return err },
		"Modules": func() error { _, err := s.ListModules(ctx, "", 10); return err },
		"Claim":   func() error { _, err := s.Claim(ctx, 10); return err },
		"Prune":   func() error { _, err := s.Prune(ctx, store.Retention{Keep: 1}); return err },
		"Delete":  func() error { return s.DeleteModule(ctx, module) },
		"Find":    func() error { _, err := s.FindModules(ctx, store.PrefixOf(module), true, 10); return err },
		"Unused":  func() error { _, err := s.UnusedModules(ctx, store.UnusedQuery{Before: time.Now()}); return err },
		"PruneModule": func() error {
			return s.PruneModule(ctx, module, time.Now())
		},
		"DeleteWorkload": func() error { _, err := s.DeleteWorkload(ctx, "x"); return err },
	}
	for i, filter := range []store.Filter{
		{},
		{States: store.Finished},
		{Module: &module},
		{Labels: []store.Requirement{{Key: "a", Value: "b"}}},
		{Labels: []store.Requirement{{Key: "a", Op: store.In, Values: []string{"b", "c"}}}},
	} {
		for _, oldest := range []bool{false, true} {
			calls[fmt.Sprint("List ", i, oldest)] = func() error {
				_, err := s.List(ctx, store.Query{Filter: filter, OldestFirst: oldest})
				return err
			}
		}
	}
	for name, call := range calls {
		if err := call(); err != nil && !refusal(err) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// The statements that the calls prepared, on any of the connections.
	texts := map[string]bool{}
	for text := range s.writer.conn.stmts {
		texts[text] = true
	}
	var readers []*conn
	for _, lane := range s.lanes.all() {
		for range cap(lane) {
			r := <-lane
			readers = append(readers, r)
			defer func() { lane <- r }()
			for text := range r.stmts {
				texts[text] = true
			}
		}
	}
	used := ""
	for text := range texts {
		ofCounts := strings.Contains(text, "counts") && !strings.Contains(text, "uses") && !strings.Contains(text, "modules")
		if !strings.Contains(text, "SELECT") || ofCounts || strings.Contains(text, "sqlite_schema") || strings.HasPrefix(text, "BEGIN") || text == `SELECT digest FROM modules` {
			continue // small tables, those read whole on purpose, and migrations
		}
		rows, err := readers[0].conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...) //nolint:rowserrcheck // Close returns it as well
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			used += detail + "\n"
			table, scan := strings.CutPrefix(detail, "SCAN ")
			table, _, _ = strings.Cut(table, " ")
			scans := scan && slices.Contains([]string{"workloads", "logs", "labels", "uses", "modules", "counts", "tags"}, table) && !strings.Contains(detail, " USING ")
			// A union sorts what its parts are limited to.
			sorts := strings.Contains(detail, "TEMP B-TREE") && !strings.Contains(text, "UNION")
			if scans || sorts {
				t.Errorf("%s\nneeds: %s", text, detail)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, index := range []string{"workloads_id", "workloads_module", "workloads_state", "workloads_unfinished", "workloads_finished", "tags_digest", "uses_used"} {
		if !strings.Contains(used, "INDEX "+index+" ") && !strings.Contains(used, "INDEX "+index+"\n") {
			t.Errorf("no query uses %s", index)
		}
	}
}

func TestEmptyBlobsAreNotNull(t *testing.T) {
	c, err := connect(t.Context(), t.TempDir()+"/x.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.exec("CREATE TABLE t (b BLOB NOT NULL) STRICT"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.exec("INSERT INTO t VALUES (?)", notNil(nil)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	if found, err := c.one("SELECT b FROM t", nil, &got); !found || err != nil || !bytes.Equal(got, nil) {
		t.Errorf("found %t, %q, %v", found, got, err)
	}
}
