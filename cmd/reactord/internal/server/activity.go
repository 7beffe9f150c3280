package server

import (
	"github.com/reactord/reactord/internal/clip"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

// maxActivityText bounds names of functions and types: their length is the component's choice.
const maxActivityText = 200

// fromActivity converts a description whose lists are bounded.
//
//nolint:gosec // its numbers are small and not negative
func fromActivity(a *api.Activity) *reactorv1.Activity {
	if a == nil {
		return nil
	}
	text := func(s string) string { return clip.Text(s, maxActivityText) }
	p := &reactorv1.Activity{
		Busy: a.Busy, OtherCalls: a.OtherCalls, OtherWaits: a.OtherWaits, OtherStreams: a.OtherStreams, Fibers: uint32(a.Fibers),
	}
	for _, c := range a.Calls {
		p.Calls = append(p.Calls, &reactorv1.CallGroup{
			Instance: uint32(c.Instance), Export: text(c.Export), State: reactorv1.CallState(c.State), Count: c.Count, OldestTime: fromTime(c.Oldest),
		})
	}
	for _, w := range a.Waits {
		p.Waits = append(p.Waits, &reactorv1.WaitGroup{
			Instance: uint32(w.Instance), Export: text(w.Export), Wait: reactorv1.CallWait(w.Kind), Target: text(w.Target), Count: w.Count,
		})
	}
	for _, i := range a.Instances {
		p.Instances = append(p.Instances, &reactorv1.InstanceGate{
			Instance: uint32(i.Number), Backpressure: uint32(i.Backpressure), Held: i.Held, Exclusive: text(i.Exclusive),
		})
	}
	for _, s := range a.Streams {
		p.Streams = append(p.Streams, &reactorv1.StreamStatus{
			Future: s.Future, Item: text(s.Item), Items: s.Items, Bytes: s.Bytes,
			Reader: &reactorv1.StreamParty{
				Owner: reactorv1.EndOwner(s.Reader.Whose), Instance: uint32(s.Reader.Instance), Waits: s.Reader.Waits, Export: text(s.Reader.Export),
			},
			Writer: &reactorv1.StreamParty{
				Owner: reactorv1.EndOwner(s.Writer.Whose), Instance: uint32(s.Writer.Instance), Waits: s.Writer.Waits, Export: text(s.Writer.Export),
			},
		})
	}
	for _, name := range a.Circle {
		p.Circle = append(p.Circle, text(name))
	}
	return p
}
