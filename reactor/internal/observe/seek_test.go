package observe

import (
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// TestSeek resumes at position 10 of a log of which the daemon knows 4 bytes of attempt 1, and sometimes 4 of attempt 2
// or 3. It reads again what is not what the client has seen.
func TestSeek(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 1000, time.UTC)
	rec := func(attempts uint32, began time.Time) *store.Workload {
		return &store.Workload{ID: "w", Attempts: attempts, Status: record.EncodeStatus(&record.Status{StartTime: began})}
	}
	first, second, third := []int64{0}, []int64{0, 4}, []int64{0, 4, 8}
	for _, tc := range []struct {
		name    string
		starts  []int64
		rec     *store.Workload
		running bool      // attempt 3 does, and has written nothing
		attempt uint32    // that the client has seen last
		began   time.Time // when it was started
		want    int64
	}{
		{"nothing is known of the client's attempt", second, rec(2, noon), false, 0, noon, 10},
		{"it ended", second, rec(2, noon), false, 2, noon, 10},
		{"it ended; the client knows its start to the microsecond", second, rec(2, noon), false, 2, noon.Add(999), 10},
		{"it ended; the client does not know its start", second, rec(2, noon), false, 2, time.Time{}, 10},
		{"it ended; the daemon does not know its start", second, rec(2, time.Time{}), false, 2, noon, 10},
		{"it was started again and ended", second, rec(2, noon.Add(time.Microsecond)), false, 2, noon, 4},
		{"it was started again and wrote nothing", first, rec(2, noon.Add(time.Microsecond)), false, 2, noon, 8},
		{"it was started again, in another zone", second, rec(2, noon.In(time.FixedZone("", 3600))), false, 2, noon, 10},
		{"it will be started again", first, rec(1, noon.Add(-1)), false, 2, noon, 8},
		{"it and the one before will be started again", first, rec(1, noon.Add(-1)), false, 3, noon, 8},
		{"another was started since", third, rec(3, noon.Add(9)), false, 2, noon, 8},
		{"it was started again and runs", second, rec(2, noon), true, 3, noon, 0},
		{"the one before was started again and runs", second, rec(2, noon), true, 4, noon, 0},
		{"it was deleted", []int64{}, nil, false, 3, noon, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := newFixture(t)
			defer x.close()
			x.disk.starts, x.disk.records = tc.starts, map[string]*store.Workload{}
			if tc.rec != nil {
				x.disk.records["w"] = tc.rec
			}
			x.disk.log = []store.LogChunk{{Data: []byte("0123")}, {Offset: 4, Data: []byte("4567")}}
			if tc.running {
				w, ended := x.add("w", &program{run: parks})
				defer x.end(w, ended)
			}
			l := &logReader{Observer: x.Observer, id: "w"}
			if err := l.seek(t.Context(), 10, tc.attempt, tc.began); err != nil || l.position != tc.want || l.seen != tc.want {
				t.Errorf("it reads on at %d, %v; want %d", l.position, err, tc.want)
			}
		})
	}
}

// TestAttemptStart: output tells when its attempt was started, unless another was started since.
func TestAttemptStart(t *testing.T) {
	x := newFixture(t)
	defer x.close()
	began := time.Date(2026, 1, 2, 12, 0, 0, 1000, time.UTC)
	x.disk.records = map[string]*store.Workload{"w": {ID: "w", Attempts: 3, Status: record.EncodeStatus(&record.Status{StartTime: began})}}
	x.disk.log = []store.LogChunk{{Data: []byte("0123")}, {Offset: 4, Data: []byte("4567")}}
	want := func(want time.Time) {
		t.Helper()
		n := 0
		_, _, err := x.ReadLog(t.Context(), api.LogRequest{ID: "w"}, func(c api.LogChunk) error {
			n++
			if c.Attempt != 3 || !c.AttemptStart.Equal(want) {
				t.Errorf("chunk %d is of attempt %d of %v, want 3 of %v", n, c.Attempt, c.AttemptStart, want)
			}
			return nil
		})
		if err != nil || n != 2 {
			t.Errorf("%d chunks, %v", n, err)
		}
	}
	want(began)
	x.disk.records["w"].Attempts = 4
	want(time.Time{})
	w, ended := x.add("w", &program{run: parks})
	defer x.end(w, ended)
	l := &logReader{Observer: x.Observer, id: "w"}
	if began := l.begun(t.Context(), &store.LogEntry{Attempt: 3}); !began.Equal(w.attempt.Started) {
		t.Errorf("the attempt that runs was started at %v, want %v", began, w.attempt.Started)
	}
}
