package observe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

// FuzzOpsPages: the pages one after the other are the operations of all workloads that stay, in the order of the ids
// and each once, however large pages are, and whatever ends meanwhile. Of one that ends there may be some.
func FuzzOpsPages(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(1+seed*3), uint8(1+seed), seed%2 == 1)
	}
	f.Fuzz(func(t *testing.T, seed uint64, size, piece uint8, ending bool) {
		random := rand.New(rand.NewPCG(seed, 1))
		x := newFixture(t)
		defer x.close()
		x.node.piece = 1 + int(piece)
		want := map[string]int{} // those that stay
		for _, i := range random.Perm(40) {
			id, ops := fmt.Sprintf("w%02d", i), random.IntN(4)
			if random.IntN(8) == 0 {
				x.add(id, nil) // it waits to be started
				continue
			}
			_, ended := x.add(id, &program{ops: opsFor(id, ops)})
			<-ended // its process stays
			want[id] = ops
		}
		x.node.onStep = func() {
			if !ending || len(x.node.all) < 20 || random.IntN(2) == 0 {
				return
			}
			i := random.IntN(len(x.node.all))
			delete(want, x.node.all[i].id)
			x.node.remove(i)
		}
		got := map[string]int{}
		var order []string
		for token, more := "", true; more; more = token != "" {
			ops, next, err := x.Ops(context.Background(), OpFilter{}, token, 1+int(size))
			if err != nil || len(ops) > 1+int(size) {
				t.Fatalf("%d operations on a page of %d, %v", len(ops), 1+int(size), err)
			}
			for _, op := range ops {
				if want := fmt.Sprintf("%s/%d", op.WorkloadID, got[op.WorkloadID]); op.Target != want {
					t.Errorf("operation %s, want %s", op.Target, want)
				}
				got[op.WorkloadID]++
				order = append(order, op.WorkloadID)
			}
			token = next
		}
		if !slices.IsSorted(order) {
			t.Errorf("out of order: %q", order)
		}
		for id, ops := range want {
			if got[id] != ops {
				t.Errorf("%d operations of %s, want %d", got[id], id, ops)
			}
		}
	})
}

// TestOpsOf pages through the operations of one workload.
func TestOpsOf(t *testing.T) {
	x := newFixture(t)
	defer x.close()
	_, ended := x.add("w", &program{ops: opsFor("w", 5)})
	<-ended
	x.add("waits", nil)
	var targets []string
	for token, more := "", true; more; more = token != "" {
		ops, next, err := x.OpsOf("w", OpFilter{}, token, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			targets = append(targets, op.Target)
		}
		token = next
	}
	if diff := cmp.Diff([]string{"w/0", "w/1", "w/2", "w/3", "w/4"}, targets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, id := range []string{"waits", "unknown"} {
		if ops, next, err := x.OpsOf(id, OpFilter{}, "", 2); len(ops) > 0 || next != "" || err != nil {
			t.Errorf("%s: %+v, %q, %v", id, ops, next, err)
		}
	}
	if ops, next, err := x.OpsOf("w", OpFilter{}, "99/w", 2); len(ops) > 0 || next != "" || err != nil {
		t.Errorf("a token from when it waited for more: %+v, %q, %v", ops, next, err)
	}
}

// TestOpsTokens: what no page gave out is refused.
func TestOpsTokens(t *testing.T) {
	x := newFixture(t)
	defer x.close()
	pages := map[string]func(token string) ([]api.Op, string, error){
		"one": func(token string) ([]api.Op, string, error) { return x.OpsOf("w", OpFilter{}, token, 1) },
		"all": func(token string) ([]api.Op, string, error) { return x.Ops(context.Background(), OpFilter{}, token, 1) },
	}
	for name, page := range pages {
		for _, token := range []string{"x", "-1/a", "/", "1", "1.5/a"} {
			t.Run(name+"/"+token, func(t *testing.T) {
				_, _, err := page(token)
				wantClass(t, err, errs.InvalidArgument)
			})
		}
	}
}

// TestDeadlineOfOp: an operation ends by itself or by the workload's timeout, whichever is earlier.
func TestDeadlineOfOp(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct{ own, timeout, want time.Time }{
		{time.Time{}, time.Time{}, time.Time{}},
		{now, time.Time{}, now},
		{time.Time{}, now, now},
		{now, now.Add(1), now},
		{now.Add(1), now, now},
	} {
		op := hostcalls.Op{Kind: hostcalls.OpRead, Deadline: tc.own}
		if got := new(Observer).apiOp("a", &op, tc.timeout).Deadline; !got.Equal(tc.want) {
			t.Errorf("%v and %v: %v, want %v", tc.own, tc.timeout, got, tc.want)
		}
	}
}
