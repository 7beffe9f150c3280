package component

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/hostcalls/abi"
)

var twoI32 = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32}}

// body is a function that passes two numbers to a slot of a table.
func body(slot byte) wasm.Body {
	return wasm.Body{Code: []byte{0x20, 0, 0x20, 1, 0x41, slot, 0x11, 0, 0, 0x0b}}
}

func shimModule() *wasm.Module {
	return &wasm.Module{
		Types: []wasm.FuncType{twoI32}, Functions: []uint32{0, 0}, Bodies: []wasm.Body{body(0), body(1)},
		Tables:  []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 2, Max: 2, HasMax: true}}},
		Exports: []wasm.Export{{Name: "0"}, {Name: "1", Index: 1}, {Name: "$imports", Kind: wasm.TableExtern}},
	}
}

func fixupModule() *wasm.Module {
	start := uint32(2)
	return &wasm.Module{
		Types: []wasm.FuncType{twoI32, {}},
		Imports: []wasm.Import{
			{Module: "actual", Name: "0"},
			{Module: "shim", Name: "$imports", Kind: wasm.TableExtern, Table: wasm.TableType{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 2}}},
			{Module: "actual", Name: "1"},
			{Module: "main", Name: "_initialize", Func: 1},
		},
		Start:    &start,
		Elements: []wasm.Element{{Offset: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}, Funcs: []uint32{0, 1}}},
	}
}

