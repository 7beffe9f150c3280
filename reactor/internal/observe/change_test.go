package observe

import (
	"bytes"
	"runtime"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// TestChangeIsShared: however many watches look at a change, its record is read once and decoded once, as long as
// one of them has it.
func TestChangeIsShared(t *testing.T) {
	rec := &store.Workload{ID: "w", State: store.Succeeded, Attempts: 3, Spec: record.EncodeSpec(&api.Spec{Args: []string{"a"}}).Spec(api.Limits{})}
	c := NewChange(&store.Change{ID: "w", State: store.Running, Attempts: 1}, nil)
	reads := 0
	read := func() (*store.Workload, error) { reads++; return rec, nil }
	var got [8]*api.Workload
	if _, err := c.record(read); err != nil {
		t.Fatal(err)
	}
	var watching sync.WaitGroup
	for i := range got {
		watching.Go(func() {
			rec, err := c.record(read)
			if err != nil {
				t.Error(err)
			}
			if got[i], err = c.decode(rec); err != nil {
				t.Error(err)
			}
		})
	}
	watching.Wait()
	for _, w := range got {
		if w != got[0] {
			t.Error("it is decoded more than once")
		}
	}
	if reads != 1 {
		t.Errorf("it is read %d times", reads)
	}
	if s := got[0].Status; s.State != api.Running || s.Attempts != 1 || rec.State != store.Succeeded {
		t.Errorf("state %v in attempt %d, want those of the change", s.State, s.Attempts)
	}
	if w, size := c.workload(); w != got[0] || size != len(rec.Spec) {
		t.Errorf("workload = %p, %d", w, size)
	}
	runtime.KeepAlive(got)
}

// TestChangeKeepsNoLargeSpec: what is large is left to the store.
func TestChangeKeepsNoLargeSpec(t *testing.T) {
	rec := &store.Workload{ID: "w", Spec: record.EncodeSpec(&api.Spec{Stdin: bytes.Repeat([]byte("x"), 2*record.KeepSpecBytes)}).Spec(api.Limits{})}
	c := NewChange(&store.Change{ID: "w"}, nil)
	read := func() (*store.Workload, error) { return rec, nil }
	if got, err := c.record(read); err != nil || got.Spec == nil {
		t.Errorf("what was read now is there with its spec: %v", err)
	}
	if got, err := c.record(read); err != nil || got.Spec != nil {
		t.Errorf("%d bytes of spec are kept (%v)", len(got.Spec), err)
	}
}
