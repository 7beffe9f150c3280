package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestActivity(t *testing.T) {
	host := &reactorv1.StreamParty{Owner: reactorv1.EndOwner_END_OWNER_HOST}
	instance := &reactorv1.StreamParty{Owner: reactorv1.EndOwner_END_OWNER_INSTANCE, Instance: 2, Waits: true, Export: "copy"}
	for _, tt := range []struct {
		name string
		a    *reactorv1.Activity
		want string
	}{
		{"no component", nil, ""},
		{"one call with a stack", &reactorv1.Activity{Calls: []*reactorv1.CallGroup{
			{Export: "run", State: reactorv1.CallState_CALL_STATE_RUNNING, Count: 1},
		}}, ""},
		{"much", &reactorv1.Activity{
			Busy: true,
			Calls: []*reactorv1.CallGroup{
				{Instance: 1, Export: "sleep", State: reactorv1.CallState_CALL_STATE_CALLBACK, Count: 100_000},
				{Export: "f", State: reactorv1.CallState_CALL_STATE_HELD, Count: 1},
			},
			OtherCalls: 7,
			Waits: []*reactorv1.WaitGroup{
				{Instance: 1, Export: "sleep", Wait: reactorv1.CallWait_CALL_WAIT_HOST, Target: "wait-for", Count: 100_000},
				{Export: "f", Wait: reactorv1.CallWait_CALL_WAIT_GATE, Count: 1},
				{Wait: reactorv1.CallWait_CALL_WAIT_CALL, Target: "g", Count: 2},
			},
			Instances: []*reactorv1.InstanceGate{{Instance: 0, Backpressure: 1, Held: 1, Exclusive: "g"}},
			Streams:   []*reactorv1.StreamStatus{{Item: "u8", Items: 2048, Bytes: 2048, Writer: host, Reader: instance}, {Future: true, Writer: instance, Reader: instance}},
			Fibers:    3, Circle: []string{"f of instance 0", "g of instance 1"},
		}, `component    it computes now, so that this is not all
in progress  100,000 of sleep of instance 1 wait without a stack
             1 of f of instance 0 waits to begin
             and 7 more
which wait   sleep of instance 1, 100,000 times for the host: wait-for
             f of instance 0, 1 time to begin
             nobody in instance 0, 2 times for a call of g
gates        instance 0: 1 call to begin, backpressure 1, g runs alone
streams      stream<u8>, 2 KiB from the host to instance 2: copy of instance 2 waits for the writer
             future, 0 items from instance 2 to instance 2: both wait
stacks       3 wait
circle       f of instance 0 waits for g of instance 1, which waits for f of instance 0: none of them can go on
`},
	} {
		var got strings.Builder
		for _, line := range Activity(tt.a, 0) {
			got.WriteString(line.String() + "\n")
		}
		if diff := cmp.Diff(tt.want, got.String()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