// Shims and fix-ups are recognized, and nothing that differs from them in what it does.
func TestFormOf(t *testing.T) {
	key := twoI32.Key()
	shim := &plan.Shim{Table: "$imports", Size: 2, Funcs: map[string]plan.ShimFunc{"0": {Slot: 0, Type: key}, "1": {Slot: 1, Type: key}}}
	fixup := &plan.Fixup{Table: 1, Slots: []plan.FixupFunc{{Import: 0, Type: key}, {Import: 2, Type: key}}, Start: 3}
	for _, tt := range []struct {
		name   string
		module *wasm.Module
		change func(m *wasm.Module)
		want   plan.Form
	}{
		{"a shim", shimModule(), func(*wasm.Module) {}, plan.Form{Shim: shim}},
		{"it swaps its parameters", shimModule(), func(m *wasm.Module) { m.Bodies[1].Code[1], m.Bodies[1].Code[3] = 1, 0 }, plan.Form{}},
		{"it calls beyond its table", shimModule(), func(m *wasm.Module) { m.Bodies[1].Code[5] = 2 }, plan.Form{}},
		{"it calls by a negative number", shimModule(), func(m *wasm.Module) { m.Bodies[1].Code[5] = 0x7f }, plan.Form{}},
		{"it does something before", shimModule(), func(m *wasm.Module) { m.Bodies[0].Code = append([]byte{0x01}, m.Bodies[0].Code...) }, plan.Form{}},
		{"it calls as another type", shimModule(), func(m *wasm.Module) {
			m.Types = append(m.Types, wasm.FuncType{Params: twoI32.Params, Results: []wasm.ValType{wasm.I32}})
			m.Bodies[0].Code[7] = 1
		}, plan.Form{}},
		{"it has locals", shimModule(), func(m *wasm.Module) { m.Bodies[0].Locals = []wasm.LocalGroup{{Count: 1, Type: wasm.I32}} }, plan.Form{}},
		{"it has a memory", shimModule(), func(m *wasm.Module) { m.Memories = make([]wasm.MemoryType, 1) }, plan.Form{}},
		{"it has a global", shimModule(), func(m *wasm.Module) {
			m.Globals = []wasm.Global{{Type: wasm.GlobalType{Type: wasm.I32}, Init: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}}}
		}, plan.Form{}},
		{"it has elements", shimModule(), func(m *wasm.Module) { m.Elements = fixupModule().Elements }, plan.Form{}},
		{"it starts", shimModule(), func(m *wasm.Module) { m.Start = new(uint32) }, plan.Form{Starts: true}},
		{"it exports no table", shimModule(), func(m *wasm.Module) { m.Exports = m.Exports[:2] }, plan.Form{}},
		{"it exports one function twice", shimModule(), func(m *wasm.Module) { m.Exports[1].Index = 0; m.Functions, m.Bodies = m.Functions[:1], m.Bodies[:1] }, plan.Form{}},
		{"it exports two things by one name", shimModule(), func(m *wasm.Module) { m.Exports[2].Name = "0" }, plan.Form{}},
		{"it imports", shimModule(), func(m *wasm.Module) {
			m.Imports = fixupModule().Imports[:1]
			m.Exports[0].Index, m.Exports[1].Index = 1, 2
		}, plan.Form{}},
		{"its table holds something else", shimModule(), func(m *wasm.Module) { m.Tables[0].Elem = wasm.ExternRef }, plan.Form{}},

		{"a fix-up", fixupModule(), func(*wasm.Module) {}, plan.Form{Starts: true, Fixup: fixup}},
		{"it only starts", fixupModule(), func(m *wasm.Module) {
			m.Imports, m.Elements = m.Imports[3:], nil
			*m.Start = 0
		}, plan.Form{Starts: true, Fixup: &plan.Fixup{Table: -1, Start: 0}}},
		{"its start takes something", fixupModule(), func(m *wasm.Module) { *m.Start = 0 }, plan.Form{Starts: true}},
		{"it begins with another slot", fixupModule(), func(m *wasm.Module) { m.Elements[0].Offset.Code[1] = 1 }, plan.Form{Starts: true}},
		{"its elements are passive", fixupModule(), func(m *wasm.Module) { m.Elements[0].Mode = wasm.Passive }, plan.Form{Starts: true}},
		{"it has two segments", fixupModule(), func(m *wasm.Module) { m.Elements = append(m.Elements, m.Elements[0]) }, plan.Form{Starts: true}},
		{"it has no elements", fixupModule(), func(m *wasm.Module) { m.Elements = nil }, plan.Form{Starts: true}},
		{"a slot is null", fixupModule(), func(m *wasm.Module) {
			m.Elements[0] = wasm.Element{Offset: m.Elements[0].Offset, Type: wasm.FuncRef, Count: 1, Exprs: wasm.Expr{Code: []byte{0xd0, 0x70, 0x0b}}}
		}, plan.Form{Starts: true}},
		{"it exports", fixupModule(), func(m *wasm.Module) { m.Exports = []wasm.Export{{Name: "0"}} }, plan.Form{Starts: true}},
		{"it imports a memory", fixupModule(), func(m *wasm.Module) {
			m.Imports = append(m.Imports, wasm.Import{Module: "main", Name: "memory", Kind: wasm.MemoryExtern})
		}, plan.Form{Starts: true}},
		{"it has code", fixupModule(), func(m *wasm.Module) { m.Functions, m.Bodies = []uint32{0}, []wasm.Body{{Code: []byte{0x0b}}} }, plan.Form{Starts: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(tt.module)
			decoded, err := wasm.Decode(tt.module.Encode(), wasm.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := formOf(decoded); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Components do the same with and without the core instances that they can do without.
func TestComponentsWithoutShims(t *testing.T) {
	type call struct {
		export string
		args   []value.Value
	}
	text := []value.Value{{Bytes: []byte("Ada")}}
	for _, tt := range []struct {
		component       string
		kept, necessary int // core instances
		calls           []call
	}{
		{"calc", 2, 1, []call{{"name", u32s(1)}, {"divide", u32s(7, 2)}, {"divide", u32s(7, 0)}, {"trap", nil}}},
		{"worker", 3, 1, []call{{tasks + "greet", text}, {tasks + "sleep", u32s(1)}}},
		{"composed", 6, 2, []call{{"run", u32s(3)}, {"leak", u32s(3)}}},
		{"strings", 4, 4, []call{{"relay", text}}},
		{"early", 3, 3, []call{{"f", nil}}},
	} {
		t.Run(tt.component, func(t *testing.T) {
			var results [2]string
			for i, instances := range []int{tt.kept, tt.necessary} {
				n := newNode(t, Config{})
				config := clocks(n.executor.Driver())
				config.KeepShims = i == 0
				var err error
				if n.abi, err = New(config); err != nil {
					t.Fatal(err)
				}
				p := n.load(tt.component)
				if len(p.steps) != instances {
					t.Errorf("it has %d core instances, want %d", len(p.steps), instances)
				}
				for _, c := range tt.calls {
					results[i] += n.once(p, c.export, c.args) + "\n"
				}
			}
			if results[0] != results[1] {
				t.Errorf("with shims:\n%s\nwithout:\n%s", results[0], results[1])
			}
		})
	}
}

// once makes an instance, calls an export, and says what came of it.
func (n *node) once(p *Program, export string, args []value.Value) (result string) {
	n.Helper()
	s, err := p.NewStore(&abi.Config{Driver: n.executor.Driver()})
	if err != nil {
		n.Fatal(err)
	}
	n.await(executor.TaskSpec{Turn: s.Main(func(f *executor.Fiber) {
		if err := s.Start(f); err != nil {
			result = "start: " + message(err)
			return
		}
		results, err := s.CallExport(export, args)
		result = fmt.Sprint(export, ": ", results, " ", message(err))
	})})
	return result
}

// message is an error without the places in the code.
func message(err error) string {
	if trap, ok := errors.AsType[*engine.Trap](err); ok {
		return "trap: " + trap.Message
	}
	return fmt.Sprint(err)
}
