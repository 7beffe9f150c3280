package observe

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
)

// joint is an end of a pipe with another workload.
type joint string

func (joint) Transferred(hostcalls.OpKind) uint64 { return 0 }
func (joint) Grant() string                       { return "" }
func (j joint) Peer() string                      { return string(j) }

// TestStuck: workloads are stuck of which each waits only for others of them.
func TestStuck(t *testing.T) {
	for _, tc := range []struct {
		name      string
		workloads string // WORKLOAD>PEER,PEER...: it waits for peers, or for the timer "-"
		want      string // of a
		count     uint64
	}{
		{"nothing", "a>", "it waits in fd_read for nothing that could wake it", 1},
		{"a timer", "a>-", "", 0},
		{"itself", "a>a", "it waits in fd_read for itself", 1},
		{"each other", "a>b b>a", "it waits in fd_read for workload b, which can't go on either", 2},
		{"a circle", "a>b b>c c>d d>a", "it waits in fd_read for workload b, which can't go on either; workloads a, b, c, d wait for each other in a circle", 4},
		{"two that wait for each other", "a>b b>c c>b", "it waits in fd_read for workload b, which can't go on either; workloads b, c wait for each other in a circle", 3},
		{"one that waits for nothing", "a>b b>", "it waits in fd_read for workload b, which can't go on either", 2},
		{"several", "a>b,c b>a c>a", "it waits in fd_read for workloads b, c, which can't go on either", 3},
		{"many", "a>b,c,d,e b>a c>a d>a e>a", "it waits in fd_read for workloads b, c, d and 1 more, which can't go on either", 5},
		{"a chain whose first sleeps", "a>b b>c c>-", "", 0},
		{"a circle with a way out", "a>b b>c,d c>a d>-", "", 0},
		{"each other, or a timer", "a>b b>a,-", "", 0},
		{"one that has not started", "a>b b", "", 0},
		{"one that is not there", "a>b", "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t)
				defer x.close()
				for text := range strings.FieldsSeq(tc.workloads) {
					id, peers, started := strings.Cut(text, ">")
					if !started {
						x.add(id, nil)
						continue
					}
					p := &program{run: parks, call: "fd_read"}
					for peer := range strings.FieldsFuncSeq(peers, func(r rune) bool { return r == ',' }) {
						op := hostcalls.Op{Kind: hostcalls.OpRead, Subject: joint(peer)}
						if peer == "-" {
							op = hostcalls.Op{Kind: hostcalls.OpTimer}
						}
						p.ops = append(p.ops, op)
					}
					x.add(id, p)
				}
				for _, want := range []string{"", tc.want} { // one has to wait for a while
					synctest.Wait()
					a := api.Workload{ID: "a", Status: api.Status{State: api.Running}}
					x.Overlay(&a)
					if a.Status.Stuck != want {
						t.Errorf("it is told as %q, want %q", a.Status.Stuck, want)
					}
					if got := x.Stuck("a"); got != want {
						t.Errorf("by itself it is told as %q, want %q", got, want)
					}
					time.Sleep(time.Minute)
				}
				if sum, err := x.SummarizeOps(context.Background(), Selected{}, OpFilter{}, 10); err != nil || sum.Stuck != tc.count {
					t.Errorf("%d are stuck, want %d; %v", sum.Stuck, tc.count, err)
				}
			})
		})
	}
}
