package activity

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGroups(t *testing.T) {
	var b Builder
	at := time.Unix(1000, 0)
	for i := range 10 {
		b.Call(1, "sleep", Callback, at.Add(time.Duration(10-i)*time.Second))
		b.Wait(1, "sleep", HostCall, "wait-for")
	}
	b.Call(0, "crowd", Callback, time.Time{})
	b.Instance(Instance{Number: 0})
	b.Instance(Instance{Number: 1, Held: 2})
	b.Fibers(3)
	want := &Activity{
		Calls:     []Calls{{1, "sleep", Callback, 10, at.Add(time.Second)}, {0, "crowd", Callback, 1, time.Time{}}},
		Waits:     []Waits{{1, "sleep", HostCall, "wait-for", 10}},
		Instances: []Instance{{Number: 1, Held: 2}},
		Fibers:    3,
	}
	if diff := cmp.Diff(want, b.Activity(false)); diff != "" {
		t.Error(diff)
	}
}

// Whatever a component does, what is told of it is bounded, and the rest is counted.
func TestBounds(t *testing.T) {
	var b Builder
	for i := range 10_000 {
		name := fmt.Sprint(i)
		b.Call(i, name, Callback, time.Time{})
		b.Wait(i, name, Call, name)
		b.Stream(Stream{Items: uint64(i), Reader: Party{Waits: i > 9990}})
		b.Instance(Instance{Number: i, Held: 1})
		b.Link(uint32(i), i, name, uint32(i+1))
	}
	a := b.Activity(false)
	if len(a.Calls) != maxGroups || a.OtherCalls != 9900 || len(a.Waits) != maxGroups || a.OtherWaits != 9900 || len(a.Instances) != maxGroups {
		t.Errorf("%d and %d calls, %d and %d waits, %d instances", len(a.Calls), a.OtherCalls, len(a.Waits), a.OtherWaits, len(a.Instances))
	}
	waiting := 0
	for _, s := range a.Streams {
		if s.Waiting() {
			waiting++
		}
	}
	if len(a.Streams) != maxGroups || a.OtherStreams != 9900 || waiting != 9 {
		t.Errorf("%d and %d streams, %d of which somebody waits for", len(a.Streams), a.OtherStreams, waiting)
	}
}

func TestCircle(t *testing.T) {
	type link struct{ call, on uint32 }
	for _, tt := range []struct {
		name  string
		links []link
		loose []uint32
		want  []string
	}{
		{"none", nil, nil, nil},
		{"a chain to one that can go on", []link{{1, 2}, {2, 3}}, []uint32{3}, nil},
		{"a chain to one that is not known", []link{{1, 2}, {2, 3}}, nil, nil},
		{"a circle", []link{{1, 2}, {2, 3}, {3, 1}}, nil, []string{"1", "2", "3"}},
		{"one that waits for a circle", []link{{1, 2}, {2, 3}, {3, 2}}, nil, []string{"2", "3"}},
		{"itself", []link{{7, 7}}, nil, []string{"7"}},
		{"a circle with a way out", []link{{1, 2}, {2, 1}, {2, 3}}, []uint32{3}, nil},
		{"a circle of which one can go on by itself", []link{{1, 2}, {2, 1}}, []uint32{2}, nil},
	} {
		var b Builder
		for _, l := range tt.links {
			b.Link(l.call, 0, fmt.Sprint(l.call), l.on)
		}
		for _, call := range tt.loose {
			b.Loose(call)
		}
		var want []string
		for _, name := range tt.want {
			want = append(want, name+" of instance 0")
		}
		if diff := cmp.Diff(want, b.Activity(false).Circle); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
