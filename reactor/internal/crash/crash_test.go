package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var base = time.Unix(1_000_000, 0)

func running(ids ...string) (found []Found) {
	for i, id := range ids {
		found = append(found, Found{ID: id, Running: true, Started: base.Add(time.Duration(i) * time.Second)})
	}
	return found
}

func TestJudge(t *testing.T) {
	const second = time.Second
	for _, tc := range []struct {
		name  string
		j     Journal
		found []Found
		want  Plan
	}{
		{"nothing was unfinished", Journal{Deaths: 7, Trial: []string{"a"}, Alone: 1}, nil, Plan{}},
		{"the first death: the youngest alone", Journal{}, running("a", "b"),
			Plan{Deaths: 1, Trials: [][]string{{"b"}}, Delay: second, Each: 10 * second}},
		{"the only one waits for nobody", Journal{}, running("a"),
			Plan{Deaths: 1, Trials: [][]string{{"a"}}, Each: 10 * second}},
		{"nothing had started", Journal{}, []Found{{ID: "a"}, {ID: "b"}}, Plan{Deaths: 1, Delay: second, Each: 10 * second}},
		{"it died under the trial", Journal{Deaths: 1, Trial: []string{"b"}}, running("a", "b"),
			Plan{Deaths: 2, Trials: [][]string{{"b"}}, First: true, Alone: 1, Delay: 5 * second, Each: 5 * second}},
		{"and once more", Journal{Deaths: 2, Trial: []string{"b"}, Alone: 1}, running("a", "b"),
			Plan{Deaths: 3, Guilty: "b", Alone: 2, Delay: 10 * second, Each: 10 * second}},
		{"not under the trial", Journal{Deaths: 2, Alone: 1}, running("a", "b"),
			Plan{Deaths: 3, Trials: [][]string{{"a"}, {"b"}}, Delay: 10 * second, Each: 10 * second}},
		{"before the first trial", Journal{Deaths: 1}, []Found{{ID: "a"}, {ID: "b"}},
			Plan{Deaths: 2, Trials: [][]string{{"a"}, {"b"}}, Delay: 5 * second, Each: 5 * second}},
		{"what was on trial had ended", Journal{Deaths: 2, Trial: []string{"c"}, Alone: 1}, running("a"),
			Plan{Deaths: 3, Trials: [][]string{{"a"}}, Delay: 10 * second, Each: 10 * second}},
		{"one is left of a group", Journal{Deaths: 2, Trial: []string{"a", "c"}}, running("a", "b"),
			Plan{Deaths: 3, Trials: [][]string{{"a"}}, Delay: 10 * second, Each: 10 * second}},
		{"the longest wait", Journal{Deaths: 100}, running("a"),
			Plan{Deaths: 101, Trials: [][]string{{"a"}}, Delay: LongestDelay, Each: Longest}},
		{"alone twice, but too few deaths", Journal{Trial: []string{"a"}, Alone: 1}, running("a"),
			Plan{Deaths: 1, Trials: [][]string{{"a"}}, First: true, Alone: 2, Each: 10 * second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Judge(tc.j, tc.found, 3)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
	p := Judge(Journal{Deaths: 1}, running(names(1000)...), 3)
	if len(p.Trials) != groups || slices.MaxFunc(p.Trials, func(a, b []string) int { return len(a) - len(b) })[0] == "" || len(p.Trials[0]) != 32 {
		t.Errorf("1000 are divided into %d groups, the first of %d", len(p.Trials), len(p.Trials[0]))
	}
}

func names(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("w", i))
	}
	return ids
}

// world is n workloads, and what ends the daemon.
type world struct {
	ids     []string
	journal Journal
	plan    Plan
	died    bool
}

// startOf is when a workload starts after the start of the daemon.
func (w *world) startOf(id string) time.Duration {
	for i, group := range w.plan.Trials {
		if slices.Contains(group, id) {
			return w.plan.Delay + time.Duration(i)*w.plan.Each
		}
	}
	if w.plan.First {
		return w.plan.Delay + w.plan.Each
	}
	return 0
}

// die has the daemon die at a time after its start. What was started less than 10 ms before is not on
// disk as running.
func (w *world) die(at time.Duration) {
	j := Journal{Deaths: w.plan.Deaths}
	if at >= w.plan.Delay+time.Duration(len(w.plan.Trials))*w.plan.Each+Calm {
		j = Journal{}
	}
	for i, group := range w.plan.Trials {
		if start := w.plan.Delay + time.Duration(i)*w.plan.Each; w.died && start <= at && at < start+w.plan.Each {
			j.Trial, j.Alone = group, w.plan.Alone
		}
	}
	starts := map[string]time.Duration{}
	for i, group := range w.plan.Trials {
		for _, id := range group {
			starts[id] = w.plan.Delay + time.Duration(i)*w.plan.Each
		}
	}
	var found []Found
	heads := 0
	for i, id := range w.ids {
		if _, ok := starts[id]; !ok && w.plan.First {
			starts[id] = w.plan.Delay + w.plan.Each
		}
		started := at - starts[id]
		switch {
		case started >= 10*time.Millisecond:
			found = append(found, Found{ID: id, Running: true, Started: base.Add(starts[id] + time.Duration(i))})
		case heads < Heads:
			heads++
			found = append(found, Found{ID: id})
		}
	}
	w.journal, w.died = j, true
	w.plan = Judge(j, found, 3)
}

// One of n brings the daemon down some time after it is started. It is found, and nobody else is.
func TestPoisonIsFound(t *testing.T) {
	for _, tc := range []struct {
		n     int
		after time.Duration
		most  int // deaths
	}{
		{1, 5 * time.Millisecond, 4},
		{1, 2 * time.Second, 3},
		{2, 2 * time.Second, 5},
		{10, 300 * time.Millisecond, 4},
		{200, 5 * time.Millisecond, 6},
		{1001, 300 * time.Millisecond, 5},
		{1001, 2600 * time.Millisecond, 6},
		{1001, 9 * time.Second, 9},
		{100_000, time.Second, 8},
	} {
		t.Run(fmt.Sprintf("%d/%v", tc.n, tc.after), func(t *testing.T) {
			for _, at := range []int{0, tc.n / 2, tc.n - 1} {
				w := world{ids: names(tc.n)}
				poison := w.ids[at]
				deaths := 0
				for ; w.plan.Guilty == ""; deaths++ {
					if deaths > tc.most {
						t.Fatalf("poison %d is not found after %d deaths: %d trials", at, deaths, len(w.plan.Trials))
					}
					w.die(w.startOf(poison) + tc.after)
				}
				if w.plan.Guilty != poison || deaths > tc.most {
					t.Errorf("%s is set apart after %d deaths, want %s after %d at most", w.plan.Guilty, deaths, poison, tc.most)
				}
			}
		})
	}
}

// The one that was started last is found by three deaths, however many others run.
func TestYoungestIsFoundFirst(t *testing.T) {
	w := world{ids: names(1001)}
	for range 3 {
		w.die(w.startOf("w1000") + 2*time.Second)
	}
	if w.plan.Guilty != "w1000" {
		t.Errorf("guilty is %q", w.plan.Guilty)
	}
}

// Deaths that no workload is to blame for condemn nobody: three of them at any time, and any number that
// come soon after the start.
func TestPowerCuts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	condemned := 0
	const rounds = 2000
	for range rounds {
		w := world{ids: names(1 + random.IntN(1000))}
		for range 3 {
			w.die(time.Duration(random.Int64N(int64(5 * time.Minute))))
			if w.plan.Guilty != "" {
				condemned++
			}
		}
	}
	if condemned > rounds/100 {
		t.Errorf("three deaths at random condemned one in %d of %d rounds", condemned, rounds)
	}
	for _, n := range []int{2, 10, 1000} {
		w := world{ids: names(n)}
		for range 50 {
			w.die(900 * time.Millisecond)
			if w.plan.Guilty != "" {
				t.Fatalf("of %d, %s is condemned", n, w.plan.Guilty)
			}
		}
	}
}

