package modules

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

var refusedModule = meter.Error{Kind: meter.Malformed, Msg: "it is refused"}

// pruned prunes, and returns the sizes of what was removed, in order: tests give each module another size.
func (f *fixture) pruned(req api.PruneRequest) []uint64 {
	f.Helper()
	got, err := f.Prune(f.Context(), req)
	if err != nil {
		f.Fatal(err)
	}
	var sizes []uint64
	sum := uint64(0)
	for _, m := range got.Modules {
		sizes = append(sizes, m.SizeBytes)
		sum += m.SizeBytes
		if m.Kind != api.WASICommand || m.CreateTime.IsZero() || m.LastUseTime.IsZero() || m.Imports != nil {
			f.Errorf("a pruned module is %+v", m)
		}
	}
	if got.Total != uint64(len(sizes)) || got.FreedBytes != sum {
		f.Errorf("%d modules, %d bytes; there are %v", got.Total, got.FreedBytes, sizes)
	}
	return sizes
}

// wantSizes checks which modules there are, by their sizes.
func (f *fixture) wantSizes(want ...uint64) {
	f.Helper()
	page, err := f.List(f.Context(), api.Page{})
	if err != nil {
		f.Fatal(err)
	}
	var sizes []uint64
	for _, m := range page.Modules {
		sizes = append(sizes, m.SizeBytes)
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, want) {
		f.Errorf("there are modules of the sizes %v, want %v", sizes, want)
	}
}

// sized returns a module of a size.
func sized(n int) string { return string(make([]byte, n)) }

func wantPruned(t *testing.T, got []uint64, want ...uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("pruned %v, want %v", got, want)
	}
}

// TestPrune removes what nothing refers to: no tag, no push and no submission under way.
func TestPrune(t *testing.T) {
	f := newFixture(t)
	for n := 1; n <= 4; n++ {
		f.push(sized(n), "")
	}
	f.push(sized(5), "tag")
	submitted := store.DigestOf([]byte(sized(2)))
	f.Hold(submitted)
	f.Hold(submitted)
	again := f.begin(sized(3), "", 3)
	running := f.begin(sized(6), "", 0)
	f.write(running, sized(6))

	wantPruned(t, f.pruned(api.PruneRequest{UnusedFor: time.Hour}))
	wantPruned(t, f.pruned(api.PruneRequest{DryRun: true}), 1, 4)
	f.wantSizes(1, 2, 3, 4, 5)
	wantPruned(t, f.pruned(api.PruneRequest{}), 1, 4)
	f.wantSizes(2, 3, 5)

	f.Release(submitted)
	wantPruned(t, f.pruned(api.PruneRequest{}))
	f.Release(submitted)
	for _, p := range []*Push{again, running} {
		if _, _, err := p.Commit(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Untag(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	wantPruned(t, f.pruned(api.PruneRequest{}), 2, 3, 5, 6)
	_, _, err := f.LookUp(t.Context(), submitted.String())
	wantError(t, err, errs.ModuleNotFound, false)
	_, err = f.Prune(t.Context(), api.PruneRequest{UnusedFor: -1})
	wantError(t, err, errs.InvalidArgument, false)
	if len(f.holds.count) > 0 || len(f.holds.pruning) > 0 {
		t.Errorf("left behind: %+v", &f.holds)
	}
}

// TestPruneAnswerIsBounded: what is beyond the bound is counted.
func TestPruneAnswerIsBounded(t *testing.T) {
	f := newFixture(t)
	f.maxPruned = 3
	for i := range 5 {
		f.push(fmt.Sprint("module ", i), "")
	}
	got, err := f.Prune(t.Context(), api.PruneRequest{})
	if err != nil || got.Total != 5 || len(got.Modules) != 3 {
		t.Errorf("%d modules, %d listed, %v", got.Total, len(got.Modules), err)
	}
}

// TestPushWaitsForPrune: a push that comes while its module is pruned finds it gone, and sends it again.
func TestPushWaitsForPrune(t *testing.T) {
	f := newFixture(t)
	f.push("module", "")
	digest := store.DigestOf([]byte("module"))
	done, ok := f.holds.prune(digest)
	if !ok {
		t.Fatal("it is held")
	}
	if _, ok := f.holds.prune(digest); ok {
		t.Error("it is pruned twice at a time")
	}
	begun := make(chan *Push)
	go func() {
		p, err := f.Push(t.Context(), api.PushRequest{Digest: digest.String(), SizeBytes: 6})
		if err != nil {
			t.Error(err)
		}
		begun <- p
	}()
	if err := f.Store.PruneModule(t.Context(), digest, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	done()
	if p := <-begun; p.Offset() != 0 {
		t.Errorf("the push begins at %d", p.Offset())
	} else if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestPushMakesRoom: the least recently used modules that nothing refers to go for a new one, those with tags stay, and
// so does what was pushed just now.
func TestPushMakesRoom(t *testing.T) {
	const size, block = 1000, 4096
	f := newFixtureOf(t, 3*(size+block)+block/2)
	for i, tag := range []string{"", "tag", ""} {
		f.push(sized(size-i), tag)
	}
	f.Grace = time.Hour
	_, err := f.Push(t.Context(), api.PushRequest{Digest: store.DigestOf([]byte(sized(size - 5))).String(), SizeBytes: size - 5})
	wantError(t, err, errs.StoreFull, true)
	f.Grace = 0
	pruned := 0
	f.OnPruned = func(p Pruned) { pruned += p.Modules }
	f.push(sized(size-3), "")
	f.wantSizes(size-3, size-2, size-1)
	f.push(sized(size-4), "another-tag")
	f.wantSizes(size-4, size-3, size-1)
	f.push(sized(size-5), "a-third-tag")
	f.wantSizes(size-5, size-4, size-1)
	if pruned != 3 {
		t.Errorf("told of %d", pruned)
	}
	_, err = f.Push(t.Context(), api.PushRequest{Digest: store.DigestOf([]byte(sized(size - 6))).String(), SizeBytes: size - 6})
	wantError(t, err, errs.StoreFull, true)
}

// TestWriteMakesRoom: so do the bytes of a push for which there seemed to be room, beside those of other pushes.
func TestWriteMakesRoom(t *testing.T) {
	const size, block = 1000, 4096
	f := newFixtureOf(t, 3*(size+block)+block/2)
	f.push(sized(size), "")
	one, other := f.begin(sized(size-1), "", 0), f.begin(sized(size+block), "", 0)
	f.write(one, sized(size-1))
	f.write(other, sized(size+block))
	for _, p := range []*Push{one, other} {
		if _, _, err := p.Commit(t.Context()); err != nil {
			t.Error(err)
		}
	}
	f.wantSizes(size-1, size+block)
}

// TestPruneBefore removes what was last used before a time, to store.UseStep.
func TestPruneBefore(t *testing.T) {
	f := newFixture(t)
	f.push("module", "")
	for _, after := range []time.Duration{-time.Hour, 0, store.UseStep / 2} {
		if got, err := f.PruneBefore(t.Context(), time.Now().Add(after)); err != nil || got.Modules != 0 {
			t.Errorf("after %v: %+v, %v", after, got, err)
		}
	}
	if got, err := f.PruneBefore(t.Context(), time.Now().Add(time.Hour)); err != nil || got != (Pruned{1, 6}) {
		t.Errorf("%+v, %v", got, err)
	}
}
