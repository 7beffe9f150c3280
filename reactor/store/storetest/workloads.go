package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func testSubmit(t *testing.T, open Open) {
	t.Run("Record", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		w := f.newWorkload("a")
		w.Labels = map[string]string{"app": "web", "tier": ""}
		w.Attempts, w.State, w.Revision = 7, store.Failed, 99 // not the caller's to say
		f.create(w)
		want := *w
		want.State, want.Attempts, want.Updated = store.Pending, 0, w.Created
		want.Revision = f.Revision()
		wantEqual(t, "the record", f.workload("a"), &want)
		f.reopen(Options{})
		wantEqual(t, "the record after reopening", f.workload("a"), &want)
	})
	t.Run("OddBytes", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		w := f.newWorkload("nul \x00, not UTF-8 \xff")
		w.Labels = map[string]string{"\x00": "\xff\xfe", "": "'\"%_"}
		w.Spec, w.Status, w.Name, w.Tenant = nil, nil, "\x00", ""
		f.create(w)
		got := f.workload(w.ID)
		wantEqual(t, "labels", got.Labels, w.Labels)
		wantEqual(t, "name", got.Name, w.Name)
		if len(got.Spec)+len(got.Status) > 0 {
			t.Errorf("spec %q and status %q, want none", got.Spec, got.Status)
		}
		wantEqual(t, "list", f.list(store.Filter{Labels: []store.Requirement{{Key: "\x00", Value: "\xff\xfe"}}}, 10), []string{w.ID})
	})
	t.Run("Again", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a")
		f.must(start("a", 1))
		before := f.workload("a")
		other := f.newWorkload("a")
		other.Spec, other.SpecHash = []byte("another"), store.DigestOf([]byte("another"))
		results, err := f.Submit(t.Context(), []*store.Workload{other})
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Created || results[0].Err != nil {
			t.Fatalf("created %t, error %v", results[0].Created, results[0].Err)
		}
		if results[0].Workload.Spec == nil { // it may be left out
			results[0].Workload.Spec = before.Spec
		}
		wantEqual(t, "the existing record", results[0].Workload, before)
		wantEqual(t, "the record on disk", f.workload("a"), before)
	})
	t.Run("Batch", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("old")
		stray := f.newWorkload("stray")
		stray.Module = store.DigestOf([]byte("not there"))
		second := f.newWorkload("new")
		second.Name = "the second of that id"
		results, err := f.Submit(t.Context(), []*store.Workload{f.newWorkload("old"), f.newWorkload("new"), stray, second})
		if err != nil {
			t.Fatal(err)
		}
		created := []bool{}
		for _, r := range results {
			created = append(created, r.Created)
		}
		wantEqual(t, "created", created, []bool{false, true, false, false})
		wantEqual(t, "the second of one id", results[3].Workload.Name, "name of new")
		notFound := wantAs[*store.NotFoundError](t, "a module that is not there", results[2].Err)
		wantEqual(t, "what is not found", *notFound, store.NotFoundError{Kind: store.KindModule, Name: stray.Module.String()})
		_, err = f.Workload(t.Context(), "stray")
		wantAs[*store.NotFoundError](t, "the stray workload", err)
	})
	t.Run("Many", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		ids := make([]string, 10_000)
		for i := range ids {
			ids[i] = fmt.Sprintf("w%05d", i)
		}
		f.submit(ids...)
		slices.Reverse(ids)
		wantEqual(t, "list", f.list(store.Filter{}, 1000), ids)
	})
	t.Run("Concurrent", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		var group sync.WaitGroup
		var mu sync.Mutex
		created := map[string]int{}
		for range 8 {
			group.Go(func() {
				for i := range 50 {
					id := fmt.Sprint(i)
					results, err := f.Submit(t.Context(), []*store.Workload{f.newWorkload(id)})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if results[0].Created {
						created[id]++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for i := range 50 {
			if n := created[fmt.Sprint(i)]; n != 1 {
				t.Errorf("%d was created %d times", i, n)
			}
		}
	})
	t.Run("Cancelled", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.Submit(ctx, []*store.Workload{f.newWorkload("a")})
		wantIs(t, "Submit", err, context.Canceled)
		_, err = f.Workload(t.Context(), "a")
		wantAs[*store.NotFoundError](t, "Workload", err)
	})
}

func testTransition(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	pending, running, finished := store.States(store.Pending), store.States(store.Running), store.States(store.Succeeded)
	for i, test := range []struct {
		name     string
		before   []store.Transition // of the workload ""
		from     store.StateSet
		to       store.State
		attempt  uint32
		attempts uint32 // after; 0 is a refusal
	}{
		{name: "start", from: pending, to: store.Running, attempt: 1, attempts: 1},
		{name: "start twice", before: []store.Transition{start("", 1)}, from: pending, to: store.Running, attempt: 2},
		{name: "start as a later attempt", from: pending, to: store.Running, attempt: 2},
		{name: "start as a former attempt", from: pending, to: store.Running, attempt: 0},
		{name: "report progress", before: []store.Transition{start("", 1)}, from: running, to: store.Running, attempt: 1, attempts: 1},
		{name: "succeed", before: []store.Transition{start("", 1)}, from: running, to: store.Succeeded, attempt: 1, attempts: 1},
		{name: "succeed with a stale token", before: []store.Transition{start("", 1), {To: store.Pending, Attempt: 1}, start("", 2)}, from: running, to: store.Succeeded, attempt: 1},
		{name: "succeed after a retry", before: []store.Transition{start("", 1), {To: store.Pending, Attempt: 1}, start("", 2)}, from: running, to: store.Succeeded, attempt: 2, attempts: 2},
		{name: "succeed without a start", from: running, to: store.Succeeded, attempt: 0},
		{name: "cancel where it may have started", before: []store.Transition{start("", 1)}, from: store.Unfinished, to: store.Cancelled, attempt: 1, attempts: 1},
		{name: "finish twice", before: []store.Transition{start("", 1), finish("", 1, store.Succeeded)}, from: store.Unfinished, to: store.Failed, attempt: 1},
		{name: "leave a final state", before: []store.Transition{start("", 1), finish("", 1, store.Succeeded)}, from: finished, to: store.Pending, attempt: 1},
		{name: "go nowhere", before: []store.Transition{start("", 1)}, from: running, to: 0, attempt: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := fmt.Sprint(i)
			f.submit(id)
			for _, b := range test.before {
				b.ID, b.From = id, store.Unfinished
				f.must(b)
			}
			before, last := f.workload(id), f.Revision()
			revision, err := f.transition(store.Transition{
				ID: id, From: test.from, To: test.to, Attempt: test.attempt, Time: epoch.Add(time.Hour), Status: []byte("new"),
				Log: []store.LogChunk{stdout("line\n")},
			})
			after := f.workload(id)
			if test.attempts == 0 {
				stale := wantAs[*store.StaleError](t, "Transition", err)
				wantEqual(t, "refusal", *stale, store.StaleError{ID: id, State: before.State, Attempts: before.Attempts})
				wantEqual(t, "the record", after, before)
				wantEqual(t, "log", f.log(id, 0, 100), "")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if revision <= last || f.Revision() != revision {
				t.Errorf("revision %d, the store's is %d and was %d", revision, f.Revision(), last)
			}
			want := *before
			want.State, want.Attempts, want.Updated, want.Status, want.Revision = test.to, test.attempts, epoch.Add(time.Hour), []byte("new"), revision
			wantEqual(t, "the record", after, &want)
			wantEqual(t, "log", f.log(id, 0, 100), "line\n")
		})
	}
	t.Run("unknown", func(t *testing.T) {
		_, err := f.transition(start("unknown", 1))
		wantAs[*store.NotFoundError](t, "Transition", err)
	})
	t.Run("in one batch", func(t *testing.T) {
		f.submit("batch")
		outcomes := make(chan string, 5)
		report := func(name string) func(int64, error) {
			return func(_ int64, err error) {
				var stale *store.StaleError
				outcomes <- fmt.Sprint(name, " stale ", errors.As(err, &stale))
			}
		}
		f.Transition(start("batch", 1), report("start"))
		f.Transition(start("batch", 1), report("again"))
		f.Transition(store.Transition{ID: "batch", From: store.Unfinished, To: store.Pending, Attempt: 1}, report("back"))
		f.Transition(start("batch", 2), report("retry"))
		f.Transition(finish("batch", 2, store.Failed), report("fail"))
		for _, want := range []string{"start stale false", "again stale true", "back stale false", "retry stale false", "fail stale false"} {
			wantEqual(t, "outcome", <-outcomes, want)
		}
		got := f.workload("batch")
		wantEqual(t, "state", got.State, store.Failed)
		wantEqual(t, "attempts", got.Attempts, 2)
	})
	t.Run("counts", func(t *testing.T) {
		counts, err := f.Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for state := store.Pending; state <= store.Cancelled; state++ {
			wantEqual(t, state.String(), counts[state], int64(len(f.list(store.Filter{States: store.States(state)}, 100))))
		}
	})
}

func testObserver(t *testing.T, open Open) {
	var mu sync.Mutex
	var seen []store.Change
	var f *fixture
	f = newFixture(t, open, Options{Observer: func(changes []store.Change) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, changes...)
		if last := changes[len(changes)-1].Revision; f.Revision() < last {
			t.Errorf("the observer knows of revision %d before the store does", last)
		}
	}})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			id := fmt.Sprint(i)
			f.submit(id)
			mu.Lock()
			told := slices.ContainsFunc(seen, func(c store.Change) bool { return c.Created != nil && c.Created.ID == id })
			mu.Unlock()
			if !told {
				t.Errorf("the submission of %q was acknowledged before the observer knew of it", id)
			}
			f.must(start(id, 1), finish(id, 1, store.Succeeded))
			if _, err := f.transition(finish(id, 1, store.Failed)); err == nil {
				t.Errorf("%q finished twice", id)
			}
		})
	}
	group.Wait()
	mu.Lock()
	defer mu.Unlock()
	last := int64(0)
	lives := map[string][]string{}
	for _, c := range seen {
		if c.Revision <= last {
			t.Errorf("revision %d came after %d", c.Revision, last)
		}
		last = c.Revision
		lives[c.ID] = append(lives[c.ID], fmt.Sprintf("%v %d %s", c.State, c.Attempts, c.Status))
	}
	wantEqual(t, "the last revision", last, f.Revision())
	for i := range 20 {
		id := fmt.Sprint(i)
		wantEqual(t, "the life of "+id, lives[id], []string{"PENDING 0 status of " + id, "RUNNING 1 running " + id, "SUCCEEDED 1 finished " + id})
	}
}

