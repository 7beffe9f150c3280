package submission

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// TestRefused: each check refuses the submission that fails it, and leaves the others of its batch alone.
func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*fixture, *api.SubmitRequest)
		want   string
	}{
		{"id", func(_ *fixture, req *api.SubmitRequest) { req.ID = "a/b" }, "INVALID_ARGUMENT"},
		{"spec", func(_ *fixture, req *api.SubmitRequest) { req.Spec.Invoke = "\x00" }, "INVALID_ARGUMENT"},
		{"module", func(_ *fixture, req *api.SubmitRequest) { req.Spec.Module = "unknown" }, "MODULE_NOT_FOUND"},
		{"stored", func(f *fixture, req *api.SubmitRequest) {
			f.disk.refused[req.ID] = &store.NotFoundError{Kind: store.KindModule, Name: "hello"}
		}, "MODULE_NOT_FOUND"},
		{"damaged", func(f *fixture, req *api.SubmitRequest) {
			f.disk.refused[req.ID] = &store.CorruptError{Kind: store.KindWorkload, Name: req.ID, Err: errors.New("torn")}
		}, "INTERNAL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			bad := of("bad")
			tc.change(f, &bad)
			got, err := f.submit(t, of("1"), bad, of("2"))
			if err != nil {
				t.Fatal(err)
			}
			want(t, "results", got, []string{"1 created", bad.ID + " " + tc.want, "2 created"})
		})
	}
}

// TestAllRefused: what all submissions have in common refuses each of them, and nothing is stored.
func TestAllRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*fixture)
		want   errs.Class
	}{
		{"memory", func(f *fixture) { f.modules.module.Memory = &abi.Memory{MinBytes: 1 << 30} }, errs.InvalidArgument},
		{"call", func(f *fixture) { f.modules.fault = "there is no such export" }, errs.InvalidArgument},
		{"kind", func(f *fixture) { f.modules.err = errs.New(errs.ModuleUnsupported, "unknown kind") }, errs.ModuleUnsupported},
		{"grants", func(f *fixture) { f.denied = errs.New(errs.GrantDenied, "no") }, errs.GrantDenied},
		{"queue", func(f *fixture) { f.queue.places = 0 }, errs.QueueFull},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			tc.change(f)
			got, err := f.submit(t, of("a"), of("b"))
			if err != nil {
				t.Fatal(err)
			}
			want(t, "results", got, []string{"a " + tc.want.String(), "b " + tc.want.String()})
			want(t, "commits", f.disk.commits, nil)
		})
	}
}

// TestQueueFillsUp: those that find a place are stored, in order.
func TestQueueFillsUp(t *testing.T) {
	f := newFixture(t)
	f.queue.places = 2
	got, err := f.submit(t, of("a"), of("b"), of("c"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "results", got, []string{"a created", "b created", "c QUEUE_FULL"})
}

// TestCreated: what is stored has the defaults filled in, and is told from what was sent by the hash of that.
func TestCreated(t *testing.T) {
	f := newFixture(t)
	req := of("")
	req.Spec.Limits.Fuel = 7
	results, err := f.Submit(t.Context(), []api.SubmitRequest{req})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	digest := store.DigestOf([]byte("hello"))
	spec := results[0].Spec
	limits := f.defaults
	limits.Fuel = 7
	want(t, "limits", spec.Limits, limits)
	want(t, "module", spec.Module, digest.String())
	want(t, "what was sent", req.Spec, api.Spec{Module: "hello", Limits: api.Limits{Fuel: 7}})
	rec := results[0].Record
	if rec.ID == "" || rec.ID != results[0].ID || rec.Tenant != defaultTenant || rec.Module != digest || rec.Created.IsZero() {
		t.Errorf("the record is %+v", rec)
	}
	f.defaults.StackBytes++ // a repetition is one all the same
	req.ID = rec.ID
	got, err := f.submit(t, req)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "repeated", got, []string{rec.ID + " there is"})
}

