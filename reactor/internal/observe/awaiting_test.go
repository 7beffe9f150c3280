package observe

import (
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
)

// awaits waits until a workload listens.
type awaits struct {
	joint
	id, listener string
	listens      bool
}

func (a awaits) Awaits() (id, listener string) { return a.id, a.listener }
func (a awaits) Listens() bool                 { return a.listens }

// TestWhyWaits: an operation that waits for a listener of another workload says why that is not there.
func TestWhyWaits(t *testing.T) {
	for _, tc := range []struct {
		name  string
		other *program // of the workload shop; nil: it has not started
		ended bool     // there is no workload shop
		op    awaits
		want  string
	}{
		{"no workload", nil, true, awaits{id: "shop"}, "workload shop does not exist, or has ended"},
		{"one that is queued", nil, false, awaits{id: "shop"}, "workload shop has not started"},
		{"one that opens its grants", &program{run: parks, opening: true}, false, awaits{id: "shop"}, "workload shop has not started"},
		{"no listener", &program{run: parks}, false, awaits{id: "shop"}, "workload shop has no listener for other workloads"},
		{"no such listener", &program{run: parks}, false, awaits{id: "shop", listener: "db"}, `workload shop has no listener "db" for other workloads`},
		{"a listener without room", &program{run: parks}, false, awaits{id: "shop", listener: "db", listens: true}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t)
				defer x.close()
				if !tc.ended {
					x.add("shop", tc.other)
				}
				x.add("client", &program{run: parks, ops: []hostcalls.Op{
					{Kind: hostcalls.OpConnect, Target: "workload shop", Subject: tc.op}, {Kind: hostcalls.OpTimer}, {Kind: hostcalls.OpRead, Subject: joint("shop")},
				}})
				synctest.Wait()
				status := &api.Workload{ID: "client", Status: api.Status{State: api.Running}}
				x.Overlay(status)
				listed, _, err := x.OpsOf("client", OpFilter{}, "", 10)
				if err != nil {
					t.Fatal(err)
				}
				for _, ops := range [][]api.Op{listed, status.Status.WaitingFor} {
					if len(ops) != 3 || ops[0].Reason != tc.want || ops[0].Target != "workload shop" || ops[1].Reason+ops[2].Reason != "" {
						t.Errorf("it waits for %+v, want the reason %q", ops, tc.want)
					}
				}
			})
		})
	}
}
