package types

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

// TestBuiltins compares the core types of canonical functions with those of the specification.
func TestBuiltins(t *testing.T) {
	// A scope with a resource type of its own, a stream, a future, a memory, a table and functions.
	s := newScope(newChecker(everything), componentScope, nil)
	for _, d := range []binary.Definition{
		&binary.Type{Def: &binary.ResourceType{}},
		&binary.Type{Def: &binary.StreamType{Elem: prim(binary.String)}},
		&binary.Type{Def: &binary.FutureType{}},
		&binary.CoreType{Func: &binary.CoreFuncType{Params: []binary.CoreValType{binary.CoreI32}}},
	} {
		if err := s.define(d); err != nil {
			t.Fatal(err)
		}
	}
	s.addCore(&coreExtern{sort: binary.CoreMemorySort})
	s.addCore(&coreExtern{sort: binary.CoreTableSort, value: binary.CoreFuncRef})
	s.addCore(&coreExtern{sort: binary.CoreFuncSort, fn: s.coreFunc(i32+i32+i32+i32, i32)})
	options := []binary.CanonOpt{{Kind: binary.AsyncOpt}, {Kind: binary.MemoryOpt}, {Kind: binary.ReallocOpt}}
	memory := options[1:]
	for _, tt := range []struct {
		canon binary.Canon
		want  string // the type, without func; or a part of the error
	}{
		{binary.Canon{Builtin: binary.ResourceNew}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: binary.ResourceRep}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: binary.ResourceDrop}, "(param i32)"},
		{binary.Canon{Builtin: binary.ResourceDrop, Type: 1}, "not a resource type"},
		{binary.Canon{Builtin: binary.BackpressureInc}, ""},
		{binary.Canon{Builtin: binary.BackpressureDec}, ""},
		{binary.Canon{Builtin: binary.TaskReturn}, ""},
		{binary.Canon{Builtin: binary.TaskReturn, Result: prim(binary.String), Options: options[1:2]}, "(param i32 i32)"},
		{binary.Canon{Builtin: binary.TaskReturn, Result: prim(binary.String)}, "memory is missing"},
		{binary.Canon{Builtin: binary.TaskReturn, Options: memory}, "task.return does not have the canonical option realloc"},
		{binary.Canon{Builtin: binary.TaskCancel}, ""},
		{binary.Canon{Builtin: binary.ContextGet, SlotType: binary.CoreI32}, "(result i32)"},
		{binary.Canon{Builtin: binary.ContextSet, SlotType: binary.CoreI32, Slot: 1}, "(param i32)"},
		{binary.Canon{Builtin: binary.ContextSet, SlotType: binary.CoreI32, Slot: 2}, "out of bounds"},
		{binary.Canon{Builtin: binary.ContextSet, SlotType: binary.CoreF32}, "a context slot has an i32"},
		{binary.Canon{Builtin: binary.SubtaskCancel, Async: true}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: binary.SubtaskDrop}, "(param i32)"},
		{binary.Canon{Builtin: binary.StreamNew, Type: 1}, "(result i64)"},
		{binary.Canon{Builtin: binary.StreamNew, Type: 2}, "a future, not a stream"},
		{binary.Canon{Builtin: binary.StreamRead, Type: 1, Options: options}, "(param i32 i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.StreamRead, Type: 1, Options: options[:2]}, "realloc is missing"},
		{binary.Canon{Builtin: binary.StreamWrite, Type: 1, Options: options[:2]}, "(param i32 i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.StreamWrite, Type: 1}, "memory is missing"},
		{binary.Canon{Builtin: binary.StreamCancelRead, Type: 1}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: binary.StreamCancelWrite, Type: 1, Async: true}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: binary.StreamDropReadable, Type: 1}, "(param i32)"},
		{binary.Canon{Builtin: binary.StreamDropWritable, Type: 1}, "(param i32)"},
		{binary.Canon{Builtin: binary.FutureNew, Type: 2}, "(result i64)"},
		{binary.Canon{Builtin: binary.FutureRead, Type: 2}, "(param i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.FutureWrite, Type: 2, Options: options[:1]}, "(param i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.FutureCancelRead, Type: 2}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: binary.FutureDropWritable, Type: 2}, "(param i32)"},
		{binary.Canon{Builtin: binary.FutureDropReadable, Type: 1}, "a stream, not a future"},
		{binary.Canon{Builtin: binary.ErrorContextNew, Options: memory[:1]}, "(param i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.ErrorContextDebugMessage, Options: memory}, "(param i32 i32)"},
		{binary.Canon{Builtin: binary.ErrorContextDebugMessage, Options: memory[:1]}, "realloc is missing"},
		{binary.Canon{Builtin: binary.ErrorContextNew, Options: options}, "does not have the canonical option async"},
		{binary.Canon{Builtin: binary.ErrorContextDrop}, "(param i32)"},
		{binary.Canon{Builtin: binary.WaitableSetNew}, "(result i32)"},
		{binary.Canon{Builtin: binary.WaitableSetWait}, "(param i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.WaitableSetPoll, Memory: 1}, "core memory index 1 is out of bounds"},
		{binary.Canon{Builtin: binary.WaitableSetDrop}, "(param i32)"},
		{binary.Canon{Builtin: binary.WaitableJoin}, "(param i32 i32)"},
		{binary.Canon{Builtin: binary.ThreadYield}, "(result i32)"},
		{binary.Canon{Builtin: binary.ThreadIndex}, "(result i32)"},
		{binary.Canon{Builtin: binary.ThreadNewIndirect}, "(param i32 i32) (result i32)"},
		{binary.Canon{Builtin: binary.ThreadNewIndirect, Table: 1}, "core table index 1 is out of bounds"},
		{binary.Canon{Builtin: binary.ThreadSuspend}, "(result i32)"},
		{binary.Canon{Builtin: binary.ThreadYieldThenPromote}, "(param i32) (result i32)"},
		{binary.Canon{Builtin: 0x7f}, "0x7f is not a canonical function"},
	} {
		f, err := s.builtin(&tt.canon)
		if err != nil {
			if tt.want == "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("0x%02x: error is %v, want %s", byte(tt.canon.Builtin), err, tt.want)
			}
			continue
		}
		if got := f.String(); got != strings.TrimSpace("(func "+tt.want)+")" {
			t.Errorf("0x%02x: type is %s, want %s", byte(tt.canon.Builtin), got, tt.want)
		}
	}
}

