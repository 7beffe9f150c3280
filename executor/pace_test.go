package executor

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestPace hands out slices and says what each took.
func TestPace(t *testing.T) {
	const full, usual = 500_000, 200 * time.Microsecond
	type slice struct {
		burnt int64 // all of it if 0
		took  time.Duration
	}
	run := func(took ...time.Duration) (slices []slice) {
		for _, d := range took {
			slices = append(slices, slice{took: d})
		}
		return slices
	}
	fast := func(n int) []slice { return run(make([]time.Duration, n)...) }
	tests := []struct {
		name   string
		slices []slice
		want   pace
	}{
		{"a new task", nil, pace{31_250, full}},
		{"doubles", fast(2), pace{125_000, full}},
		{"up to the quantum", fast(9), pace{full, full}},
		{"grows by what was burnt", []slice{{burnt: 200_000}}, pace{400_000, full}},
		{"learns nothing from little", []slice{{burnt: 15_000}}, pace{31_250, full}},
		{"keeps what takes as long as it should", run(usual+1, 4*usual), pace{31_250, full}},
		{"is cut in proportion", append(fast(9), slice{took: 10 * usual}), pace{50_000, 250_000}},
		{"even if it burnt little", append(fast(9), slice{burnt: 1000, took: 10 * usual}), pace{50_000, 250_000}},
		{"is cut again", append(fast(9), run(10*usual, 10*usual)...), pace{5000, 25_000}},
		{"has a floor", append(fast(9), run(time.Second, time.Second, time.Second)...), pace{250, 250}},
		{"one that was long is soon forgiven", append(append(fast(9), slice{took: 10 * usual}), fast(3)...), pace{250_000, 250_000}},
		{"but not forgotten", append(append(fast(9), slice{took: 10 * usual}), fast(4)...), pace{250_489, 250_489}},
		{"until it was fast for long", append(append(fast(9), slice{took: 10 * usual}), fast(600)...), pace{full, full}},
		{"the machine was stopped", append(fast(9), slice{took: 24 * time.Hour}), pace{250, 250_000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQuantum(full)
			p := newPace(q)
			for _, s := range tt.slices {
				if s.burnt == 0 {
					s.burnt = int64(p.slice)
				}
				p.update(q, s.burnt, s.took)
			}
			if p != tt.want {
				t.Errorf("got %+v, want %+v", p, tt.want)
			}
		})
	}
}

// TestPaceAlternates: code that is cheap while it is not trusted, and then takes a thousand times what it is charged,
// soon does not keep the worker for long any more.
func TestPaceAlternates(t *testing.T) {
	q := newQuantum(500_000)
	p := newPace(q)
	var dear time.Duration
	for range 10_000 {
		took := time.Duration(0)
		if p.slice == p.trusted { // it may know
			took = time.Duration(p.slice) * 1000 * time.Microsecond / fuelPerMicrosecond
		}
		if q.overran(took) {
			dear += took
		}
		p.update(q, int64(p.slice), took)
	}
	if dear > 500*time.Millisecond {
		t.Errorf("had the worker for %v in turns that were long", dear)
	}
}

func TestPaceCharges(t *testing.T) {
	const full = 500_000
	q := newQuantum(full)
	tests := []struct {
		name  string
		pace  pace
		burnt int64
		took  time.Duration
		want  int64
	}{
		{"fuel", pace{full, full}, 400_000, 300 * time.Microsecond, 400_000},
		{"fuel, of a new task", newPace(q), 400_000, 800 * time.Microsecond, 400_000},
		{"time, if that is much more", pace{full, full}, 400_000, time.Millisecond, 2_500_000},
		{"time, of what was not long ago", pace{1000, 8000}, 1000, 200 * time.Microsecond, 500_000},
		{"fuel, of that, if it is more", pace{1000, 8000}, 9000, 2 * time.Microsecond, 9000},
		{"not all the time the machine was stopped", pace{full, full}, 400_000, time.Hour, 250_000_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.pace.charge(q, tt.burnt, tt.took); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// dearTank is a tank of which a hundred units take a hundred microseconds: 2,500 times as long as they should.
type dearTank struct{ tank }

func (m *dearTank) burn(f *Fiber) error {
	time.Sleep(100 * time.Microsecond)
	return m.tank.burn(f, 100)
}

// TestUnderchargedCode: a task whose fuel takes far too long keeps the worker for only a few quanta of time, and gets no
// more than its share among two tenants. The fuel it burns is counted unchanged.
func TestUnderchargedCode(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		var over atomic.Bool
		var longest, fair time.Duration
		var burnt uint64
		dear := spawn(t, e, TaskSpec{Tenant: "dear", Run: func(f *Fiber) {
			m := &dearTank{}
			f.SetMeter(m)
			for !over.Load() && m.burn(f) == nil {
				burnt += 100
			}
		}})
		spawn(t, e, TaskSpec{Tenant: "fair", Run: func(f *Fiber) {
			m := &tank{}
			f.SetMeter(m)
			started := time.Now()
			for time.Since(started) < 2*time.Second {
				left := time.Now()
				if f.Preempt() != nil {
					return
				}
				if away := time.Since(left); time.Since(started) > 100*time.Millisecond {
					longest = max(longest, away)
				}
				for range 20 { // a quantum's worth
					time.Sleep(10 * time.Microsecond)
					m.left -= 10 * fuelPerMicrosecond
					fair += 10 * time.Microsecond
				}
			}
			over.Store(true)
		}})
		wait(t, e)
		if longest > 2*time.Millisecond {
			t.Errorf("it had the worker for %v", longest)
		}
		if fair < 900*time.Millisecond {
			t.Errorf("the other tenant got %v of two seconds", fair)
		}
		if got := dear.Usage().Fuel; got != burnt {
			t.Errorf("it is said to have burnt %d, want %d", got, burnt)
		}
	})
}