// TestTaken: an id that is taken is an answer for the spec that took it, and refused for any other.
func TestTaken(t *testing.T) {
	f := newFixture(t)
	other := of("a")
	other.Spec.Args = []string{"another"}
	for _, step := range []struct {
		reqs []api.SubmitRequest
		want []string
	}{
		{[]api.SubmitRequest{of("a")}, []string{"a created"}},
		{[]api.SubmitRequest{of("a"), other, of("b")}, []string{"a there is", "a WORKLOAD_EXISTS", "b created"}},
	} {
		got, err := f.submit(t, step.reqs...)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "results", got, step.want)
	}
}

// TestOlderRecord: a record that an older daemon made, with another hash of the same spec, is told from another spec.
func TestOlderRecord(t *testing.T) {
	f := newFixture(t)
	old := of("old")
	old.Spec.Stdin = []byte("in")
	stored := &store.Workload{
		ID: "old", Spec: []byte(`{"stdin":"aW4=","limits":{}}`),
		SpecHash: store.DigestOf([]byte(`{"Module":"hello","Name":""}{"stdin":"aW4=","limits":{}}`)),
	}
	f.disk.records["old"] = stored
	other := large("old", 3)
	for _, tc := range []struct {
		broken error
		other  errs.Class // what is said to another spec
		reads  int        // the older record once more, with its spec
	}{
		{nil, errs.WorkloadExists, 2},
		{store.ErrFull, errs.StoreFull, 3},
	} {
		f.disk.broken, f.disk.reads = tc.broken, 0
		results, err := f.Submit(t.Context(), []api.SubmitRequest{old, other})
		if err != nil {
			t.Fatal(err)
		}
		if got := results[0]; got.Err != nil || got.Created || got.Record != stored {
			t.Errorf("the same spec: %+v", got)
		}
		if got := results[1]; errs.ClassOf(got.Err) != tc.other {
			t.Errorf("another spec: %+v", got)
		}
		want(t, "reads", f.disk.reads, tc.reads)
	}
}

// TestRepeatedWhenRefused: a request that is refused for a reason of the reactor's, and that succeeded before, is
// answered by the workload there is, however it is repeated. A new one beside it is refused.
func TestRepeatedWhenRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*fixture)
		new    string // what is said to a new one
	}{
		{"module", func(f *fixture) { f.modules.missing = true }, "MODULE_NOT_FOUND"},
		{"kind", func(f *fixture) { f.modules.err = errs.New(errs.ModuleUnsupported, "unknown kind") }, "MODULE_UNSUPPORTED"},
		{"tag", func(f *fixture) { f.modules.fault = "the tag's new module has no such export" }, "INVALID_ARGUMENT"},
		{"memory", func(f *fixture) { f.MemoryBytes = 0 }, "INVALID_ARGUMENT"},
		{"grants", func(f *fixture) { f.denied = errs.New(errs.GrantDenied, "no") }, "GRANT_DENIED"},
		{"file systems", func(f *fixture) { f.denied = errs.New(errs.Unavailable, "hangs") }, "UNAVAILABLE"},
		{"queue", func(f *fixture) { f.queue.places = 0 }, "QUEUE_FULL"},
		{"draining", func(f *fixture) { f.denied = refusal.Draining() }, "DRAINING"},
		{"full", func(f *fixture) { f.disk.broken = store.ErrFull }, "STORE_FULL"},
		{"unavailable", func(f *fixture) { f.disk.broken = store.ErrUnavailable }, "UNAVAILABLE"},
		{"damaged", func(f *fixture) { f.disk.broken = errors.New("the database is damaged") }, "INTERNAL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			known, big := of("known"), large("big", CommitBytes)
			if _, err := f.submit(t, known, big); err != nil {
				t.Fatal(err)
			}
			tc.change(f)
			other := of("known")
			other.Spec.Args = []string{"another"}
			newBig := large("new-big", CommitBytes)
			for _, step := range []struct {
				reqs  []api.SubmitRequest
				want  []string
				reads int
			}{
				{[]api.SubmitRequest{known}, []string{"known there is"}, 1},
				{
					[]api.SubmitRequest{of("new"), known, other, known},
					[]string{"new " + tc.new, "known there is", "known " + tc.new, "known there is"}, 4,
				},
				{ // in later commits, which are not tried when the first has failed
					[]api.SubmitRequest{newBig, of("new"), big, known},
					[]string{"new-big " + tc.new, "new " + tc.new, "big there is", "known there is"}, 4,
				},
			} {
				f.disk.reads = 0
				got, err := f.submit(t, step.reqs...)
				if err != nil {
					t.Fatal(err)
				}
				want(t, "results", got, step.want)
				want(t, "reads", f.disk.reads, step.reads)
			}
		})
	}
}

