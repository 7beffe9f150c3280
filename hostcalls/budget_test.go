package hostcalls

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestBudget(t *testing.T) {
	b := NewBudget(10)
	if !b.Take(7) || b.Take(4) || !b.Take(3) || b.Take(1) {
		t.Error("not what a budget of 10 has")
	}
	b.Give(3)
	if !b.Take(3) {
		t.Error("what was given back is not there")
	}
	var none *Budget
	if !none.Take(1 << 40) {
		t.Error("no budget has a bound")
	}
	none.Give(1 << 40)
}

func TestBudgetIsNeverOverdrawn(t *testing.T) {
	b := NewBudget(3)
	var held atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if b.Take(1) {
					if held.Add(1) > 3 {
						t.Error("more was taken than there is")
					}
					held.Add(-1)
					b.Give(1)
				}
			}
		})
	}
	all.Wait()
	if !b.Take(3) {
		t.Error("some was not given back")
	}
}
