package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// testFull fills the database up to its bound, and frees space again.
func testFull(t *testing.T, open Open) {
	f := newFixture(t, open, Options{DatabaseBytes: 1 << 20})
	f.submit("waits", "runs")
	f.must(start("runs", 1))

	empty, bound := f.DatabaseBytes()
	wantEqual(t, "the bound", bound, int64(1<<20))
	stored := 0
	for {
		w := f.newWorkload(fmt.Sprintf("fill%d", stored))
		w.Spec = make([]byte, 20_000)
		results, err := f.Submit(t.Context(), []*store.Workload{w})
		if err != nil {
			wantIs(t, "Submit", err, store.ErrFull)
			break
		}
		if !results[0].Created {
			t.Fatalf("%q was not created: %v", w.ID, results[0].Err)
		}
		f.must(finish(w.ID, 0, store.Cancelled))
		if stored++; stored > 1000 {
			t.Fatal("the bound does not hold")
		}
	}

	full, _ := f.DatabaseBytes()
	if full <= empty || full < bound/2 || full > bound+bound/8 {
		t.Errorf("%d of %d bytes are used, and %d at the begin", full, bound, empty)
	}

	// Output is refused, an end is not.
	wantIs(t, "AppendLog", f.appendLog("runs", 1, stdout("output")), store.ErrFull)
	f.must(start("waits", 1), finish("waits", 1, store.Succeeded))

	// So may be a submission that repeats another. What it repeats can be read.
	waits := f.workload("waits")
	if again, err := f.Submit(t.Context(), []*store.Workload{f.newWorkload("waits")}); err != nil {
		wantIs(t, "Submit", err, store.ErrFull)
	} else {
		wantEqual(t, "the existing record", again[0], store.Submitted{Workload: waits})
	}
	existing, err := f.Existing(t.Context(), "waits", waits.SpecHash)
	wantIs(t, "Existing", err, nil)
	wantEqual(t, "the record", existing, waits)

	// A transition that finds no space at all is not refused either. Later ones for the same workload stay
	// behind it; reads go on.
	order := make(chan string, 2)
	bulky := finish("runs", 1, store.Pending)
	bulky.Log = []store.LogChunk{{Stream: store.Stdout, Time: epoch, Data: make([]byte, 200_000)}}
	f.Transition(bulky, func(_ int64, err error) { order <- fmt.Sprint("put back ", err) })
	f.Transition(finish("runs", 1, store.Succeeded), func(_ int64, err error) { order <- fmt.Sprint("finish ", err) })
	big := f.newWorkload("big")
	big.Spec = make([]byte, 50_000)
	_, err = f.Submit(t.Context(), []*store.Workload{big})
	wantIs(t, "Submit", err, store.ErrFull)
	wantEqual(t, "state", f.workload("runs").State, store.Running)
	wantEqual(t, "list", len(f.list(store.Filter{}, 100)), stored+2)
	select {
	case got := <-order:
		t.Fatalf("%s, while the store is full", got)
	default:
	}

	pruned, err := f.Prune(t.Context(), store.Retention{Keep: 2})
	wantIs(t, "Prune", err, nil)
	wantEqual(t, "pruned", pruned.Workloads, stored-1)
	wantEqual(t, "first", <-order, "put back <nil>")
	wantEqual(t, "second", <-order, "finish <nil>")
	wantEqual(t, "state", f.workload("runs").State, store.Succeeded)
	wantEqual(t, "log", len(f.log("runs", 0, 1<<20)), 200_000)
	f.create(big)
	f.reopen(Options{})
	wantEqual(t, "list", f.list(store.Filter{}, 100), []string{"big", fmt.Sprintf("fill%d", stored-1), "runs", "waits"})
}

