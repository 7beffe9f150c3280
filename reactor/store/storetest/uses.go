package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func testFindModules(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	all := []store.Digest{f.module}
	for i := range 200 {
		all = append(all, f.putModule(fmt.Append(nil, "module ", i)))
	}
	slices.SortFunc(all, func(a, b store.Digest) int { return slices.Compare(a[:], b[:]) })
	find := func(prefix string, former bool, limit int) []store.Digest {
		t.Helper()
		p, err := store.ParsePrefix(prefix)
		wantIs(t, "ParsePrefix", err, nil)
		found, err := f.FindModules(t.Context(), p, former, limit)
		wantIs(t, "FindModules", err, nil)
		return found
	}
	for _, d := range all {
		for _, digits := range []int{6, 7, 8, 63, 64} {
			wantEqual(t, "the only one", find(d.Hex()[:digits], false, 10), []store.Digest{d})
			wantEqual(t, "with the algorithm", find(d.String()[:len("sha256:")+digits], true, 10), []store.Digest{d})
		}
	}
	wantEqual(t, "none", find("ffffffff0000", true, 10), nil)

	one, other := alike()
	pair := []store.Digest{f.putModule(one), f.putModule(other)}
	slices.SortFunc(pair, func(a, b store.Digest) int { return slices.Compare(a[:], b[:]) })
	wantEqual(t, "two that begin alike", find(pair[0].Hex()[:6], false, 10), pair)
	wantEqual(t, "the first of them", find(pair[0].Hex()[:6], true, 1), pair[:1])

	f.submit("w")
	f.must(finish("w", 0, store.Cancelled))
	wantIs(t, "DeleteModule", f.DeleteModule(t.Context(), f.module), nil)
	prefix := f.module.Hex()[:6]
	wantEqual(t, "a deleted one", find(prefix, false, 10), nil)
	wantEqual(t, "a deleted one of a workload", find(prefix, true, 10), []store.Digest{f.module})
	wantEqual(t, "the limit", find(prefix, true, 0), nil)
	if done, err := f.DeleteWorkload(t.Context(), "w"); err != nil || !done {
		t.Errorf("DeleteWorkload: %t, %v", done, err)
	}
	wantEqual(t, "a deleted one of no workload", find(prefix, true, 10), nil)
}

// alike returns texts whose digests have the same first six digits.
func alike() (one, other []byte) {
	seen := map[string][]byte{}
	for i := 0; ; i++ {
		text := fmt.Append(nil, "alike ", i)
		prefix := store.DigestOf(text).Hex()[:6]
		if seen[prefix] != nil {
			return seen[prefix], text
		}
		seen[prefix] = text
	}
}

func testUntag(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	for _, tag := range []string{"a", "b"} {
		wantIs(t, "TagModule", f.TagModule(t.Context(), tag, f.module), nil)
	}
	digest, err := f.UntagModule(t.Context(), "a")
	wantIs(t, "UntagModule", err, nil)
	wantEqual(t, "the tag's module", digest, f.module)
	_, err = f.UntagModule(t.Context(), "a")
	wantEqual(t, "kind", wantAs[*store.NotFoundError](t, "UntagModule", err).Kind, store.KindTag)
	f.reopen(Options{})
	m, err := f.Module(t.Context(), f.module)
	wantIs(t, "Module", err, nil)
	wantEqual(t, "tags", m.Tags, []string{"b"})
}

// A module has the name of its last push that had one. Its last use is that push, or a submission, to UseStep.
func testUses(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	want := func(name string, used time.Duration) {
		t.Helper()
		m, err := f.Module(t.Context(), f.module)
		wantIs(t, "Module", err, nil)
		wantEqual(t, "name", m.Name, name)
		wantEqual(t, "last use", m.Used, epoch.Add(used))
	}
	use := func(name string, at time.Duration) {
		t.Helper()
		wantIs(t, "UseModule", f.UseModule(t.Context(), f.module, store.Provenance{Name: name}, epoch.Add(at)), nil)
	}
	n := 0
	submit := func(at time.Duration) {
		t.Helper()
		n++
		w := f.newWorkload(fmt.Sprint("w", n))
		w.Created = epoch.Add(at)
		f.create(w)
	}
	want("", 0)
	use("first", time.Second)
	use("", 2*time.Second)
	want("first", 2*time.Second)
	use("second", time.Second)
	want("second", 2*time.Second)
	submit(time.Hour)
	want("second", time.Hour)
	submit(time.Hour + store.UseStep - 1)
	want("second", time.Hour)
	submit(time.Hour + store.UseStep)
	want("second", time.Hour+store.UseStep)
	submit(time.Minute) // the clock was set
	want("second", time.Hour+store.UseStep)
	f.reopen(Options{})
	want("second", time.Hour+store.UseStep)
	submit(2 * time.Hour)
	want("second", 2*time.Hour)

	unknown := store.DigestOf([]byte("unknown"))
	wantAs[*store.NotFoundError](t, "UseModule", f.UseModule(t.Context(), unknown, store.Provenance{Name: "name"}, epoch))
}

