package hostcalls

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func TestBudget(t *testing.T) {
	b := NewBudget(10)
	if !b.Take("a", 7) || b.Take("b", 4) || !b.Take("b", 3) || b.Take("c", 1) {
		t.Error("not what a budget of 10 has")
	}
	var refused []string
	b.OnRefused = func(owner string) { refused = append(refused, owner) }
	if b.Allows("c", 1) || b.Take("c", 1) || len(refused) != 1 || refused[0] != "c" {
		t.Errorf("%q were refused, want c alone", refused)
	}
	if used, limit := b.Use(); used != 10 || limit != 10 {
		t.Errorf("%d of %d are used", used, limit)
	}
	b.Give("b", 3)
	if !b.Allows("c", 3) || !b.Take("c", 3) {
		t.Error("what was given back is not there")
	}
	var none *Budget
	if !none.Allows("a", 1<<40) || !none.Take("a", 1<<40) {
		t.Error("no budget has a bound")
	}
	none.Give("a", 1<<40)
}

// However many owners take what they can get, and in whatever order, none has more than a third, and the last one gets
// something.
func TestBudgetShares(t *testing.T) {
	const limit = 15_000
	for _, greedy := range []int{1, 2, 10, 100, 1000} {
		b := NewBudget(limit)
		has := map[string]int{}
		for took := true; took; {
			took = false
			for i := range greedy {
				owner := fmt.Sprint(i)
				if b.Take(owner, 1) {
					has[owner]++
					took = true
				}
			}
		}
		for owner, n := range has {
			if n > limit/3 {
				t.Errorf("with %d owners, %s has %d of %d", greedy, owner, n, limit)
			}
		}
		if !b.Take("newcomer", ownerLeast) {
			t.Errorf("%d owners leave nothing for another", greedy)
		}
	}
}

func TestBudgetIsNeverOverdrawn(t *testing.T) {
	b := NewBudget(3)
	var held atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		owner := fmt.Sprint(i)
		all.Go(func() {
			for range 1000 {
				if b.Take(owner, 1) {
					if held.Add(1) > 3 {
						t.Error("more was taken than there is")
					}
					held.Add(-1)
					b.Give(owner, 1)
				}
			}
		})
	}
	all.Wait()
	if !b.Take("", 3) {
		t.Error("some was not given back")
	}
	b.Give("", 3)
	if len(b.owners) != 0 {
		t.Errorf("owners that have nothing are kept: %v", b.owners)
	}
}
