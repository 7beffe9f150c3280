package storetest

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/store"
)

// Options are the options of the store under test; zero fields take the engine's defaults.
type Options struct {
	Observer      store.Observer
	ModuleBytes   int64
	DatabaseBytes int64
	ModuleTags    int
	Tags          int
}

// Open opens the store in a directory, and fails the test if it cannot. The test closes the store.
type Open func(t testing.TB, dir string, options Options) store.Store

// Engine is the engine under test.
type Engine struct {
	Open Open
	// DamageModule changes the bytes of a module on disk, or removes them if missing is set, without the
	// knowledge of the store that is open in dir.
	DamageModule func(t testing.TB, dir string, module store.Digest, missing bool)
}

// Run runs the suite. The name of t must be that of a top-level test, and Open must be usable in
// another process: the crash test runs itself in one.
func Run(t *testing.T, engine Engine) {
	for _, group := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"Submit", testSubmit},
		{"Existing", testExisting},
		{"Transition", testTransition},
		{"Amend", testAmend},
		{"Lazy", testLazy},
		{"Observer", testObserver},
		{"Claim", testClaim},
		{"ClaimPlaces", testClaimPlaces},
		{"Tags", testTags},
		{"List", testList},
		{"Changes", testChanges},
		{"Prune", testPrune},
		{"Module", testModule},
		{"Upload", testUpload},
		{"Resume", testResume},
		{"Heal", func(t *testing.T, _ Open) { testHeal(t, engine) }},
		{"DeleteModule", testDeleteModule},
		{"FindModules", testFindModules},
		{"Untag", testUntag},
		{"Uses", testUses},
		{"Provenance", testProvenance},
		{"UnusedModules", testUnusedModules},
		{"DeleteWorkload", testDeleteWorkload},
		{"Log", testLog},
		{"Full", testFull},
		{"PruneBytes", testPruneBytes},
		{"Close", testClose},
		{"Model", testModel},
		{"Crash", testCrash},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, engine.Open) })
	}
}

// epoch is the time of everything in these tests.
var epoch = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

// fixture is an open store with one module in it.
type fixture struct {
	store.Store
	t      testing.TB
	open   Open
	dir    string
	module store.Digest
}

