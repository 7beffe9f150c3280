package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// namedOp is an op on a workload.
type namedOp struct {
	op
	id, name string
}

func (o *namedOp) workload() string { return o.id }
func (o *namedOp) bytes() int64     { return 1 }

// Lazy ops go when they have lingered, or with others: those held with one of the same workload,
// those that joined with any.
func TestQueueLingers(t *testing.T) {
	const early = linger / 2
	type step struct {
		do   string // push, join or hold
		op   string // its name begins with the workload's
		want string // the batch there is then; "-" for none
	}
	for _, test := range []struct {
		name  string
		steps []step
		later string // what there is after linger
	}{
		{"held", []step{{"hold", "a1", "-"}, {"hold", "b1", "-"}}, "a1 b1"},
		{"joined", []step{{"join", "a1", "-"}, {"join", "b1", "-"}}, "a1 b1"},
		{"joined go with others", []step{{"join", "a1", "-"}, {"push", "b1", "a1 b1"}}, "-"},
		{"held do not", []step{{"hold", "a1", "-"}, {"push", "b1", "b1"}}, "a1"},
		{"held go with their own", []step{{"hold", "a1", "-"}, {"hold", "b1", "-"}, {"push", "a2", "a1 a2"}}, "b1"},
		{"held, then joined", []step{{"hold", "a1", "-"}, {"join", "a2", "-"}, {"push", "b1", "a1 a2 b1"}}, "-"},
		{"held twice", []step{{"hold", "a1", "-"}, {"join", "a2", "-"}, {"hold", "a3", "-"}, {"push", "b1", "a1 a2 b1"}}, "a3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue()
				taken := func() string {
					synctest.Wait()
					select {
					case <-q.ready:
					default:
						return "-"
					}
					batch, _ := q.take(nil, 100)
					var names []string
					for _, o := range batch {
						names = append(names, o.(*namedOp).name)
					}
					return strings.Join(names, " ")
				}
				for _, s := range test.steps {
					put := map[string]func(op) bool{"push": q.push, "join": q.pushLazy, "hold": q.hold}[s.do]
					if !put(&namedOp{id: s.op[:1], name: s.op}) {
						t.Fatal("the queue is closed")
					}
					if got := taken(); got != s.want {
						t.Errorf("after %s %s: %q, want %q", s.do, s.op, got, s.want)
					}
				}
				time.Sleep(early)
				if got := taken(); got != "-" {
					t.Errorf("early: %q", got)
				}
				time.Sleep(linger - early)
				if got := taken(); got != test.later {
					t.Errorf("later: %q, want %q", got, test.later)
				}
				q.close()
				if got := taken(); got != "" {
					t.Errorf("after all: %q", got)
				}
			})
		})
	}
}

// Each held op goes when its own time has come, about.
func TestQueueLingersForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		begin := time.Now()
		var due []time.Time
		for i := range 5 {
			q.hold(&namedOp{id: fmt.Sprint(i)})
			due = append(due, time.Now().Add(linger))
			time.Sleep(linger / 8)
		}
		for n := 0; n < len(due); {
			<-q.ready
			batch, _ := q.take(nil, 100)
			for range batch {
				if waited := time.Since(due[n]) + linger; waited > linger || waited < nearly {
					t.Errorf("op %d was held for %v", n, waited)
				}
				n++
			}
		}
		if all := time.Since(begin); all > 2*linger {
			t.Errorf("all took %v", all)
		}
		q.close()
	})
}

// What is left when the queue is closed is taken.
func TestQueueClosedWithHeldOps(t *testing.T) {
	q := newQueue()
	q.hold(&namedOp{id: "a"})
	q.pushLazy(&namedOp{id: "b"})
	q.close()
	for _, put := range []func(op) bool{q.push, q.pushLazy, q.hold} {
		if put(&namedOp{id: "a"}) {
			t.Error("a closed queue took an op")
		}
	}
	<-q.ready
	if batch, closed := q.take(nil, 100); len(batch) != 2 || !closed {
		t.Errorf("%d ops, closed %t", len(batch), closed)
	}
}

// A batch takes one large op beside the others, however many there are, and all go in their order.
func TestLargeOpsGoOneByOne(t *testing.T) {
	q := newQueue()
	for i := range 3 {
		q.pushLarge(&namedOp{name: fmt.Sprint("large", i)})
	}
	q.push(&namedOp{id: "a", name: "small"})
	for i, want := range []string{"small large0", "large1", "large2"} {
		<-q.ready
		batch, closed := q.take(nil, 100)
		var names []string
		for _, o := range batch {
			names = append(names, o.(*namedOp).name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("batch %d is %q, want %q", i, got, want)
		}
		if i == 1 {
			q.close()
		}
		if closed != (i == 2) {
			t.Errorf("closed %t at batch %d", closed, i)
		}
	}
	if q.pushLarge(&namedOp{}) {
		t.Error("a closed queue took an op")
	}
}
