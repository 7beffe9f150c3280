package crash

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// diary is a Workloads that writes down what is called, when, and with what in the journal.
type diary struct {
	file    *File
	begin   time.Time
	quick   []string // a group that ends at once
	entries []string
}

func (d *diary) note(format string, args ...any) {
	j, _ := d.file.Read()
	d.entries = append(d.entries, fmt.Sprintf("%v %s; journal %d %v %d",
		time.Since(d.begin), fmt.Sprintf(format, args...), j.Deaths, j.Trial, j.Alone))
}

func (d *diary) Suspect(id string, until time.Time, deaths int) {
	when := "later"
	if !until.IsZero() {
		when = fmt.Sprint("until ", until.Sub(d.begin))
	}
	d.note("suspect %s %s, %d", id, when, deaths)
}
func (d *diary) Try(ids []string) { d.note("try %v", ids) }
func (d *diary) WaitGone(ctx context.Context, ids []string) {
	if !slices.Equal(ids, d.quick) {
		<-ctx.Done()
	}
}
func (d *diary) Condemn(id, _ string) { d.note("condemn %s", id) }
func (d *diary) ShutGate()            { d.note("shut") }
func (d *diary) OpenGate()            { d.note("open") }

// wantEntries compares what was called since it was last asked.
func (d *diary) wantEntries(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, d.entries); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	d.entries = nil
}

// find is what a daemon does first with the journal in a folder, nil if there is none, and with what it finds unfinished.
func find(t *testing.T, dir string, left *Journal, found ...Found) (*Trials, *diary) {
	t.Helper()
	file := NewFile(dir)
	if left != nil {
		if err := file.Write(*left); err != nil {
			t.Fatal(err)
		}
	}
	d := &diary{file: file, begin: time.Now()}
	trials := NewTrials(file, d, zap.NewNop(), 3)
	for _, f := range found {
		trials.Add(f)
	}
	return trials, d
}

// restart is find and Judge.
func restart(t *testing.T, left *Journal, found ...Found) (*Trials, *diary) {
	t.Helper()
	trials, d := find(t, t.TempDir(), left, found...)
	trials.Judge()
	return trials, d
}

// wantJournal compares what is in the journal.
func (d *diary) wantJournal(t *testing.T, want Journal) {
	t.Helper()
	if got, there := d.file.Read(); !there || cmp.Diff(want, got) != "" {
		t.Errorf("the journal has %+v (%t), want %+v", got, there, want)
	}
}

// TestTrials: each group is in the journal before it is tried, and nobody is when the trials are over. What is not on
// trial waits for nothing.
func TestTrials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trials, d := restart(t, &Journal{Deaths: 1}, running("a", "b")...)
		d.wantEntries(t,
			"0s suspect a until 5s, 2; journal 2 [] 0",
			"0s suspect b later, 2; journal 2 [] 0")
		trials.Run(t.Context())
		d.wantEntries(t,
			"5s try [a]; journal 2 [a] 0",
			"10s try [b]; journal 2 [b] 0",
			"15s open; journal 2 [] 0")
		if got := time.Since(d.begin); got != 15*time.Second+Calm {
			t.Errorf("it took %v", got)
		}
		d.wantJournal(t, Journal{})
	})
}

// TestQuickTrial: a group that has ended keeps the next waiting for a moment only.
func TestQuickTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trials, d := restart(t, &Journal{Deaths: 1}, running("a", "b")...)
		d.entries, d.quick = nil, []string{"a"}
		trials.Run(t.Context())
		d.wantEntries(t,
			"5s try [a]; journal 2 [a] 0",
			"6s try [b]; journal 2 [b] 0",
			"11s open; journal 2 [] 0")
	})
}

// TestTrialComesFirst: what was alone on trial is tried again before anything else is started.
func TestTrialComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trials, d := restart(t, &Journal{Deaths: 1, Trial: []string{"b"}}, running("a", "b")...)
		d.wantEntries(t,
			"0s suspect b until 5s, 2; journal 2 [] 0",
			"0s shut; journal 2 [] 0")
		trials.Run(t.Context())
		d.wantEntries(t,
			"5s try [b]; journal 2 [b] 1",
			"10s open; journal 2 [] 0")
	})
}

