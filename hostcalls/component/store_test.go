package component

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor/engine"
)

func TestCalls(t *testing.T) {
	n := newNode(t, Config{})
	for _, tt := range []struct {
		component, export string
		args, want        []value.Value
	}{
		{"adding", "add-twice", u32s(3, 4), u32s(11)},
		{"adding", "add-times", u32s(1000), u32s(2000)},
		{"strings", "relay", []value.Value{{Bytes: []byte("abc")}}, []value.Value{{Bytes: []byte("cba")}}},
		{"counters", "merged", u32s(3, 4), u32s(7)},
		{"calc", "name", u32s(1), []value.Value{{Bytes: []byte("green")}}},
		{"calc", "nothing", nil, nil},
		{"calc", "divide", u32s(7, 2), []value.Value{{Items: u32s(3)}}},
		{"calc", "divide", u32s(7, 0), nil},
	} {
		n.inStore(n.load(tt.component), func(s *Store) {
			for range 2 { // what a call leaves behind does not disturb the next
				got, err := s.CallExport(tt.export, tt.args)
				if err != nil || tt.want != nil && !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s of %s = %v, %v, want %v", tt.export, tt.component, got, err, tt.want)
				}
			}
		})
	}
}

// Values of every type come back from a guest as they were.
func TestEcho(t *testing.T) {
	n := newNode(t, Config{})
	p := n.load("calc")
	random := rand.New(rand.NewPCG(1, 2))
	echoes := 0
	n.inStore(p, func(s *Store) {
		for name, number := range p.exports {
			f := p.lifts[number].plan.Func
			if !strings.Contains(name, "#echo-") {
				continue
			}
			echoes++
			for range 30 {
				v := randomValue(random, f.Params[0].Type)
				got, err := s.CallExport(name, []value.Value{v})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				want, have := value.LiteralOf(f.Result, v), value.LiteralOf(f.Result, got[0])
				if n := value.LiteralSize(f.Result, v); n != want.Size() {
					t.Errorf("%s(%v): the size is %d, not %d", name, want, n, want.Size())
				}
				if !reflect.DeepEqual(have, want) {
					t.Errorf("%s(%v) = %v", name, want, have)
				}
			}
		}
	})
	if echoes < 25 {
		t.Errorf("there are only %d echoes", echoes)
	}
}

// randomValue makes a value of a type.
func randomValue(r *rand.Rand, t *types.Type) (v value.Value) {
	switch t.Kind {
	case types.Bool:
		v.Bits = uint64(r.IntN(2))
	case types.S8:
		v.Bits = uint64(int8(r.Uint64()))
	case types.S16:
		v.Bits = uint64(int16(r.Uint64()))
	case types.S32:
		v.Bits = uint64(int32(r.Uint64()))
	case types.U8, types.U16, types.U32, types.U64, types.S64:
		v.Bits = r.Uint64() & (math.MaxUint64 >> (64 - 8*t.Size))
	case types.F32:
		v.Bits = uint64(math.Float32bits(r.Float32() - 0.5))
	case types.F64:
		v.Bits = math.Float64bits(r.Float64() - 0.5)
	case types.Char:
		v.Bits = uint64(r.IntN(0xd800))
	case types.Flags:
		v.Bits = r.Uint64() & (1<<len(t.Labels) - 1)
	case types.String:
		for range r.IntN(20) {
			v.Bytes = append(v.Bytes, string(rune(r.IntN(0xd800)))...)
		}
	case types.List:
		for range r.IntN(20) {
			if item := randomValue(r, t.Elem); t.Elem.Kind == types.U8 {
				v.Bytes = append(v.Bytes, byte(item.Bits))
			} else {
				v.Items = append(v.Items, item)
			}
		}
	case types.Record, types.Tuple:
		for _, f := range t.Fields {
			v.Items = append(v.Items, randomValue(r, f.Type))
		}
	default:
		v.Bits = uint64(r.IntN(len(t.Cases)))
		if payload := t.Cases[v.Bits].Type; payload != nil {
			v.Items = []value.Value{randomValue(r, payload)}
		}
	}
	return v
}

// A guest that breaks a rule traps, with a message that says what was wrong. The store is lost then.
func TestTraps(t *testing.T) {
	n := newNode(t, Config{})
	for _, tt := range []struct {
		component, export string
		args              []value.Value
		want              string
	}{
		{"counters", "double-drop", nil, "resource.drop: unknown handle index 1"},
		{"counters", "forged", u32s(5), "value: self: unknown handle index 5"},
		{"counters", "forged", u32s(0), "unknown handle index 0"},
		{"counters", "bad-dtor", nil, "unreachable"},
		{"calc", "trap", nil, "unreachable"},
	} {
		n.inStore(n.load(tt.component), func(s *Store) {
			_, err := s.CallExport(tt.export, tt.args)
			trap, ok := errors.AsType[*engine.Trap](err)
			if !ok || !strings.Contains(trap.Message, tt.want) {
				t.Errorf("%s of %s ends with %v, want a trap with %q", tt.export, tt.component, err, tt.want)
			}
			if _, err := s.CallExport(tt.export, tt.args); !errors.Is(err, errEnded) {
				t.Errorf("a store that has trapped is called again: %v", err)
			}
		})
	}
}

// The handles of a component instance are bounded.
func TestLeakedHandles(t *testing.T) {
	n := newNode(t, Config{})
	n.inStore(n.load("counters"), func(s *Store) {
		for i := range uint32(maxHandles) {
			got, err := s.CallExport("leak", u32s(i))
			if err != nil || got[0].Bits != uint64(i)+1 {
				t.Fatalf("leak %d = %v, %v", i, got, err)
			}
		}
		if _, err := s.CallExport("leak", u32s(0)); err == nil || !strings.Contains(err.Error(), "holds 262144 handles") {
			t.Errorf("one more handle: %v", err)
		}
	})
}
