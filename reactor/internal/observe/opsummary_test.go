package observe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// countOps counts operations, the ith of which begins i seconds after epoch and belongs to workload wi.
func countOps(c *census, ops ...hostcalls.Op) {
	for i := range ops {
		ops[i].Start = epoch.Add(time.Duration(i) * time.Second)
		c.count(fmt.Sprintf("w%d", i), &ops[i])
	}
}

// TestCensus: groups by kind and target, the largest first, each with its oldest operation.
func TestCensus(t *testing.T) {
	var c census
	timer, read := hostcalls.OpTimer, hostcalls.OpRead
	countOps(&c,
		hostcalls.Op{Kind: timer}, hostcalls.Op{Kind: read, Target: "a:1"}, hostcalls.Op{Kind: timer},
		hostcalls.Op{Kind: hostcalls.OpWrite, Target: "a:1"}, hostcalls.Op{Kind: read, Target: "b:1"}, hostcalls.Op{Kind: read, Target: "a:1"},
		hostcalls.Op{Kind: read, Target: "stdin"}, hostcalls.Op{Kind: timer},
	)
	at := func(i int) (time.Time, string) {
		return epoch.Add(time.Duration(i) * time.Second), fmt.Sprintf("w%d", i)
	}
	group := func(kind hostcalls.OpKind, target string, count uint64, oldest int) api.OpGroup {
		g := api.OpGroup{Kind: api.OpKind(kind), Target: target, Count: count}
		g.OldestStartTime, g.OldestWorkloadID = at(oldest)
		return g
	}
	want := []api.OpGroup{
		group(timer, "", 3, 0), group(read, "a:1", 2, 1), group(read, "", 1, 6), group(read, "b:1", 1, 4), group(hostcalls.OpWrite, "a:1", 1, 3),
	}
	got, others := c.largest(10)
	if diff := cmp.Diff(want, got); diff != "" || others != 0 {
		t.Errorf("%d others; groups (-want +got):\n%s", others, diff)
	}
	got, others = c.largest(2)
	if diff := cmp.Diff(want[:2], got); diff != "" || others != 3 {
		t.Errorf("%d others, want 3; groups (-want +got):\n%s", others, diff)
	}
}

// TestCensusPeers: of the workloads at the other end of a group's operations the first ones by id are told, each once.
func TestCensusPeers(t *testing.T) {
	var c census
	for _, peer := range []string{"e", "b", "", "d", "b", "a", "c", "f"} {
		countOps(&c, hostcalls.Op{Kind: hostcalls.OpHTTP, Target: "http://a/", Subject: joint(peer)}, hostcalls.Op{Kind: hostcalls.OpTimer})
	}
	groups, _ := c.largest(10)
	if diff := cmp.Diff([][]string{nil, {"a", "b", "c", "d"}}, [][]string{groups[0].Peers, groups[1].Peers}); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
}

// TestCensusOldest: of operations that began at the same time the oldest is that of the first workload by id, in whatever
// order they are met.
func TestCensusOldest(t *testing.T) {
	for _, ids := range [][]string{{"b", "a", "c"}, {"a", "b", "c"}, {"c", "b", "a"}} {
		var c census
		for _, id := range ids {
			c.count(id, &hostcalls.Op{Kind: hostcalls.OpRead, Target: "a:1", Start: epoch})
		}
		groups, _ := c.largest(1)
		if whose := groups[0].OldestWorkloadID; whose != "a" {
			t.Errorf("met in the order %q, the oldest is %q, want a", ids, whose)
		}
	}
}

// TestCensusIsBounded: however many targets guests choose, and in whatever order they are met, a census stays small, counts
// each operation once, and misses few of a large group.
func TestCensusIsBounded(t *testing.T) {
	large := hostcalls.Op{Kind: hostcalls.OpRead, Target: "large:1"}
	for _, tc := range []struct {
		name string
		op   func(i int) hostcalls.Op
	}{
		{"each target once", func(i int) hostcalls.Op {
			return hostcalls.Op{Kind: hostcalls.OpFile, Target: fmt.Sprint("/", i)}
		}},
		{"some targets often first", func(i int) hostcalls.Op {
			if i < 100_000 {
				return hostcalls.Op{Kind: hostcalls.OpFile, Target: fmt.Sprint("/often", i%(maxGroups/2))}
			}
			return hostcalls.Op{Kind: hostcalls.OpFile, Target: fmt.Sprint("/", i)}
		}},
		{"by chance", func(int) hostcalls.Op {
			return hostcalls.Op{Kind: hostcalls.OpConnect, Target: fmt.Sprint("h", rand.N(20_000))}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c census
			const n, every = 200_000, 20
			for i := range n {
				op := tc.op(i)
				c.count("w", &op)
				if i%every == 0 {
					c.count("w", &large)
				}
				if len(c.targeted) > maxGroups {
					t.Fatalf("%d groups", len(c.targeted))
				}
			}
			groups, others := c.largest(1000)
			sum := others
			counted := uint64(0)
			for _, g := range groups {
				sum += g.Count
				if g.Target == large.Target {
					counted = g.Count
				}
			}
			const total = n + n/every
			if sum != total {
				t.Errorf("it has counted %d operations of %d", sum, total)
			}
			if missed := n/every - counted; missed > total/(maxGroups/2) {
				t.Errorf("it has missed %d of %d", missed, n/every)
			}
		})
	}
}