func testClaim(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	ids := []string{"a", "b", "c", "d", "e", "f"}
	for _, id := range ids {
		f.submit(id)
	}
	f.must(start("b", 1), start("c", 1), finish("c", 1, store.Succeeded), start("e", 1))
	claimed, err := f.Claim(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "claimed from the submitter", idsOf(claimed.Workloads), []string{})

	f.reopen(Options{})
	revision := f.Revision()
	f.submit("new")
	f.must(finish("d", 0, store.Cancelled))
	got, interrupted := []string{}, []string{}
	for {
		claimed, err := f.Claim(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(claimed.Workloads) == 0 {
			break
		}
		if len(claimed.Workloads) > 2 {
			t.Errorf("%d workloads were claimed, the limit is 2", len(claimed.Workloads))
		}
		interrupted = append(interrupted, idsOf(claimed.Interrupted)...)
		for _, w := range claimed.Workloads {
			got = append(got, fmt.Sprintf("%s %v %d", w.ID, w.State, w.Attempts))
			wantEqual(t, "the record of "+w.ID, f.workload(w.ID), w)
		}
	}
	wantEqual(t, "claimed", got, []string{"a PENDING 0", "b PENDING 1", "e PENDING 1", "f PENDING 0"})
	wantEqual(t, "interrupted", interrupted, []string{"b", "e"})
	changes, err := f.Changes(t.Context(), revision, 10)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "changed", idsOf(changes.Workloads), []string{"new", "d", "b", "e"})
	_, err = f.transition(finish("b", 1, store.Succeeded))
	if err != nil {
		t.Errorf("a claimed workload cannot be finished: %v", err)
	}
	_, err = f.transition(store.Transition{ID: "e", From: store.States(store.Running), To: store.Succeeded, Attempt: 1})
	wantAs[*store.StaleError](t, "the end of an attempt that was put back", err)
	f.must(start("e", 2))
}

