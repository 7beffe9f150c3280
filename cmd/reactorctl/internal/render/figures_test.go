package render

import (
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestWaitsFor(t *testing.T) {
	accept := &reactorv1.Op{Kind: reactorv1.OpKind_OP_KIND_ACCEPT, Target: "127.0.0.1:80"}
	timer := &reactorv1.Op{Kind: reactorv1.OpKind_OP_KIND_TIMER}
	service := &reactorv1.ServiceStatus{Requests: 5012, Active: 2, Waiting: 1}
	for want, s := range map[string]*reactorv1.WorkloadStatus{
		"":                       {},
		"accept 127.0.0.1:80 +1": {WaitingFor: []*reactorv1.Op{accept, timer}, Calls: 1},
		"3 calls: timer":         {WaitingFor: []*reactorv1.Op{timer}, Calls: 3},
		"3 calls":                {Calls: 3},
		"accept 127.0.0.1:80: requests 5,012, 2 under way, 1 waiting": {
			WaitingFor: []*reactorv1.Op{accept, timer}, Service: service, Calls: 3,
		},
		"timer": {WaitingFor: []*reactorv1.Op{timer}, Service: service}, // it does not listen yet, or no more
	} {
		if got := WaitsFor(s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