// testPruneBytes prunes the oldest workloads until the store takes no more than it should.
func testPruneBytes(t *testing.T, open Open) {
	f := newFixture(t, open, Options{DatabaseBytes: 32 << 20})
	const logBytes = 3 << 20
	ids := []string{"a", "b", "c", "d", "e", "f"}
	for _, id := range ids {
		f.submit(id)
		f.must(start(id, 1))
		for range logBytes >> 20 {
			wantIs(t, "AppendLog", f.appendLog(id, 1, stdout(string(make([]byte, 1<<20)))), nil)
		}
		if id != "f" {
			f.must(finish(id, 1, store.Succeeded))
		}
	}
	prune := func(bytes int64) (calls int) {
		t.Helper()
		for {
			calls++
			pruned, err := f.Prune(t.Context(), store.Retention{Bytes: bytes})
			wantIs(t, "Prune", err, nil)
			if !pruned.More {
				return calls
			}
		}
	}
	prune(100 << 20)
	wantEqual(t, "all are kept", len(f.list(store.Filter{}, 100)), len(ids))
	prune(10 << 20)
	left := f.list(store.Filter{}, 100)
	if len(left) < 3 || len(left) > 4 {
		t.Errorf("of six of 3 MiB %v are left within 10 MiB", left)
	}
	for _, id := range left {
		wantEqual(t, "the log of what is left", len(f.log(id, 0, 1<<20)), logBytes)
	}
	prune(1)
	wantEqual(t, "what has not finished", f.list(store.Filter{}, 100), []string{"f"})

	// A log that is longer than what one call deletes goes in several.
	for range 5 {
		for range 4 {
			wantIs(t, "AppendLog", f.appendLog("f", 1, stdout(string(make([]byte, 1<<20)))), nil)
		}
	}
	f.must(finish("f", 1, store.Succeeded))
	if calls := prune(1); calls < 2 {
		t.Errorf("23 MiB were deleted in %d calls", calls)
	}
	wantEqual(t, "what is left", f.list(store.Filter{}, 100), []string{})
}

func testClose(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	f.submit("a", "b")
	u, err := f.Upload(t.Context(), store.DigestOf([]byte("part")), 4, store.Resume{})
	wantIs(t, "Upload", err, nil)
	wantIs(t, "Close of an upload", u.Close(), nil)

	// What was asked for before Close is written, waited for or not.
	f.Transition(start("a", 1), nil)
	f.AppendLog(store.LogAppend{ID: "a", Attempt: 1, Chunks: []store.LogChunk{stdout("line\n")}}, nil)
	wantIs(t, "Close", f.Store.Close(), nil)
	wantIs(t, "Close again", f.Store.Close(), nil)

	ctx := context.Background()
	for name, call := range map[string]func() error{
		"Submit":     func() error { _, err := f.Submit(ctx, []*store.Workload{f.newWorkload("c")}); return err },
		"Transition": func() error { _, err := f.transition(start("b", 1)); return err },
		"AppendLog":  func() error { return f.appendLog("b", 0, stdout("x")) },
		"Claim":      func() error { _, err := f.Claim(ctx, 1); return err },
		"Places":     func() error { _, err := f.ClaimPlaces(ctx, 1); return err },
		"Workload":   func() error { _, err := f.Workload(ctx, "a"); return err },
		"Existing":   func() error { _, err := f.Existing(ctx, "a", store.Digest{}); return err },
		"List":       func() error { _, err := f.List(ctx, store.Query{}); return err },
		"Changes":    func() error { _, err := f.Changes(ctx, 0, 1); return err },
		"Count":      func() error { _, err := f.Count(ctx); return err },
		"Prune":      func() error { _, err := f.Prune(ctx, store.Retention{}); return err },
		"Module":     func() error { _, err := f.Module(ctx, f.module); return err },
		"Upload":     func() error { _, err := f.Upload(ctx, f.module, 6, store.Resume{}); return err },
		"TagModule":  func() error { return f.TagModule(ctx, "x", f.module) },
		"ReadLog":    func() error { _, _, err := f.ReadLog(ctx, "a", 0, store.Cut{}, 1); return err },
	} {
		wantIs(t, name, call(), store.ErrClosed)
	}
	f.Store = f.open(t, f.dir, Options{})
	wantEqual(t, "state", f.workload("a").State, store.Running)
	wantEqual(t, "log", f.log("a", 0, 100), "line\n")
}