// TestTypesAsText has the texts of types in messages, which are cut.
func TestTypesAsText(t *testing.T) {
	tab, do := NewTable(), must(t)
	u8, str := tab.Prim(U8), tab.Prim(String)
	long := u8
	for range 18 {
		long = do(tab.Tuple([]*Type{long, long}))
	}
	for want, typ := range map[string]*Type{
		"list<u8>":                             do(tab.List(u8)),
		"list<u8, 4>":                          do(tab.FixedList(u8, 4)),
		"map<string, option<u8>>":              do(tab.Map(str, do(tab.Option(u8)))),
		"result":                               do(tab.Result(nil, nil)),
		"result<u8>":                           do(tab.Result(u8, nil)),
		"result<_, tuple<u8, string>>":         do(tab.Result(nil, do(tab.Tuple([]*Type{u8, str})))),
		"stream<u8>":                           do(tab.Stream(u8)),
		"future":                               do(tab.Future(nil)),
		"own<file>":                            do(tab.Own(&Resource{Name: "file"})),
		"borrow":                               do(tab.Borrow(&Resource{})),
		"record":                               do(tab.Record([]Field{{Name: "a", Type: u8}})),
		strings.Repeat("tuple<", 13) + "tu...": long,
	} {
		if typ.String() != want {
			t.Errorf("got %s, want %s", typ, want)
		}
	}
}
