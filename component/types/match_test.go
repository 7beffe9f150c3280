package types

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

// interfaces are two of a host or a component, in a Table of their own: one with a resource type, the other with a
// function that uses it.
type interfaces struct{ poll, streams Extern }

// newInterfaces makes them. The function's type is what change makes of it.
func newInterfaces(t *testing.T, change func(tab *Table, f *Func)) interfaces {
	do, tab := must(t), NewTable()
	pollable := &Resource{Name: "pollable"}
	f := &Func{
		Params: []Field{
			{Name: "in", Type: do(tab.List(do(tab.Borrow(pollable))))},
			{Name: "at", Type: do(tab.Record([]Field{{Name: "x", Type: tab.Prim(U32)}, {Name: "y", Type: do(tab.Option(tab.Prim(String)))}}))},
		},
		Result: do(tab.Result(do(tab.Own(pollable)), do(tab.Variant([]Case{{Name: "closed"}, {Name: "failed", Type: tab.Prim(U8)}})))),
	}
	if change != nil {
		change(tab, f)
	}
	instance := func(exports ...Extern) Extern { return Extern{Kind: binary.InstanceExtern, Type: NewInstance(exports)} }
	export := func(name string, kind binary.ExternKind, typ ExternType) Extern {
		return Extern{Name: binary.Name{Text: name}, Kind: kind, Type: typ}
	}
	return interfaces{
		poll:    instance(export("pollable", binary.TypeExtern, &Def{Resource: pollable})),
		streams: instance(export("poll", binary.FuncExtern, f), export("stop", binary.FuncExtern, &Func{})),
	}
}

func (i interfaces) matches(m *Matcher, want interfaces) error {
	if err := m.Match(i.poll, want.poll); err != nil {
		return err
	}
	return m.Match(i.streams, want.streams)
}

func TestMatch(t *testing.T) {
	host, guest := newInterfaces(t, nil), newInterfaces(t, nil)
	if err := host.matches(NewMatcher(), guest); err != nil {
		t.Errorf("equal interfaces do not match: %v", err)
	}
	// The resource types of two imports of one interface are two, and each stands for the host's.
	m := NewMatcher()
	if err := host.matches(m, guest); err != nil {
		t.Error(err)
	}
	if err := host.matches(m, newInterfaces(t, nil)); err != nil {
		t.Error(err)
	}
	if err := NewMatcher().Match(host.streams, guest.streams); err == nil || !strings.Contains(err.Error(), "another resource type") {
		t.Errorf("a resource type that nothing says what it stands for: %v", err)
	}
	less := Extern{Kind: binary.InstanceExtern, Type: NewInstance(guest.streams.Type.(*Instance).Exports[1:])}
	if err := NewMatcher().Match(host.streams, less); err != nil {
		t.Errorf("a part of an interface: %v", err)
	}
}

func TestMatchTellsTheDifference(t *testing.T) {
	host := newInterfaces(t, nil)
	for _, tt := range []struct {
		want   string
		change func(tab *Table, f *Func)
	}{
		{`"poll": it is not async`, func(_ *Table, f *Func) { f.Async = true }},
		{`"poll": it has 2 parameters, not 1`, func(_ *Table, f *Func) { f.Params = f.Params[:1] }},
		{`"poll": parameter 1 is called "in", not "out"`, func(_ *Table, f *Func) { f.Params[0].Name = "out" }},
		{`"poll": it has a result`, func(_ *Table, f *Func) { f.Result = nil }},
		{`"poll": parameter "in": it is list<borrow<pollable>>, not u8`, func(tab *Table, f *Func) { f.Params[0].Type = tab.Prim(U8) }},
		{`"poll": parameter "in": element: it is borrow<pollable> of another resource type`, func(tab *Table, f *Func) {
			b, _ := tab.Borrow(&Resource{Name: "other"})
			f.Params[0].Type, _ = tab.List(b)
		}},
		{`"poll": parameter "at": field "y": case "some": it is string, not char`, func(tab *Table, f *Func) {
			y, _ := tab.Option(tab.Prim(Char))
			f.Params[1].Type, _ = tab.Record([]Field{{Name: "x", Type: tab.Prim(U32)}, {Name: "y", Type: y}})
		}},
		{`"poll": result: case "error": case "failed" has a type`, func(tab *Table, f *Func) {
			e, _ := tab.Variant([]Case{{Name: "closed"}, {Name: "failed"}})
			f.Result, _ = tab.Result(f.Result.Cases[0].Type, e)
		}},
	} {
		if err := host.matches(NewMatcher(), newInterfaces(t, tt.change)); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