// Places are claimed like records, in turn with them, and say of those what a queue needs.
func testClaimPlaces(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	for i := range 8 {
		w := f.newWorkload(fmt.Sprint(i))
		w.Name, w.Spec, w.Labels = strings.Repeat("n", i), make([]byte, 100*i), map[string]string{"key": strings.Repeat("v", 1000*i)}
		w.Tenant = fmt.Sprint("tenant ", i/3)
		f.create(w)
	}
	f.must(start("1", 1), start("2", 1), finish("2", 1, store.Succeeded), start("5", 1), start("7", 1))
	places, err := f.ClaimPlaces(t.Context(), 10)
	if err != nil || len(places.Places) > 0 {
		t.Fatalf("claimed from the submitter: %v, %v", places.Places, err)
	}

	f.reopen(Options{})
	revision := f.Revision()
	f.must(finish("4", 0, store.Cancelled))
	first, err := f.Claim(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "claimed with its record", idsOf(first.Workloads), []string{"0"})
	var got []string
	for {
		places, err := f.ClaimPlaces(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(places.Places) == 0 {
			break
		}
		if len(places.Places) > 2 {
			t.Errorf("%d workloads were claimed, the limit is 2", len(places.Places))
		}
		for _, p := range places.Places {
			got = append(got, p.ID)
			wantPlace(t, p, f.workload(p.ID), slices.Contains([]string{"1", "5", "7"}, p.ID))
		}
	}
	wantEqual(t, "claimed", got, []string{"1", "3", "5", "6", "7"})
	changes, err := f.Changes(t.Context(), revision, 10)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "changed", idsOf(changes.Workloads), []string{"4", "1", "5", "7"})
	f.must(start("5", 2))
}