// What has run for longer than a trial takes is not set apart, however often and whenever something else ends the
// daemon.
func TestKills(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 50} {
		w := world{ids: names(n)}
		for kill := range 1000 {
			last := time.Duration(0)
			for _, id := range w.ids {
				last = max(last, w.startOf(id))
			}
			w.die(last + Longest + time.Duration(random.Int64N(int64(time.Minute))))
			if w.plan.Guilty != "" {
				t.Fatalf("of %d, %s is set apart after %d kills", n, w.plan.Guilty, kill+1)
			}
			if w.plan.Delay > LongestDelay || w.plan.Each > Longest {
				t.Fatalf("after %d kills a trial of %v waits %v", kill+1, w.plan.Each, w.plan.Delay)
			}
		}
	}
}

// What takes longer than a trial to kill the daemon is not found, and nothing else is taken for it.
func TestSlowPoison(t *testing.T) {
	for _, n := range []int{1, 2, 10, 1001} {
		for _, after := range []time.Duration{Longest + time.Second, 20 * time.Second, 2 * time.Minute} {
			w := world{ids: names(n)}
			poison := w.ids[n/2]
			for range 50 {
				w.die(w.startOf(poison) + after)
				if w.plan.Guilty != "" {
					t.Fatalf("of %d, after %v, %s is set apart", n, after, w.plan.Guilty)
				}
			}
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	f := NewFile(dir)
	if j, died := f.Read(); died || j.Deaths != 0 {
		t.Errorf("at first: %+v, %v", j, died)
	}
	want := Journal{Deaths: 2, Trial: []string{"a", "b"}, Alone: 1}
	for range 2 {
		if err := f.Write(want); err != nil {
			t.Fatal(err)
		}
	}
	if got, died := NewFile(dir).Read(); !died || cmp.Diff(want, got) != "" {
		t.Errorf("read %+v, %v", got, died)
	}
	if err := os.WriteFile(filepath.Join(dir, "running.json"), []byte("{torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, died := f.Read(); !died || got.Deaths != 0 {
		t.Errorf("torn: %+v, %v", got, died)
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(want); err != nil {
		t.Fatal(err)
	}
	if _, died := f.Read(); died {
		t.Error("what was removed is written again")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := NewFile(filepath.Join(dir, "nowhere")).Write(want); err == nil {
		t.Error("it could be written where there is no folder")
	}
}