// TestGuiltyIsCondemned: it is when the journal has this death, and then everything starts.
func TestGuiltyIsCondemned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trials, d := restart(t, &Journal{Deaths: 2, Trial: []string{"b"}, Alone: 1}, running("a", "b")...)
		d.wantEntries(t, "0s condemn b; journal 3 [] 0")
		trials.Run(t.Context())
		d.wantEntries(t)
		if got := time.Since(d.begin); got != Calm {
			t.Errorf("it took %v, want %v", got, Calm)
		}
		d.wantJournal(t, Journal{})
	})
}

// TestNothingDied: a daemon that finds no journal tries nobody, and leaves one.
func TestNothingDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trials, d := restart(t, nil, running("a", "b")...)
		trials.Run(t.Context())
		d.wantEntries(t)
		if got := time.Since(d.begin); got != 0 {
			t.Errorf("it took %v", got)
		}
		d.wantJournal(t, Journal{})
	})
}

// TestIdleDeaths: deaths that leave nothing unfinished do not count, so what runs at the next one does not wait.
func TestIdleDeaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for i := range 8 {
			var left *Journal
			if i == 0 {
				left = &Journal{Deaths: 1}
			}
			trials, d := find(t, dir, left)
			trials.Judge()
			d.wantJournal(t, Journal{})
			trials.Run(t.Context())
			d.wantEntries(t)
		}
		trials, d := find(t, dir, nil, running("a")...)
		trials.Judge()
		d.wantEntries(t, "0s suspect a until 0s, 1; journal 1 [] 0")
		trials.Run(t.Context())
		d.wantEntries(t,
			"0s try [a]; journal 1 [a] 0",
			"10s open; journal 1 [] 0")
	})
}

// TestTrialsWithoutADisk: a journal that can't be written keeps nothing from being started.
func TestTrialsWithoutADisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "gone")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		trials, d := find(t, dir, &Journal{Deaths: 1}, running("a", "b")...)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		trials.Judge()
		d.wantEntries(t,
			"0s suspect a until 5s, 2; journal 0 [] 0",
			"0s suspect b later, 2; journal 0 [] 0")
		trials.Run(t.Context())
		d.wantEntries(t,
			"5s try [a]; journal 0 [] 0",
			"10s try [b]; journal 0 [] 0",
			"15s open; journal 0 [] 0")
	})
}

// TestTrialsEnd: the end of the context ends each wait, and nothing is tried or written after it.
func TestTrialsEnd(t *testing.T) {
	const all = 3 // calls without an end
	for calls, tc := range []struct {
		after time.Duration
		left  Journal
	}{
		{4 * time.Second, Journal{Deaths: 2}},
		{6 * time.Second, Journal{Deaths: 2, Trial: []string{"a"}}},
		{11 * time.Second, Journal{Deaths: 2, Trial: []string{"b"}}},
		{15*time.Second + Calm/2, Journal{Deaths: 2}},
	} {
		t.Run(fmt.Sprint(tc.after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				trials, d := restart(t, &Journal{Deaths: 1}, running("a", "b")...)
				d.entries = nil
				ctx, cancel := context.WithTimeout(t.Context(), tc.after)
				defer cancel()
				trials.Run(ctx)
				if len(d.entries) != min(calls, all) {
					t.Errorf("called %q", d.entries)
				}
				if got := time.Since(d.begin); got != tc.after {
					t.Errorf("it ended after %v", got)
				}
				d.wantJournal(t, tc.left)
			})
		})
	}
}

// TestAdd: what was running is a suspect, and so are the first in line, and what was on trial wherever it stands.
func TestAdd(t *testing.T) {
	var line []Found
	for _, id := range names(Heads + 10) {
		line = append(line, Found{ID: id})
	}
	last := line[len(line)-1].ID
	for _, tc := range []struct {
		name  string
		trial []string
		want  []string
	}{
		{"the first in line", nil, append(names(Heads), "r")},
		{"what was on trial alone", []string{last}, []string{last}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trials, _ := restart(t, &Journal{Deaths: 1, Trial: tc.trial}, append(slices.Clone(line), running("r")...)...)
			got := slices.Sorted(slices.Values(slices.Concat(trials.plan.Trials...)))
			slices.Sort(tc.want)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("suspects (-want +got):\n%s", diff)
			}
		})
	}
}
