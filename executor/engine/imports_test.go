package engine

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

func TestImports(t *testing.T) {
	e := newEngine(t, Config{})
	for _, tt := range []struct {
		file string
		want *UnknownImportError // nil: fine
		text string
	}{
		{file: "guest"},
		{file: "empty"},
		{"import_missing",
			&UnknownImportError{"test", "absent", meter.FuncExtern, "(func (param i64))", ""},
			`unknown import "test"."absent": there is no such function`},
		{"import_module",
			&UnknownImportError{"absent", "call", meter.FuncExtern, "(func)", ""},
			`unknown import "absent"."call": there is no such function`},
		{"import_type",
			&UnknownImportError{"test", "call", meter.FuncExtern, "(func (param i32 f64))", "(func (param i32) (result i32))"},
			`unknown import "test"."call": imported as (func (param i32 f64)), but it is (func (param i32) (result i32))`},
		{"import_memory",
			&UnknownImportError{"env", "memory", meter.MemoryExtern, "(memory 1)", ""},
			`unknown import "env"."memory": a memory, but only functions can be imported`},
		{"import_table",
			&UnknownImportError{"env", "table", meter.TableExtern, "(table 1 funcref)", ""},
			`unknown import "env"."table": a table, but only functions can be imported`},
		{"import_global",
			&UnknownImportError{"env", "base", meter.GlobalExtern, "(global i32)", ""},
			`unknown import "env"."base": a global, but only functions can be imported`},
	} {
		t.Run(tt.file, func(t *testing.T) {
			_, _, inspected := e.rewrite(binaryOf(t, tt.file), source{})
			m, loaded := e.Load(t.Context(), tt.file, func() ([]byte, error) { return binaryOf(t, tt.file), nil })
			if loaded == nil {
				m.Release()
			}
			for _, err := range []error{inspected, loaded} {
				if tt.want == nil {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				got, ok := errors.AsType[*UnknownImportError](err)
				if !ok {
					t.Fatalf("error %v", err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if err.Error() != tt.text {
					t.Errorf("text %q, want %q", err.Error(), tt.text)
				}
			}
		})
	}
}

// TestForms: imports of one name go to the forms of their types, and its description has the name that the module gave.
func TestForms(t *testing.T) {
	e := newEngine(t, Config{})
	i32 := []api.ValueType{api.ValueTypeI32}
	two := meter.FuncType{Params: []meter.ValType{meter.I32, meter.I32}, Results: []meter.ValType{meter.I32}}
	err := e.AddHost(t.Context(), func(ctx context.Context, r wazero.Runtime) error {
		_, err := r.NewHostModuleBuilder("forms").
			NewFunctionBuilder().
			WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] += 10 }), i32, i32).
			Export("f").
			NewFunctionBuilder().
			WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] += 20 + stack[1] }), append(i32, i32...), i32).
			Export(FormName("f", two)).
			Instantiate(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, e, "forms")
	for _, imported := range m.Info().Imports {
		if imported.Name != "f" {
			t.Errorf("the module imports %q", imported.Name)
		}
	}
	i := start(t, m, &guest{}, InstanceConfig{})
	if one, two := call(t, i, "one"), call(t, i, "two"); one != 11 || two != 23 {
		t.Errorf("one form returned %d, want 11; the other %d, want 23", one, two)
	}
	_, _, err = e.rewrite(binaryOf(t, "form_unknown"), source{})
	const want = `unknown import "forms"."f": imported as (func (param i64)), ` +
		`but it is (func (param i32 i32) (result i32)) or (func (param i32) (result i32))`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRefused(t *testing.T) {
	e := newEngine(t, Config{})
	for _, tt := range []struct {
		name   string
		binary []byte
		kind   meter.Kind
	}{
		{"nothing", nil, meter.Malformed},
		{"text", []byte("(module)"), meter.Malformed},
		{"truncated", binaryOf(t, "guest")[:100], meter.Malformed},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), meter.Component},
		{"the meter's own import", binaryOf(t, "import_meter"), meter.Unsupported},
		{"ill-typed", binaryOf(t, "ill_typed"), meter.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Load(t.Context(), tt.name, func() ([]byte, error) { return tt.binary, nil })
			if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != tt.kind {
				t.Errorf("error %T %v, want kind %v", err, err, tt.kind)
			}
		})
	}
}

// TestRefusedTellsWhere: a fault that only the compiler finds is reported with the offset of its function.
func TestRefusedTellsWhere(t *testing.T) {
	e := newEngine(t, Config{})
	binary := binaryOf(t, "ill_typed")
	_, err := e.Load(t.Context(), "d", func() ([]byte, error) { return binary, nil })
	refused, ok := errors.AsType[*meter.Error](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	// i64.const 1, end
	if at := refused.Offset; at <= 0 || !bytes.HasPrefix(binary[at:], []byte{0x42, 1, 0x0b}) {
		t.Errorf("offset %#x", at)
	}
}

// TestBlame: a module whose original compiles is not malformed.
func TestBlame(t *testing.T) {
	cause := errors.New("the metered one did not compile")
	err := blame(t.Context(), binaryOf(t, "guest"), cause)
	if _, ok := errors.AsType[*InternalError](err); !ok || !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}

// TestBlameBelievesNoCount: an ill-typed module whose name section claims four billion names is
// malformed, and does not make wazero allocate them.
func TestBlameBelievesNoCount(t *testing.T) {
	binary := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x05\x01\x60\x00\x01\x7f" + // type () -> i32
		"\x03\x02\x01\x00" + // one function
		"\x0a\x06\x01\x04\x00\x42\x01\x0b" + // i64.const 1
		"\x00\x0d\x04name\x01\x06\xff\xff\xff\xff\x0f\x00") // function names
	err := blame(t.Context(), binary, errors.New("it did not compile"))
	if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != meter.Malformed {
		t.Errorf("error %v", err)
	}
}