func wantPlace(t testing.TB, got store.Place, rec *store.Workload, interrupted bool) {
	t.Helper()
	wantEqual(t, "state of "+rec.ID, rec.State, store.Pending)
	want := store.PlaceOf(rec)
	want.Interrupted = interrupted
	if about := got.LabelBytes - want.LabelBytes; about < 0 || about > 8*len(rec.Labels) {
		t.Errorf("the labels of %s have %d bytes, not %d", rec.ID, want.LabelBytes, got.LabelBytes)
	}
	want.LabelBytes = got.LabelBytes
	wantEqual(t, "the place of "+rec.ID, got, want)
}

func testList(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	other := f.putModule([]byte("another module"))
	const n = 60
	var all []*store.Workload
	for i := range n {
		w := f.newWorkload(fmt.Sprintf("w%02d", i))
		w.Created = epoch.Add(time.Duration(i) * time.Second)
		w.Labels = map[string]string{"parity": []string{"even", "odd"}[i%2], "all": "yes"}
		if i%10 == 0 {
			w.Labels["tenth"] = ""
		}
		if i%3 == 0 {
			w.Module = other
		}
		f.create(w)
		switch i % 5 {
		case 1:
			f.must(start(w.ID, 1))
		case 2:
			f.must(start(w.ID, 1), finish(w.ID, 1, store.Succeeded))
		case 3:
			f.must(finish(w.ID, 0, store.Cancelled))
		}
		all = append(all, f.workload(w.ID))
	}
	slices.Reverse(all)
	absent := store.DigestOf([]byte("absent"))
	for _, filter := range []store.Filter{
		{},
		{States: store.States(store.Pending)},
		{States: store.States(store.Running, store.Succeeded, store.Cancelled)},
		{States: store.Finished},
		{States: store.States(store.Failed)},
		{Module: &other},
		{Module: &absent},
		{Module: &other, States: store.Unfinished},
		{Labels: []store.Requirement{{Key: "parity", Value: "odd"}}},
		{Labels: []store.Requirement{{Key: "all", Value: "yes"}, {Key: "tenth"}}},
		{Labels: []store.Requirement{{Key: "parity", Op: store.NotEqual, Value: "odd"}}},
		{Labels: []store.Requirement{{Key: "tenth", Op: store.NotEqual, Value: "x"}}},
		{Labels: []store.Requirement{{Key: "tenth", Op: store.Exists}}},
		{Labels: []store.Requirement{{Key: "tenth", Op: store.NotExists}}},
		{Labels: []store.Requirement{{Key: "parity", Value: "even"}, {Key: "tenth", Op: store.Exists}}, States: store.Unfinished, Module: &other},
		{Labels: []store.Requirement{{Key: "parity", Value: "neither"}}},
		{Labels: []store.Requirement{{Key: "parity", Op: store.In, Values: []string{"even", "neither"}}}},
		{Labels: []store.Requirement{{Key: "parity", Op: store.In, Values: []string{"even", "odd"}}, {Key: "tenth", Op: store.NotIn, Values: []string{"", "x"}}}},
		{Created: store.Period{Start: all[50].Created}},
		{Created: store.Period{Start: all[50].Created, End: all[30].Created}},
		{Ended: store.Period{Start: epoch}},
		{Ended: store.Period{End: epoch}},
		{Ended: store.Period{Start: epoch}, States: store.Unfinished},
		{Ended: store.Period{Start: epoch}, States: store.Unfinished | store.States(store.Cancelled), Module: &other},
	} {
		want := []string{}
		for _, w := range all {
			if filter.Match(w) {
				want = append(want, w.ID)
			}
		}
		for _, limit := range []int{1, 7, n, 1000} {
			wantEqual(t, fmt.Sprintf("%+v by %d", filter, limit), f.list(filter, limit), want)
		}
	}
	page, err := f.List(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "the records", page.Workloads, all)

	t.Run("the last page says so", func(t *testing.T) {
		page, err := f.List(t.Context(), store.Query{Limit: n})
		if err != nil || len(page.Workloads) != n || page.Next != "" {
			t.Errorf("%d workloads, next %q, error %v", len(page.Workloads), page.Next, err)
		}
	})
	t.Run("pages stay in place while workloads come", func(t *testing.T) {
		first, err := f.List(t.Context(), store.Query{Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		f.submit("later")
		second, err := f.List(t.Context(), store.Query{Limit: 5, Token: first.Next})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "the second page", idsOf(second.Workloads), idsOf(all[5:10]))
	})
	t.Run("token", func(t *testing.T) {
		for _, token := range []string{"x", "-1", "1e9", strings.Repeat("9", 40)} {
			_, err := f.List(t.Context(), store.Query{Token: token})
			wantIs(t, token, err, store.ErrBadToken)
			_, err = f.ListModules(t.Context(), token, 10)
			wantIs(t, token, err, store.ErrBadToken)
		}
	})
}
