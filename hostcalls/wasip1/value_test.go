package wasip1

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine/meter"
)

// typesOf reads a list of value types.
func typesOf(t *testing.T, list string) []meter.ValType {
	t.Helper()
	if list == "" {
		return nil
	}
	f, ok := meter.ParseFuncType("(func (param " + list + "))")
	if !ok {
		t.Fatalf("%q is no list of types", list)
	}
	return f.Params
}

func TestParams(t *testing.T) {
	tests := []struct {
		types, args string
		want        []uint64
		err         string
	}{
		{"", "", []uint64{}, ""},
		{"i32 i32 i32", "1 -1 4294967295", []uint64{1, 0xffffffff, 0xffffffff}, ""},
		{"i64 i64", "-9223372036854775808 0xffffffffffffffff", []uint64{1 << 63, 1<<64 - 1}, ""},
		{"f32 f64", "1 -2.5", []uint64{0x3f800000, 0xc004000000000000}, ""},
		{"i32", "4294967296", nil, `argument 1: "4294967296" is not of type i32`},
		{"i32", "-2147483649", nil, "not of type i32"},
		{"i32 i32", "1 x", nil, `argument 2: "x" is not of type i32`},
		{"f64", "pi", nil, "not of type f64"},
		{"externref", "1", nil, "its type externref can't be written as an argument"},
		{"i32", "", nil, "it takes 1 arguments (i32), not 0"},
		{"", "1", nil, "it takes 0 arguments (), not 1"},
	}
	for _, tt := range tests {
		got, err := parseParams(typesOf(t, tt.types), strings.Fields(tt.args))
		if tt.err == "" {
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("(%s)(%s): %v\n%s", tt.types, tt.args, err, diff)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("(%s)(%s): error %v, want %q", tt.types, tt.args, err, tt.err)
		}
	}
}

func TestFormatResults(t *testing.T) {
	types := typesOf(t, "i32 i64 f32 f64 v128 externref funcref")
	values := []uint64{0xffffffff, 1<<64 - 1, 0x3f000000, 0xc004000000000000, 2, 1, 0, 8}
	want := []string{"-1", "-1", "0.5", "-2.5", "0x00000000000000010000000000000002", "null", "funcref"}
	if diff := cmp.Diff(want, formatResults(types, values)); diff != "" {
		t.Error(diff)
	}
}

func TestPlanEntry(t *testing.T) {
	function := func(name, typ string) meter.Export {
		f, ok := meter.ParseFuncType(typ)
		if !ok {
			t.Fatalf("%q is no type", typ)
		}
		return meter.Export{Name: name, Kind: meter.FuncExtern, Type: typ, Func: &f}
	}
	command := &meter.Info{Exports: []meter.Export{function("_start", "(func)")}}
	reactor := &meter.Info{Exports: []meter.Export{
		function("_initialize", "(func)"),
		function("add", "(func (param i32 i32) (result i32))"),
		{Name: "memory", Kind: meter.MemoryExtern, Type: "(memory 1)"},
	}}
	plain := &meter.Info{Exports: []meter.Export{function("run", "(func)")}}
	tests := []struct {
		name   string
		info   *meter.Info
		invoke string
		args   []string
		want   entry
		err    string
	}{
		{"a command", command, "", []string{"prog", "x"}, entry{export: "_start"}, ""},
		{"a reactor", reactor, "add", []string{"prog", "1", "2"}, entry{
			initialize: true, export: "add", params: []uint64{1, 2}, results: []meter.ValType{meter.I32},
		}, ""},
		{"the initialisation alone", reactor, "_initialize", nil, entry{export: "_initialize", params: []uint64{}}, ""},
		{"nothing to initialise", plain, "run", nil, entry{export: "run", params: []uint64{}}, ""},
		{"not a command", reactor, "", nil, entry{}, `export "_start": the module has no such export`},
		{"no such export", reactor, "sub", nil, entry{}, `export "sub": the module has no such export`},
		{"not a function", reactor, "memory", nil, entry{}, `export "memory": it is a memory, not a function`},
		{"wrong arguments", reactor, "add", []string{"prog", "1"}, entry{}, `export "add": it takes 2 arguments (i32 i32), not 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := planEntry(tt.info, tt.invoke, tt.args)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(entry{})); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}
