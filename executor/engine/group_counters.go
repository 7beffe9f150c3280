package engine

import (
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// The counters of a group.
//
// Each core instance has counters of its own: shared ones, imported globals, made code 7% slower on average, and recursion by
// a quarter (BenchmarkMetering's programs). So a core instance gets pieces, of the quantum and of the bound of the stack, when
// its own counter falls below zero. What it has left it keeps, until another needs it. So together they never burn more than
// the quantum, and never have more stack than the bound.

// fuelPieces is the number of pieces of a quantum.
const fuelPieces = 4

// mostGiven is the number of core instances that may have fuel at a time.
const mostGiven = 16

// groupFuel is the fuel of the last Refill.
type groupFuel struct {
	quantum int64
	pool    int64           // what no core instance has; below zero, if more was burnt
	given   []*CoreInstance // those that have some, or had
}

// left returns what the core instances have.
func (f *groupFuel) left() (sum int64) {
	for _, c := range f.given {
		sum += int64(c.fuel.Get())
	}
	return sum
}

// takeBack puts into the pool what the core instances have.
func (f *groupFuel) takeBack() {
	f.pool += f.left()
	for i, c := range f.given {
		c.fuel.Set(0)
		f.given[i] = nil
	}
	f.given = f.given[:0]
}

// Refill sets the fuel that the guest may burn from now on. It must not be called while guest code runs.
func (g *Group) Refill(quantum int64) {
	f := &g.fuel
	if f.left() > quantum {
		f.takeBack()
	}
	f.quantum, f.pool = quantum, quantum-f.left()
}

// Burnt returns the fuel used since the last Refill, which it may exceed by less than the fuel of one
// check. It must not be called while guest code runs.
func (g *Group) Burnt() int64 { return g.fuel.quantum - g.fuel.pool - g.fuel.left() }

// yield gives a core instance that has burnt its piece another one.
func (g *Group) yield(caller api.Module) error {
	f, c := &g.fuel, g.coreOf(caller)
	if left := int64(c.fuel.Get()); left < 0 {
		f.pool += left
		c.fuel.Set(0)
	}
	if err := g.preemptIfSpent(); err != nil {
		return err
	}
	piece := max(1, min(f.pool, f.quantum/fuelPieces))
	f.pool -= piece
	if !slices.Contains(f.given, c) {
		if len(f.given) == mostGiven {
			f.takeBack()
		}
		f.given = append(f.given, c)
	}
	c.fuel.Set(uint64(int64(c.fuel.Get()) + piece))
	return nil
}

func (g *Group) burn(units int64) error {
	g.fuel.pool -= units
	return g.preemptIfSpent()
}

// preemptIfSpent ends the turn if the quantum is burnt.
func (g *Group) preemptIfSpent() error {
	if g.fuel.pool > 0 {
		return nil
	}
	g.fuel.takeBack()
	if g.fuel.pool > 0 {
		return nil
	}
	return g.host.Preempt()
}

// leastStack is what a core instance is granted at a time, at least, if the bound allows.
const leastStack = 2 << 10

// growStack grants stack to a core instance whose stack bytes are below zero, or returns the error with which the guest ends.
// It doubles the instance's grant, so that deep recursion asks rarely.
func (g *Group) growStack(caller api.Module) error {
	c := g.coreOf(caller)
	left := int64(c.stackLeft.Get())
	if left >= 0 {
		return nil
	}
	more, err := g.takeStack(-left, max(leastStack, c.member.stack))
	if err != nil {
		return err
	}
	if c.member.stack == 0 {
		g.stacked = append(g.stacked, c)
	}
	c.member.stack += more
	c.stackLeft.Set(uint64(left + more))
	return g.burn(more * stackCost)
}

// takeStack takes stack from the bound. If there is too little, it takes back first what core instances don't use.
func (g *Group) takeStack(missing, soon int64) (int64, error) {
	more, err := g.stack.grow(missing, soon, g.account)
	if !errors.Is(err, errStackOverflow) {
		return more, err
	}
	for i, c := range g.stacked {
		if left := int64(c.stackLeft.Get()); left > 0 {
			g.stack.granted -= left
			c.member.stack -= left
			c.stackLeft.Set(0)
		}
		g.stacked[i] = nil
	}
	g.stacked = g.stacked[:0]
	return g.stack.grow(missing, 0, g.account)
}

// coreOf returns the core instance that is an instance of wazero.
func (g *Group) coreOf(instance api.Module) *CoreInstance {
	const few = 16
	if len(g.cores) > few {
		return g.byInstance[instance]
	}
	for _, c := range g.cores {
		if c.guest == instance {
			return c
		}
	}
	return nil
}
