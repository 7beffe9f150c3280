package executor

import (
	"fmt"
	"testing"
	"time"
)

// tank is a meter that a test's body burns by hand, as a guest would: below zero it must preempt.
type tank struct{ quantum, left int64 }

func (m *tank) Refill(quantum int64) { m.quantum, m.left = quantum, quantum }
func (m *tank) Burnt() int64         { return m.quantum - m.left }

// burn burns fuel in small charges and preempts when it is spent.
func (m *tank) burn(f *Fiber, fuel int64) error {
	const charge = 100
	for ; fuel > 0; fuel -= charge {
		if m.left -= charge; m.left < 0 {
			if err := f.Preempt(); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestFuelLimit(t *testing.T) {
	const quantum = 10_000
	tests := []struct {
		limit uint64
		burn  int64
		want  error
		fuel  uint64 // burnt in all: above the limit by at most a charge
	}{
		{limit: 0, burn: 50_000, fuel: 50_000},
		{limit: 50_000, burn: 50_000, fuel: 50_000},
		{limit: 50_000, burn: 50_100, want: ErrOutOfFuel, fuel: 50_100},
		{limit: 25_000, burn: 100_000, want: ErrOutOfFuel, fuel: 25_100},
		{limit: 1, burn: 100_000, want: ErrOutOfFuel, fuel: 100},
		{limit: 1 << 63, burn: 30_000, fuel: 30_000},
	}
	for _, tt := range tests {
		for i := range 4 {
			parks, stalls := i&1 != 0, i&2 != 0
			t.Run(fmt.Sprintf("limit=%d,burn=%d,parks=%v,stalls=%v", tt.limit, tt.burn, parks, stalls), func(t *testing.T) {
				in(t, Config{Quantum: quantum}, func(t *testing.T, e *Executor) {
					var err error
					task := spawn(t, e, TaskSpec{FuelLimit: tt.limit, Run: func(f *Fiber) {
						m := &tank{}
						f.SetMeter(m)
						for left := tt.burn; left > 0 && err == nil; left -= 100 {
							if stalls && left/100%7 == 0 { // as on a busy machine: slices are cut
								time.Sleep(300 * time.Microsecond)
							}
							if err = m.burn(f, 100); err == nil && parks {
								f.Task().Wake()
								err = f.Park()
							}
						}
					}})
					wait(t, e)
					if err != tt.want {
						t.Errorf("the body got %v, want %v", err, tt.want)
					}
					if got := task.Usage().Fuel; got != tt.fuel {
						t.Errorf("burnt %d, want %d", got, tt.fuel)
					}
					if got := e.Stats().Fuel; got != tt.fuel {
						t.Errorf("the executor counts %d, want %d", got, tt.fuel)
					}
				})
			})
		}
	}
}

// TestSetMeter replaces meters within one quantum: all that was burnt is counted, and counts
// against the limit.
func TestSetMeter(t *testing.T) {
	e := open(t, Config{Quantum: 10_000})
	var refilled int64
	task := spawn(t, e, TaskSpec{FuelLimit: 8_300, Run: func(f *Fiber) {
		for range 3 {
			m := &tank{}
			f.SetMeter(m)
			refilled = m.left
			m.left -= 4000
		}
		f.SetMeter(nil)
	}})
	wait(t, e)
	if got := task.Usage().Fuel; got != 12_000 {
		t.Errorf("burnt %d, want 12000", got)
	}
	if refilled != 300 {
		t.Errorf("the third meter was given %d, want the 300 that were left", refilled)
	}
}
