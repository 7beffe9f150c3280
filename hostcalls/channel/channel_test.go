package channel

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

var (
	u8       = &types.Type{Kind: types.U8}
	u32      = &types.Type{Kind: types.U32}
	bytesOf  = &types.Type{Kind: types.Stream, Elem: u8, Handles: true}
	numbers  = &types.Type{Kind: types.Stream, Elem: u32, Handles: true}
	promise  = &types.Type{Kind: types.Future, Elem: u32, Handles: true}
	streams  = &types.Type{Kind: types.Stream, Elem: numbers, Handles: true}
	function = &types.Func{Params: []types.Field{{Name: "a", Type: bytesOf}, {Name: "b", Type: numbers}, {Name: "c", Type: promise}, {Name: "d", Type: streams}}}
)

func number(n uint64) value.Literal { return value.Literal{Form: value.UintForm, Bits: n} }
func named(id uint64) value.Literal { return value.Literal{Form: value.ChannelForm, Bits: id} }

// opened returns an exchange with a channel of each type, by the numbers from 1 on.
func opened(t *testing.T) *Exchange {
	t.Helper()
	x := New()
	if faults := x.Open(function, []value.Literal{named(1), named(2), named(3), named(4)}); len(faults) > 0 {
		t.Fatal(faults)
	}
	return x
}

func wantFault(t *testing.T, faults []value.Fault, place, text string) {
	t.Helper()
	if len(faults) != 1 || faults[0].Path != place || !strings.Contains(faults[0].Msg, text) {
		t.Errorf("%v, want %q at %s", faults, text, place)
	}
}

func wantNone(t *testing.T, faults []value.Fault) {
	t.Helper()
	if len(faults) > 0 {
		t.Errorf("%v", faults)
	}
}

func next(t *testing.T, x *Exchange) Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := x.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A client that writes more than the window, to no channel, or what does not fit, is told where.
func TestFaults(t *testing.T) {
	x := opened(t)
	wantFault(t, x.Bytes(9, nil), "channel 9", "no such channel")
	wantFault(t, x.Bytes(2, nil), "channel 2.bytes", "no stream<u8>")
	wantFault(t, x.Values(1, nil), "channel 1.values", "send bytes")
	wantFault(t, x.Values(3, nil), "channel 3", "send its value")
	wantFault(t, x.Value(2, nil), "channel 2", "send items")
	wantFault(t, x.Values(2, []value.Literal{number(1), number(1 << 40)}), "channel 2.values[1]", "not a u32")
	wantFault(t, x.Values(4, []value.Literal{named(1)}), "channel 4.values[0]", "open already")
	wantFault(t, x.Bytes(1, make([]byte, WindowBytes+1)), "channel 1", "window")
	wantFault(t, x.Window(1, 1, 1), "channel 1", "opened no such channel")
	wantFault(t, x.HalfClose(), "channel 3", "no value")
	again := New()
	wantFault(t, again.Open(function, []value.Literal{named(1), named(1), named(2), named(3)}), "args[1]", "open already")
}

// The client may send as much again as the component has read, and hears of the end of reading.
func TestWindowOfIn(t *testing.T) {
	x := opened(t)
	in := x.In(1)
	woken := 0
	in.Attach(func() { woken++ })
	wantNone(t, x.Bytes(1, make([]byte, WindowBytes)))
	wantFault(t, x.Bytes(1, []byte{1}), "channel 1", "window")
	if n, ended := in.Read(make([]byte, WindowBytes)); n != WindowBytes || ended || woken == 0 {
		t.Errorf("%d bytes, ended %t, woken %d times", n, ended, woken)
	}
	if m := next(t, x); m.Kind != Window || m.Channel != 1 || m.Size != WindowBytes {
		t.Errorf("%+v", m)
	}
	wantNone(t, x.Bytes(1, []byte{1}))
	in.Stop()
	if m := next(t, x); m.Kind != Stop || m.Channel != 1 {
		t.Errorf("%+v", m)
	}
	wantNone(t, x.Bytes(1, []byte{1})) // sent before it heard
	wantNone(t, x.End(1))
	wantFault(t, x.End(1), "channel 1", "no such channel")
}

