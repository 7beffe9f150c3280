package storetest

import (
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// testExisting asks for a workload with a large spec as submissions do that have its id. The spec may be left out for one
// that has another.
func testExisting(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	large := f.newWorkload("a")
	large.Spec = make([]byte, 1<<20)
	f.create(large)
	before := f.workload("a")
	same, other := f.newWorkload("a"), f.newWorkload("a")
	other.SpecHash = store.DigestOf([]byte("another"))

	results, err := f.Submit(t.Context(), []*store.Workload{same, other})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []*store.Workload{same, other} {
		if results[i].Created || results[i].Err != nil {
			t.Fatalf("result %d: created %t, error %v", i, results[i].Created, results[i].Err)
		}
		existing, err := f.Existing(t.Context(), "a", w.SpecHash)
		wantIs(t, "Existing", err, nil)
		for _, got := range []*store.Workload{results[i].Workload, existing} {
			if w == other && got.Spec == nil {
				got.Spec = before.Spec
			}
			wantEqual(t, "the existing record", got, before)
		}
	}
	_, err = f.Existing(t.Context(), "b", same.SpecHash)
	wantAs[*store.NotFoundError](t, "one that is not there", err)
}
