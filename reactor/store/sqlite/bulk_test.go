package sqlite

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// bigOp is an op on a workload that writes much.
type bigOp struct {
	namedOp
	size int64
}

func (o *bigOp) bytes() int64 { return o.size }

// Output waits for its turn: what somebody waits for goes first, and of the output a little of each
// workload, in the order it came.
func TestBulkTakesTurns(t *testing.T) {
	q := newQueue()
	for i := range 10 {
		q.pushBulk(&bigOp{namedOp{id: "a", name: fmt.Sprint("a", i)}, bulkBytes / 4})
	}
	for i := range 2 {
		q.pushBulk(&bigOp{namedOp{id: "b", name: fmt.Sprint("b", i)}, bulkBytes / 4})
	}
	q.push(&namedOp{id: "c", name: "c0"})
	q.pushBulk(&bigOp{namedOp{id: "c", name: "c1"}, bulkBytes / 4})
	for _, want := range []string{
		"c0 a0 b0 c1 a1",
		"b1 a2 a3 a4",
		"a5 a6 a7 a8",
		"a9",
	} {
		<-q.ready
		batch, closed := q.take(nil, 1<<20)
		if got := namesOf(batch); got != want || closed {
			t.Errorf("took %q, closed %t; want %q", got, closed, want)
		}
	}
	q.close()
}

func namesOf(batch []op) string {
	var names []string
	for _, o := range batch {
		switch o := o.(type) {
		case *bigOp:
			names = append(names, o.name)
		case *namedOp:
			names = append(names, o.name)
		}
	}
	return strings.Join(names, " ")
}

// Whatever the mixture, the ops of one workload are taken in the order they were asked for, and all
// of them are.
func TestBulkKeepsTheOrderOfEachWorkload(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		q := newQueue()
		asked, taken := map[string]int{}, map[string]int{}
		take := func() bool {
			batch, closed := q.take(nil, int64(1+rng.IntN(10)))
			for _, o := range batch {
				id, n := o.workload(), 0
				if _, err := fmt.Sscan(strings.TrimPrefix(namesOf([]op{o}), id), &n); err != nil {
					t.Fatal(err)
				}
				if n != taken[id] {
					t.Fatalf("seed %d: %s%d was taken when it was the turn of %d", seed, id, n, taken[id])
				}
				taken[id]++
			}
			return closed
		}
		for range 500 {
			id := string(rune('a' + rng.IntN(5)))
			o := namedOp{id: id, name: fmt.Sprint(id, asked[id])}
			asked[id]++
			switch rng.IntN(8) {
			case 0:
				q.hold(&o)
			case 1:
				q.pushLazy(&o)
			case 2, 3:
				q.push(&o)
			default:
				q.pushBulk(&bigOp{o, int64(rng.IntN(bulkBytes))})
			}
			if rng.IntN(4) == 0 {
				take()
			}
		}
		q.close()
		for !take() {
		}
		for id, n := range asked {
			if taken[id] != n {
				t.Errorf("seed %d: %d of %d ops of %s were taken", seed, taken[id], n, id)
			}
		}
	}
}
