package component

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

// What a component makes the host hold is bounded, or memory of the component; what it makes the host do without executing an
// instruction is charged.
func TestCrowds(t *testing.T) {
	n := newNode(t, testConfig(nil))
	p := n.load("chains")
	for _, tt := range []struct {
		export string
		arg    uint32
		times  int
		memory int64
		want   string // of a trap; empty: it returns
	}{
		{export: "short", times: 100},
		{export: "long", memory: 16 << 20, want: "stack overflow"},
		{export: "lend", arg: 15, times: 10},
		{export: "lend", arg: 17, want: "handles are lent more than 65536 times at once"},
		{export: "fill", arg: 10_000},
		{export: "fill", arg: 65_000, want: "resource.new: the memory limit has no room for more than"},
	} {
		s, err := p.NewStore(&abi.Config{Driver: n.executor.Driver(), MemoryBytes: max(1<<20, tt.memory)})
		if err != nil {
			t.Fatal(err)
		}
		n.onFiber(executor.TaskSpec{}, func(f *executor.Fiber) {
			defer s.Close()
			if err := s.Start(f); err != nil {
				t.Fatal(err)
			}
			args := u32s(tt.arg)
			if tt.arg == 0 {
				args = nil
			}
			before := f.Spent()
			for range max(1, tt.times) {
				if _, err = s.CallExport(tt.export, args); err != nil {
					break
				}
			}
			trap, trapped := errors.AsType[*engine.Trap](err)
			if tt.want == "" && err != nil || tt.want != "" && (!trapped || !strings.Contains(trap.Message, tt.want)) {
				t.Errorf("%s(%d): %v, want %q", tt.export, tt.arg, err, tt.want)
			}
			if spent := f.Spent() - before; tt.export == "short" && spent < 8*100*100 {
				t.Errorf("100 calls across 8 components have burnt %d units", spent)
			}
		})
	}
}

// The instances of a component are memory of the store, without code of their own too.
func TestInstancesAreCounted(t *testing.T) {
	n := newNode(t, testConfig(nil))
	p := n.load("crowd")
	if least := int64(10_000 * 40); p.StartBytes() < least || int64(p.Description().StartBytes()) < least {
		t.Errorf("it starts with %d, %d bytes, want %d and more", p.StartBytes(), p.Description().StartBytes(), least)
	}
	for _, tt := range []struct {
		limit int64
		fits  bool
	}{{256 << 10, false}, {4 << 20, true}} {
		_, err := n.run(p, &abi.Config{MemoryBytes: tt.limit, Call: &abi.FunctionCall{Export: "f"}})
		if (err == nil) != tt.fits {
			t.Errorf("with %d bytes: %v", tt.limit, err)
		}
	}
}

// What a component says of itself is bounded by bytes: it is kept, and goes into answers.
func TestDescriptionsAreBounded(t *testing.T) {
	n := newNode(t, testConfig(nil))
	base, err := source(t, "crowd").Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		exports, length int
		want            string
	}{{1000, 100, ""}, {20_000, 100, "names and types of imports and exports of"}, {20, 90_000, "names and types of imports and exports of"}} {
		body := binary.AppendUvarint(nil, uint64(tt.exports))
		for i := range tt.exports {
			name := fmt.Sprintf("f%d-%s", i, strings.Repeat("x", tt.length))
			body = append(binary.AppendUvarint(append(body, 0), uint64(len(name))), name...)
			body = append(body, 1, 0, 0) // the function 0, of no other type
		}
		section := append(binary.AppendUvarint([]byte{11}, uint64(len(body))), body...)
		p, err := n.abi.Load(t.Context(), n.engine, sourceOf(slices.Concat(base, section)))
		if err == nil {
			p.Release()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d exports with names of %d bytes: %v", tt.exports, tt.length, err)
		}
	}
}

// What the host keeps of the values of a call is memory of the component while the worker may be given up.
func TestValuesAreCounted(t *testing.T) {
	n := newNode(t, testConfig(nil))
	p := n.load("hostile")
	for _, tt := range []struct {
		limit int64
		fits  bool
	}{{1 << 20, false}, {16 << 20, true}} {
		s, err := p.NewStore(&abi.Config{Driver: n.executor.Driver(), MemoryBytes: tt.limit})
		if err != nil {
			t.Fatal(err)
		}
		n.onFiber(executor.TaskSpec{}, func(f *executor.Fiber) {
			defer s.Close()
			if err := s.Start(f); err != nil {
				t.Error(err)
				return
			}
			_, err := s.CallExport("give-nothings", u32s(0, 0, 65536))
			if trap, trapped := errors.AsType[*engine.Trap](err); tt.fits && err != nil || !tt.fits && (!trapped || !strings.Contains(trap.Message, "no room for its values")) {
				t.Errorf("with %d bytes: %v", tt.limit, err)
			}
		})
	}
}