// TestRepeatedInALaterPart: a commit that fails after others succeeded takes no answer from what is there.
func TestRepeatedInALaterPart(t *testing.T) {
	f := newFixture(t)
	if _, err := f.submit(t, of("known")); err != nil {
		t.Fatal(err)
	}
	f.disk.failing[len(f.disk.commits)+1] = store.ErrFull
	got, err := f.submit(t, large("a", CommitBytes), of("b"), of("known"), of("a"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "results", got, []string{"a created", "b STORE_FULL", "known there is", "a STORE_FULL"})
}

// TestNotLookedFor: nothing is read for submissions that cannot repeat another, or that the store has answered.
func TestNotLookedFor(t *testing.T) {
	f := newFixture(t)
	unnamed, faulty, other := of(""), of("faulty"), of("known")
	unnamed.Spec.Module, faulty.Spec.Module, other.Spec.Args = "unknown", "", []string{"another"}
	gone := of("gone")
	f.disk.refused["gone"] = &store.NotFoundError{Kind: store.KindModule, Name: "hello"}
	results, err := f.Submit(t.Context(), []api.SubmitRequest{of("known"), of("known"), other, unnamed, faulty, gone, of("a/b")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, res := range results {
		if res.Err == nil {
			got = append(got, "")
			continue
		}
		got = append(got, errs.ClassOf(res.Err).String())
	}
	want(t, "refused", got, []string{
		"", "", "WORKLOAD_EXISTS", "MODULE_NOT_FOUND", "INVALID_ARGUMENT", "MODULE_NOT_FOUND", "INVALID_ARGUMENT",
	})
	want(t, "reads", f.disk.reads, 0)
}

// TestUnreadable: whether a workload exists is unknown if the store can't be read, so no other answer is given for good. A
// record that is damaged does not keep others from being read.
func TestUnreadable(t *testing.T) {
	corrupt := &store.CorruptError{Kind: store.KindWorkload, Name: "torn", Err: errors.New("sum")}
	for _, tc := range []struct {
		name   string
		change func(*fixture)
		class  errs.Class // of the call; 0: it succeeds
		want   []string
		reads  int
	}{
		{"a record", func(f *fixture) {
			f.denied = errs.New(errs.GrantDenied, "no")
			f.disk.torn["torn"] = corrupt
		}, 0, []string{"new GRANT_DENIED", "torn INTERNAL", "known there is"}, 3},
		{"a record of a full store", func(f *fixture) {
			f.disk.broken = store.ErrFull
			f.disk.torn["torn"] = corrupt
		}, 0, []string{"new STORE_FULL", "torn INTERNAL", "known there is"}, 3},
		{"the store", func(f *fixture) {
			f.denied = errs.New(errs.GrantDenied, "no")
			f.disk.torn[""] = store.ErrUnavailable
		}, 0, []string{"new UNAVAILABLE", "torn UNAVAILABLE", "known UNAVAILABLE"}, 1},
		{"a full store", func(f *fixture) {
			f.disk.broken = store.ErrFull
			f.disk.torn[""] = store.ErrUnavailable
		}, errs.StoreFull, nil, 1},
		{"a closed store", func(f *fixture) {
			f.disk.broken, f.disk.torn[""] = store.ErrClosed, store.ErrClosed
		}, errs.Draining, nil, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			if _, err := f.submit(t, of("torn"), of("known")); err != nil {
				t.Fatal(err)
			}
			tc.change(f)
			got, err := f.submit(t, of("new"), of("torn"), of("known"))
			if tc.class == 0 && err != nil || tc.class != 0 && errs.ClassOf(err) != tc.class {
				t.Errorf("error %v", err)
			}
			want(t, "results", got, tc.want)
			want(t, "reads", f.disk.reads, tc.reads)
		})
	}
}

// TestCommitFails: the call fails if the first commit does and no workload is there. If a later one does, that is the error of what it, and
// those after it, would have stored.
func TestCommitFails(t *testing.T) {
	reqs := []api.SubmitRequest{large("a", CommitBytes), large("b", CommitBytes), large("c", CommitBytes)}
	for _, tc := range []struct {
		failing int
		err     error
		class   errs.Class
		want    []string
	}{
		{0, store.ErrFull, errs.StoreFull, nil},
		{0, store.ErrClosed, errs.Draining, nil},
		{0, context.Canceled, errs.ClassOf(context.Canceled), nil},
		{1, store.ErrFull, 0, []string{"a created", "b STORE_FULL", "c STORE_FULL"}},
		{2, store.ErrUnavailable, 0, []string{"a created", "b created", "c UNAVAILABLE"}},
	} {
		t.Run(fmt.Sprintf("%d %v", tc.failing, tc.err), func(t *testing.T) {
			f := newFixture(t)
			f.disk.failing[tc.failing] = tc.err
			got, err := f.submit(t, reqs...)
			if tc.class == 0 && err != nil || tc.class != 0 && errs.ClassOf(err) != tc.class {
				t.Errorf("error %v", err)
			}
			want(t, "results", got, tc.want)
			want(t, "commits", len(f.disk.commits), tc.failing+1)
		})
	}
}

// TestPlaceOfAPanic: places are given back whatever happens.
func TestPlaceOfAPanic(t *testing.T) {
	f := newFixture(t)
	f.Store = nil
	defer func() {
		if recover() == nil {
			t.Error("there is no store, and it was not missed")
		}
	}()
	f.Submit(t.Context(), []api.SubmitRequest{of("a"), of("b")})
}

// TestParts: a commit is as large as it may be and no larger, but for a workload that is larger alone.
func TestParts(t *testing.T) {
	const empty = 512 // what a record counts that has nothing
	for _, tc := range []struct {
		name  string
		sizes []int // of records; 0: it is refused
		want  []int // the records of each part
	}{
		{"none", nil, nil},
		{"all are refused", []int{0, 0}, nil},
		{"one", []int{empty}, []int{1}},
		{"exactly the bound", []int{CommitBytes - empty, empty}, []int{2}},
		{"one byte more", []int{CommitBytes - empty, empty + 1}, []int{1, 1}},
		{"larger alone", []int{2 * CommitBytes}, []int{1}},
		{"larger among others", []int{empty, 2 * CommitBytes, empty, empty}, []int{1, 1, 2}},
		{"refused between", []int{0, empty, 0, CommitBytes - empty, 0, empty}, []int{2, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list := make([]submission, len(tc.sizes))
			var order []*submission
			for i, size := range tc.sizes {
				one := &list[i]
				if size == 0 {
					one.Err = errors.New("refused")
					continue
				}
				one.Record = &store.Workload{Spec: make([]byte, size-empty)}
				if got := one.Record.Bytes(); got != int64(size) {
					t.Fatalf("a record of %d bytes counts %d", size, got)
				}
				order = append(order, one)
			}
			var got []int
			for _, part := range parts(list) {
				got = append(got, len(part))
				for _, one := range part {
					if one != order[0] {
						t.Error("they are out of order")
					}
					order = order[1:]
				}
			}
			want(t, "parts", got, tc.want)
		})
	}
}

// TestGrantsAreAuthorized: those of each request that passes the checks before.
func TestGrantsAreAuthorized(t *testing.T) {
	f := newFixture(t)
	asked := 0
	f.Authorize = func(context.Context, []grant.Grant) error { asked++; return nil }
	bad := of("bad")
	bad.Spec.Module = "unknown"
	if _, err := f.submit(t, of("a"), bad, of("b")); err != nil {
		t.Fatal(err)
	}
	want(t, "asked", asked, 2)
}