// Each part of what pushes say of a module is kept until another push says something else of it.
func testProvenance(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	module := []byte("fetched")
	u, err := f.Upload(t.Context(), store.DigestOf(module), int64(len(module)), store.Resume{})
	wantIs(t, "Upload", err, nil)
	_, err = u.Write(module)
	wantIs(t, "Write", err, nil)
	first := store.Provenance{Name: "app", Artifact: "registry/app@sha256:1"}
	m, err := u.Commit(t.Context(), store.NewModule{Created: epoch, Provenance: first})
	wantIs(t, "Commit", err, nil)
	wantEqual(t, "what the upload said", m.Provenance, first)

	want := first
	for _, said := range []store.Provenance{
		{}, {Signer: "sha256:2"}, {Name: "other"}, {Artifact: "registry/copy@sha256:3"}, {Name: "app", Signer: "sha256:4"},
	} {
		wantIs(t, "UseModule", f.UseModule(t.Context(), m.Digest, said, epoch), nil)
		want = said.Over(want)
		m, err := f.Module(t.Context(), m.Digest)
		wantIs(t, "Module", err, nil)
		wantEqual(t, fmt.Sprintf("after %+v", said), m.Provenance, want)
	}
	wantEqual(t, "at last", want, store.Provenance{Name: "app", Artifact: "registry/copy@sha256:3", Signer: "sha256:4"})
	f.reopen(Options{})
	m, err = f.Module(t.Context(), m.Digest)
	wantIs(t, "Module", err, nil)
	wantEqual(t, "after reopening", m.Provenance, want)
}

// unused returns the modules that nothing refers to, of all pages.
func (f *fixture) unused(before time.Time, limit int) []store.Digest {
	f.t.Helper()
	unused := []store.Digest{}
	for token := ""; ; {
		page, err := f.UnusedModules(f.t.Context(), store.UnusedQuery{Before: before, Token: token, Limit: limit})
		wantIs(f.t, "UnusedModules", err, nil)
		if len(page.Modules) > limit {
			f.t.Fatalf("a page of %d modules, the limit is %d", len(page.Modules), limit)
		}
		for _, m := range page.Modules {
			unused = append(unused, m.Digest)
		}
		if token = page.Next; token == "" {
			return unused
		}
	}
}