// Items that nobody reads any more close the channels in them, whether they come before the component stops reading or after.
func TestStopClosesInner(t *testing.T) {
	x := opened(t)
	wantNone(t, x.Values(4, []value.Literal{named(5)}))
	wantNone(t, x.Values(5, []value.Literal{number(1)}))
	x.In(4).Stop()
	wantNone(t, x.Values(4, []value.Literal{named(6)}))
	stopped := map[uint32]bool{}
	for range 3 {
		m := next(t, x)
		stopped[m.Channel] = m.Kind == Stop
	}
	if !stopped[4] || !stopped[5] || !stopped[6] {
		t.Errorf("%v", stopped)
	}
}

// What the component writes waits in one message, up to the window.
func TestWindowOfOut(t *testing.T) {
	x := opened(t)
	woken := 0
	o := x.NewOut(bytesOf)
	o.Attach(func() { woken++ })
	for range WindowBytes {
		o.Write([]byte{1})
	}
	if room := o.Room(); room != 0 {
		t.Errorf("room for %d", room)
	}
	if m := next(t, x); m.Kind != Items || len(m.Bytes) != WindowBytes || m.End {
		t.Errorf("%d bytes, end %t", len(m.Bytes), m.End)
	}
	if n := o.Sent(); n != WindowBytes {
		t.Errorf("%d bytes were sent", n)
	}
	wantNone(t, x.Window(o.Number(), 100, 100))
	if room := o.Room(); room != 100 || woken != 1 {
		t.Errorf("room for %d, woken %d times", room, woken)
	}
	o.End()
	if m := next(t, x); !m.End {
		t.Errorf("%+v", m)
	}
	wantNone(t, x.Stop(o.Number())) // it has ended meanwhile
	x.Close()
	if _, err := x.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}

// The number of channels has a bound in both directions.
func TestManyChannels(t *testing.T) {
	x := opened(t)
	for id := uint64(5); id <= MaxChannels; id++ {
		wantNone(t, x.Values(4, []value.Literal{named(id)}))
	}
	wantFault(t, x.Values(4, []value.Literal{named(1000)}), "channel 4.values[0]", "more than 64 channels")
	for range MaxChannels {
		if x.NewOut(promise) == nil {
			t.Fatal("too few")
		}
	}
	if x.NewOut(promise) != nil {
		t.Error("too many")
	}
}

// A client hears of a future once: of its value, or that there will be none, however late the component drops it.
func TestFutureOnce(t *testing.T) {
	x := opened(t)
	value := number(7)
	for _, tt := range []struct {
		name       string
		put, taken bool // taken before the component drops its end
	}{
		{"dropped", false, false},
		{"written and dropped", true, false},
		{"taken and then dropped", true, true},
	} {
		o := x.NewOut(promise)
		var m Message
		if tt.put {
			o.Put(value)
		}
		if tt.taken {
			m = next(t, x)
		}
		o.End()
		if !tt.taken {
			m = next(t, x)
		}
		if m.Kind != Future || m.Channel != o.Number() || (m.Value != nil) != tt.put {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
	x.Close()
	if m, err := x.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("more: %+v, %v", m, err)
	}
	if len(x.out) != 0 {
		t.Errorf("%d channels are open", len(x.out))
	}
}

// An argument may be an open connection instead of a channel, an item may not.
func TestConnections(t *testing.T) {
	inner := &types.Type{Kind: types.Stream, Elem: bytesOf, Handles: true}
	f := &types.Func{Params: []types.Field{{Name: "a", Type: bytesOf}, {Name: "b", Type: inner}}}
	db := value.Literal{Form: value.ConnectionForm, Text: "db"}
	x := New()
	wantNone(t, x.Open(f, []value.Literal{db, named(1)}))
	wantFault(t, x.Values(1, []value.Literal{named(2), db}), "channel 1.values[1]", `the connection "db" can be given as an argument only`)
}
