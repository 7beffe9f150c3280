package component

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
)

// What realloc and post-return of hostile.wat do.
const (
	modeNormal = iota
	modeBeyond
	modeOdd
	modeTrap
	modeLeave
	modeSpin
	modeRecurse
	modeGrow
)

// A guest whose realloc or post-return does not do what it should ends by a trap, or by its limits.
func TestHostile(t *testing.T) {
	n := newNode(t, testConfig(nil))
	p := n.load("hostile")
	text := []value.Value{{Bytes: []byte("0123456789")}}
	numbers := []value.Value{{Items: u32s(1, 2, 3)}}
	for _, tt := range []struct {
		mode   uint32
		export string
		args   []value.Value
		want   string // of a trap; empty: it returns
		limit  error  // or the limit that ends it
	}{
		{mode: modeNormal, export: "take", args: text},
		{mode: modeGrow, export: "take", args: text},
		{mode: modeBeyond, export: "take", args: text, want: "take: text: realloc: an allocation of 10 bytes at 65535 is beyond the memory"},
		{mode: modeOdd, export: "take-numbers", args: numbers, want: "take-numbers: all: realloc: an allocation at 1025 is not aligned to 4 bytes"},
		{mode: modeTrap, export: "take", args: text, want: "unreachable"},
		{mode: modeLeave, export: "take", args: text, want: "cannot leave component instance"},
		{mode: modeSpin, export: "take", args: text, limit: executor.ErrOutOfFuel},
		{mode: modeRecurse, export: "take", args: text, want: "stack overflow"},

		{mode: modeNormal, export: "give", args: u32s(0, 16, 3)},
		{mode: modeNormal, export: "give", args: u32s(2, 16, 3), want: "give: the result at 2 is not aligned to 4 bytes"},
		{mode: modeNormal, export: "give", args: u32s(65536, 16, 3), want: "give: the result of 8 bytes at 65536 is beyond the memory"},
		{mode: modeNormal, export: "give", args: u32s(0xfffffffc, 16, 3), want: "give: the result of 8 bytes at 4294967292 is beyond the memory"},
		{mode: modeNormal, export: "give", args: u32s(0, 65530, 7), want: "give: a string of 7 bytes at 65530 is beyond the memory"},
		{mode: modeNormal, export: "give", args: u32s(0, 0xffffffff, 0xffffffff), want: "give: a string of 4294967295 bytes"},
		{mode: modeNormal, export: "give-numbers", args: u32s(0, 12, 1), want: "give-numbers: a list at 12 is not aligned to 8 bytes"},
		{mode: modeNormal, export: "give-numbers", args: u32s(0, 16, 0x20000001), want: "give-numbers: a list of"},
		{mode: modeNormal, export: "give-nothings", args: u32s(0, 0, 65536)},
		{mode: modeLeave, export: "give", args: u32s(0, 16, 3), want: "cannot leave component instance"},
		{mode: modeTrap, export: "give", args: u32s(0, 16, 3), want: "unreachable"},
		{mode: modeSpin, export: "give", args: u32s(0, 16, 3), limit: executor.ErrOutOfFuel},
	} {
		t.Run(fmt.Sprintf("%s %v in mode %d", tt.export, tt.args, tt.mode), func(t *testing.T) {
			n.inStoreOf(executor.TaskSpec{FuelLimit: 100_000_000}, p, func(s *Store) {
				if _, err := s.CallExport("set-mode", u32s(tt.mode)); err != nil {
					t.Fatal(err)
				}
				_, err := s.CallExport(tt.export, tt.args)
				trap, trapped := errors.AsType[*engine.Trap](err)
				switch {
				case tt.limit != nil:
					if !errors.Is(err, tt.limit) {
						t.Errorf("%v, want %v", err, tt.limit)
					}
				case tt.want == "":
					if err != nil {
						t.Error(err)
					}
				case !trapped || !strings.Contains(trap.Message, tt.want):
					t.Errorf("%v, want a trap with %q", err, tt.want)
				}
			})
		})
	}
}

// Work of the host for a component is charged: what has no end in itself ends with the fuel.
func TestWorkOfTheHostIsCharged(t *testing.T) {
	n := newNode(t, testConfig(nil))
	p := n.load("host")
	n.inStoreOf(executor.TaskSpec{FuelLimit: 10_000_000}, p, func(s *Store) {
		if _, err := s.CallExport("work", []value.Value{{Bits: 1 << 40}}); !errors.Is(err, executor.ErrOutOfFuel) {
			t.Errorf("%v, want %v", err, executor.ErrOutOfFuel)
		}
	})
	n.inStoreOf(executor.TaskSpec{FuelLimit: 10_000_000}, p, func(s *Store) {
		var before uint64
		for range 2 { // the stack grows in the first one
			before = s.Fiber().Spent()
			if _, err := s.CallExport("name", nil); err != nil {
				t.Fatal(err)
			}
		}
		if spent := s.Fiber().Spent() - before; spent < 3*callCost || spent > 10*callCost {
			t.Errorf("a call that calls the host three times has burnt %d units", spent)
		}
	})
}