func newFixture(t testing.TB, open Open, options Options) *fixture {
	t.Helper()
	f := &fixture{t: t, open: open, dir: t.TempDir()}
	f.Store = open(t, f.dir, options)
	t.Cleanup(func() {
		if err := f.Store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	f.module = f.putModule([]byte("module"))
	return f
}

// reopen closes the store and opens it again, as a new process would.
func (f *fixture) reopen(options Options) {
	f.t.Helper()
	if err := f.Store.Close(); err != nil {
		f.t.Fatalf("Close: %v", err)
	}
	f.Store = f.open(f.t, f.dir, options)
}

// putModule stores a module and returns its digest.
func (f *fixture) putModule(binary []byte) store.Digest {
	f.t.Helper()
	return f.putDescribed(binary, []byte("info"))
}

// putDescribed stores a module with a description.
func (f *fixture) putDescribed(binary, info []byte) store.Digest {
	f.t.Helper()
	digest := store.DigestOf(binary)
	u, err := f.Upload(f.t.Context(), digest, int64(len(binary)), store.Resume{})
	if err != nil {
		f.t.Fatalf("Upload: %v", err)
	}
	if _, err := u.Write(binary); err != nil {
		f.t.Fatalf("Write: %v", err)
	}
	if _, err := u.Commit(f.t.Context(), store.NewModule{Created: epoch, Info: info}); err != nil {
		f.t.Fatalf("Commit: %v", err)
	}
	if err := u.Close(); err != nil {
		f.t.Fatalf("Close: %v", err)
	}
	return digest
}

// newWorkload returns a record to submit.
func (f *fixture) newWorkload(id string) *store.Workload {
	return &store.Workload{
		ID:       id,
		Tenant:   "default",
		Name:     "name of " + id,
		Module:   f.module,
		Spec:     []byte("spec of " + id),
		SpecHash: store.DigestOf([]byte("spec of " + id)),
		Created:  epoch,
		Status:   []byte("status of " + id),
	}
}

// submit creates workloads with the given ids.
func (f *fixture) submit(ids ...string) {
	f.t.Helper()
	workloads := make([]*store.Workload, len(ids))
	for i, id := range ids {
		workloads[i] = f.newWorkload(id)
	}
	f.create(workloads...)
}

// create submits workloads, all of which must be new.
func (f *fixture) create(workloads ...*store.Workload) {
	f.t.Helper()
	results, err := f.Submit(f.t.Context(), workloads)
	if err != nil {
		f.t.Fatalf("Submit: %v", err)
	}
	for i, r := range results {
		if !r.Created || r.Err != nil {
			f.t.Fatalf("Submit of %q: created %t, error %v", workloads[i].ID, r.Created, r.Err)
		}
	}
}

// transition makes a transition and waits for it.
func (f *fixture) transition(t store.Transition) (int64, error) {
	type outcome struct {
		revision int64
		err      error
	}
	done := make(chan outcome, 1)
	f.Transition(t, func(revision int64, err error) { done <- outcome{revision, err} })
	o := <-done
	return o.revision, o.err
}

func start(id string, attempt uint32) store.Transition {
	return store.Transition{
		ID: id, From: store.States(store.Pending), To: store.Running, Attempt: attempt,
		Time: epoch.Add(time.Second), Status: []byte("running " + id),
	}
}

func finish(id string, attempt uint32, to store.State) store.Transition {
	return store.Transition{
		ID: id, From: store.Unfinished, To: to, Attempt: attempt,
		Time: epoch.Add(2 * time.Second), Status: []byte("finished " + id),
	}
}

// must makes transitions that must succeed.
func (f *fixture) must(transitions ...store.Transition) {
	f.t.Helper()
	for _, t := range transitions {
		if _, err := f.transition(t); err != nil {
			f.t.Fatalf("Transition of %q to %v: %v", t.ID, t.To, err)
		}
	}
}

// appendLog appends to a log and waits for it.
func (f *fixture) appendLog(id string, attempt uint32, chunks ...store.LogChunk) error {
	done := make(chan error, 1)
	f.AppendLog(store.LogAppend{ID: id, Attempt: attempt, Chunks: chunks}, func(err error) { done <- err })
	return <-done
}

func stdout(text string) store.LogChunk {
	return store.LogChunk{Stream: store.Stdout, Time: epoch, Data: []byte(text)}
}

func stderr(text string) store.LogChunk {
	return store.LogChunk{Stream: store.Stderr, Time: epoch, Data: []byte(text)}
}

// at is the entry that an attempt made of a chunk, at an offset.
func at(offset int64, attempt uint32, c store.LogChunk) store.LogEntry {
	c.Offset = offset
	return store.LogEntry{Attempt: attempt, LogChunk: c}
}

// log returns a workload's whole log, read in steps of limit bytes.
func (f *fixture) log(id string, streams store.Streams, limit int) string {
	f.t.Helper()
	return string(f.logFrom(id, streams, 0, limit))
}

func (f *fixture) logFrom(id string, streams store.Streams, offset int64, limit int) []byte {
	f.t.Helper()
	var text bytes.Buffer
	for {
		entries, next, err := f.ReadLog(f.t.Context(), id, offset, store.Cut{}, limit)
		if err != nil {
			f.t.Fatalf("ReadLog of %q at %d: %v", id, offset, err)
		}
		if next == offset {
			return text.Bytes()
		}
		for _, e := range entries {
			if streams.Has(e.Stream) {
				text.Write(e.Data)
			}
		}
		offset = next
	}
}

// workload returns the record of a workload.
func (f *fixture) workload(id string) *store.Workload {
	f.t.Helper()
	w, err := f.Workload(f.t.Context(), id)
	if err != nil {
		f.t.Fatalf("Workload %q: %v", id, err)
	}
	return w
}

// list returns the ids of all pages of a list, newest first. The list in the other order must have the same ones.
func (f *fixture) list(filter store.Filter, limit int) []string {
	f.t.Helper()
	newest := f.listAll(store.Query{Filter: filter, Limit: limit})
	oldest := f.listAll(store.Query{Filter: filter, Limit: limit, OldestFirst: true})
	slices.Reverse(oldest)
	wantEqual(f.t, "the list with the oldest first", oldest, newest)
	return newest
}

func (f *fixture) listAll(query store.Query) []string {
	f.t.Helper()
	ids, limit := []string{}, query.Limit
	for {
		page, err := f.List(f.t.Context(), query)
		if err != nil {
			f.t.Fatalf("List: %v", err)
		}
		if len(page.Workloads) > limit {
			f.t.Fatalf("a page has %d workloads, the limit is %d", len(page.Workloads), limit)
		}
		ids = append(ids, idsOf(page.Workloads)...)
		if query.Token = page.Next; query.Token == "" {
			return ids
		}
	}
}

func idsOf(workloads []*store.Workload) []string {
	ids := make([]string, len(workloads))
	for i, w := range workloads {
		ids[i] = w.ID
	}
	return ids
}

func wantEqual[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func wantIs(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// wantAs checks that an error has a type, and returns it.
func wantAs[E error](t testing.TB, what string, err error) (e E) {
	t.Helper()
	if !errors.As(err, &e) {
		t.Fatalf("%s: error %v, want a %T", what, err, e)
	}
	return e
}