// TestSummarizeOps counts what the workloads of a node wait for, and only what a filter selects.
func TestSummarizeOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t)
		defer x.close()
		x.node.piece = 3
		long := strings.Repeat("x", maxOpText+1)
		begin := time.Now()
		read := hostcalls.Op{Kind: hostcalls.OpRead, Target: "10.0.0.1:443", Start: begin}
		for i := range 10 {
			ops := []hostcalls.Op{read, {Kind: hostcalls.OpTimer, Start: begin.Add(time.Duration(i) * time.Second)}}
			x.add(fmt.Sprintf("w%d", i), &program{run: parks, ops: ops[:1+i%2]})
		}
		x.add("stuck", &program{run: parks, call: "poll_oneoff"})
		x.add("pending", nil)
		x.add("file", &program{run: parks, ops: []hostcalls.Op{{Kind: hostcalls.OpFile, Target: long, Start: begin}}})
		synctest.Wait()
		time.Sleep(6 * time.Second)
		for _, tc := range []struct {
			filter  api.OpFilter
			want    string
			waiting uint64
		}{
			{api.OpFilter{}, "10 read 10.0.0.1:443, 5 timer , 1 file " + long[1:] + "...", 11},
			{api.OpFilter{Kinds: []api.OpKind{api.OpKind(hostcalls.OpTimer)}}, "5 timer ", 5},
			{api.OpFilter{Kinds: []api.OpKind{api.OpKind(hostcalls.OpTimer)}, MinAge: 5 * time.Second}, "1 timer ", 1},
			{api.OpFilter{Target: "10.0.0.*"}, "10 read 10.0.0.1:443", 10},
			{api.OpFilter{Target: "10.0.0.1"}, "", 0},
			{api.OpFilter{Target: "10.0.0.1:443", MinAge: time.Minute}, "", 0},
		} {
			got, err := x.SummarizeOps(context.Background(), Selected{}, NewOpFilter(tc.filter), 10)
			var texts []string
			for _, g := range got.Groups {
				texts = append(texts, fmt.Sprintf("%d %v %s", g.Count, hostcalls.OpKind(g.Kind), g.Target))
			}
			if text := strings.Join(texts, ", "); text != tc.want || got.Waiting != tc.waiting || got.Stuck != 1 || err != nil {
				t.Errorf("%+v: %q, %d wait, %v; want %q, %d", tc.filter, text, got.Waiting, err, tc.want, tc.waiting)
			}
		}
		stuck := api.Workload{ID: "stuck", Status: api.Status{State: api.Running}}
		x.Overlay(&stuck)
		if want := "it waits in poll_oneoff for nothing that could wake it"; stuck.Status.Stuck != want {
			t.Errorf("the workload that is stuck is told as %q", stuck.Status.Stuck)
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := x.SummarizeOps(ended, Selected{}, OpFilter{}, 10); err == nil {
			t.Error("a summary that nobody waits for goes on")
		}
	})
}

// TestOldestOps: those that began first, of as many as were asked for.
func TestOldestOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t)
		defer x.close()
		x.node.piece = 7
		begin := time.Now()
		for _, i := range rand.Perm(50) {
			start := begin.Add(time.Duration(i/2) * time.Second) // two begin at a time
			x.add(fmt.Sprintf("w%02d", i), &program{run: parks, ops: []hostcalls.Op{
				{Kind: hostcalls.OpRead, Start: start}, {Kind: hostcalls.OpTimer, Start: start.Add(time.Hour)},
			}})
		}
		synctest.Wait()
		for _, size := range []int{1, 2, 7, 50, 99, 100, 1000} {
			ops, err := x.OldestOps(context.Background(), Selected{}, OpFilter{}, size)
			if err != nil || len(ops) != min(size, 100) {
				t.Fatalf("%d of %d, %v", len(ops), size, err)
			}
			for i, op := range ops {
				if want := fmt.Sprintf("w%02d", i%50); op.WorkloadID != want {
					t.Errorf("of %d, the one in place %d is of %s, want %s", size, i, op.WorkloadID, want)
				}
			}
		}
		ops, err := x.OldestOps(context.Background(), Selected{ID: "w03"}, OpFilter{}, 5)
		if len(ops) != 2 || ops[0].WorkloadID != "w03" || err != nil {
			t.Errorf("of one workload: %+v, %v", ops, err)
		}
	})
}