func testUnusedModules(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	var modules []store.Digest
	for i := range 5 {
		modules = append(modules, f.putModule(fmt.Append(nil, "module ", i)))
		wantIs(t, "UseModule", f.UseModule(t.Context(), modules[i], store.Provenance{}, epoch.Add(time.Duration(10-i)*time.Hour)), nil)
	}
	tagged, pending, ended, idle, idler := modules[0], modules[1], modules[2], modules[3], modules[4]
	wantIs(t, "TagModule", f.TagModule(t.Context(), "tag", tagged), nil)
	f.module = pending
	f.submit("pending")
	f.module = ended
	f.submit("ended")
	f.must(finish("ended", 0, store.Cancelled))
	first := store.DigestOf([]byte("module")) // the fixture's, used least recently

	later := epoch.Add(100 * time.Hour)
	for _, limit := range []int{1, 2, 100} {
		wantEqual(t, fmt.Sprint("by ", limit), f.unused(later, limit), []store.Digest{first, idler, idle})
	}
	wantEqual(t, "used before", f.unused(epoch.Add(7*time.Hour), 10), []store.Digest{first, idler})
	if _, err := f.UnusedModules(t.Context(), store.UnusedQuery{Before: later, Token: "x"}); !errors.Is(err, store.ErrBadToken) {
		t.Errorf("a strange token: %v", err)
	}

	for _, kept := range []store.Digest{tagged, pending, ended} {
		err := wantAs[*store.KeptError](t, "PruneModule", f.PruneModule(t.Context(), kept, later))
		wantEqual(t, "what is kept", err.Digest, kept)
	}
	wantAs[*store.KeptError](t, "PruneModule of one used since", f.PruneModule(t.Context(), idle, epoch.Add(time.Hour)))
	used, bound := f.ModuleBytes()
	wantIs(t, "PruneModule", f.PruneModule(t.Context(), idle, later), nil)
	wantAs[*store.NotFoundError](t, "PruneModule", f.PruneModule(t.Context(), idle, later))
	if left, same := f.ModuleBytes(); left >= used || same != bound || bound <= 0 {
		t.Errorf("modules take %d of %d bytes, before that %d of %d", left, same, used, bound)
	}
	_, err := f.ModuleBinary(t.Context(), idle)
	wantAs[*store.NotFoundError](t, "ModuleBinary", err)

	if done, err := f.DeleteWorkload(t.Context(), "ended"); err != nil || !done {
		t.Errorf("DeleteWorkload: %t, %v", done, err)
	}
	if _, err := f.UntagModule(t.Context(), "tag"); err != nil {
		t.Error(err)
	}
	want := []store.Digest{first, idler, ended, tagged}
	wantEqual(t, "after tag and workload have gone", f.unused(later, 10), want)
	f.reopen(Options{})
	wantEqual(t, "after reopening", f.unused(later, 10), want)

	t.Run("Race", func(t *testing.T) {
		for i := range 20 {
			f.module = f.putModule(fmt.Append(nil, "race ", i))
			var group sync.WaitGroup
			var pruned error
			var submitted store.Submitted
			group.Go(func() { pruned = f.PruneModule(t.Context(), f.module, later) })
			group.Go(func() {
				results, err := f.Submit(t.Context(), []*store.Workload{f.newWorkload(fmt.Sprint("race", i))})
				if err != nil {
					t.Error(err)
					return
				}
				submitted = results[0]
			})
			group.Wait()
			if (pruned == nil) == submitted.Created {
				t.Errorf("prune: %v; submit: created %t, %v", pruned, submitted.Created, submitted.Err)
			}
		}
	})
}

func testDeleteWorkload(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	one := f.newWorkload("a")
	one.Labels = map[string]string{"app": "web"}
	f.create(one)
	f.submit("b", "c")
	f.must(start("a", 1))
	wantAs[*store.UnfinishedError](t, "a running one", deleteWorkload(f, "a"))
	wantAs[*store.UnfinishedError](t, "a pending one", deleteWorkload(f, "b"))
	wantAs[*store.NotFoundError](t, "none", deleteWorkload(f, "nobody"))

	text := make([]byte, 1<<20)
	for range 10 {
		wantIs(t, "AppendLog", f.appendLog("a", 1, stdout(string(text))), nil)
	}
	f.must(finish("a", 1, store.Succeeded))
	before := f.workload("a").Revision - 1
	calls := 0
	for done := false; !done; calls++ {
		var err error
		if done, err = f.DeleteWorkload(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if calls < 2 {
		t.Errorf("10 MiB of log are deleted in %d call", calls)
	}
	_, err := f.Workload(t.Context(), "a")
	wantAs[*store.NotFoundError](t, "Workload", err)
	_, _, err = f.ReadLog(t.Context(), "a", 0, store.Cut{}, 100)
	wantAs[*store.NotFoundError](t, "ReadLog", err)
	wantEqual(t, "the others", f.list(store.Filter{}, 10), []string{"c", "b"})
	counts, err := f.Count(t.Context())
	wantIs(t, "Count", err, nil)
	wantEqual(t, "finished ones", counts.Of(store.Finished), 0)
	_, err = f.Changes(t.Context(), before, 10)
	wantIs(t, "a cursor from before its end", err, store.ErrCursorExpired)
	_, err = f.Changes(t.Context(), f.Revision(), 10)
	wantIs(t, "a cursor of now", err, nil)

	// Its numbers are not used again, and its id and its place in an index of labels are free.
	revision := f.Revision()
	f.reopen(Options{})
	wantEqual(t, "revision", f.Revision(), revision)
	f.create(one)
	wantEqual(t, "the log of a new one under the id", f.log("a", 0, 100), "")
	label := store.Filter{Labels: []store.Requirement{{Key: "app", Op: store.Equal, Value: "web"}}}
	wantEqual(t, "by label", f.list(label, 10), []string{"a"})
}

func deleteWorkload(f *fixture, id string) error {
	_, err := f.DeleteWorkload(f.t.Context(), id)
	return err
}
