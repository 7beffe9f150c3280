package wasm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const header = "\x00asm\x01\x00\x00\x00"

// section encodes a section.
func section(id byte, payload ...byte) string {
	return string(append(AppendU32([]byte{id}, uint32(len(payload))), payload...))
}

// function is a module with one function of type () -> () with the given body.
func function(body ...byte) string {
	code := append(AppendU32([]byte{1}, uint32(len(body)+1)), 0)
	return header + section(secType, 1, 0x60, 0, 0) + section(secFunction, 1, 0) +
		section(secMemory, 1, 0, 1) + section(secCode, append(code, body...)...)
}

func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	modules := map[string][]byte{}
	for _, pattern := range []string{"../testdata/random/*.wasm", "../testdata/wat/*.wasm"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			modules[filepath.Base(file)] = b
		}
	}
	return modules
}

// parseAll parses all bodies of a module.
func parseAll(m *Module) error {
	types := m.FunctionTypes()
	for i := range m.Bodies {
		locals := len(types[m.ImportedFunctions()+i].Params)
		for _, g := range m.Bodies[i].Locals {
			locals += int(g.Count)
		}
		if _, err := ParseBody(&m.Bodies[i], locals, m.Space(), Limits{}, nil); err != nil {
			return err
		}
	}
	return nil
}

func decodeAll(b []byte) error {
	m, err := Decode(b, Limits{})
	if err != nil {
		return err
	}
	return parseAll(m)
}

func TestRoundTrip(t *testing.T) {
	for name, b := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			m, err := Decode(b, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := parseAll(m); err != nil {
				t.Fatal(err)
			}
			again, err := Decode(m.Encode(), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			m.Names = nil // Encode leaves them out
			forgetOffsets(m)
			forgetOffsets(again)
			if !reflect.DeepEqual(m, again) {
				t.Errorf("decoded after encoding:\n%+v\nwant:\n%+v", again, m)
			}
			if !bytes.Equal(m.Encode(), again.Encode()) {
				t.Error("encoding twice gives different bytes")
			}
		})
	}
}

func forgetOffsets(m *Module) {
	for i := range m.Bodies {
		m.Bodies[i].Offset = 0
	}
	for i := range m.Globals {
		m.Globals[i].Init.Offset = 0
	}
	for i := range m.Elements {
		m.Elements[i].Offset.Offset, m.Elements[i].Exprs.Offset = 0, 0
	}
}

// TestCompactImports: several imports of one module, each with its type or all with one, are written as they always were.
func TestCompactImports(t *testing.T) {
	module := func(imports string) []byte {
		return []byte(header + section(secType, 1, 0x60, 0, 1, byte(I32)) + section(secImport, []byte(imports)...))
	}
	const (
		with = "\x01a\x00\x7f\x03\x01b\x00\x00\x00\x03\x7f\x01\x01c\x00\x00" // a: b func, "" global, c func
		one  = "\x01d\x00\x7e\x00\x00\x02\x01e\x01f"                         // d: e and f func
		old  = "\x01g\x00\x03\x7e\x00"                                       // g: "" global
	)
	m, err := Decode(module("\x03"+with+one+old), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	i32, i64 := GlobalType{Type: I32, Mutable: true}, GlobalType{Type: I64}
	want := []Import{
		{Module: "a", Name: "b"}, {Module: "a", Kind: GlobalExtern, Global: i32}, {Module: "a", Name: "c"},
		{Module: "d", Name: "e"}, {Module: "d", Name: "f"}, {Module: "g", Kind: GlobalExtern, Global: i64},
	}
	if !reflect.DeepEqual(m.Imports, want) {
		t.Errorf("imports are\n%+v, want\n%+v", m.Imports, want)
	}
	again, err := Decode(m.Encode(), Limits{})
	if err != nil || !reflect.DeepEqual(again.Imports, want) {
		t.Errorf("written as %q: %v", m.Encode(), err)
	}
	for name, tt := range map[string]struct {
		imports string
		limit   int
		kind    Kind
	}{
		"a kind where the name is not empty": {"\x01\x01a\x01x\x7f\x00", 0, Malformed},
		"a mark in a group":                  {"\x01\x01a\x00\x7f\x01\x01b\x7f\x00", 0, Malformed},
		"too many to fit":                    {"\x01\x01a\x00\x7f\x7f\x01b\x00\x00", 0, Malformed},
		"names too many to fit":              {"\x01\x01a\x00\x7e\x00\x00\x7f\x01b", 0, Malformed},
		"two memories by one type":           {"\x01\x01a\x00\x7e\x02\x00\x01\x02\x01b\x01c", 0, Unsupported},
		"beyond the limit":                   {"\x02" + with + one, 4, TooLarge},
		"one beyond the limit":               {"\x03" + with + one + old, 5, TooLarge},
	} {
		_, err := Decode(module(tt.imports), Limits{Imports: tt.limit})
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != tt.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestElementSegmentForms(t *testing.T) {
	head := header + section(secType, 1, 0x60, 0, 0) + section(secFunction, 1, 0) +
		section(secTable, 2, 0x70, 0, 5, 0x70, 0, 5)
	tail := section(secCode, 1, 2, 0, 0x0b)
	offset := []byte{0x41, 0, 0x0b}
	item := []byte{0xd2, 0, 0x0b}
	for name, segment := range map[string][]byte{
		"active":                   slices.Concat([]byte{0}, offset, []byte{1, 0}),
		"passive":                  {1, 0, 1, 0},
		"active table":             slices.Concat([]byte{2, 1}, offset, []byte{0, 1, 0}),
		"declarative":              {3, 0, 1, 0},
		"active expressions":       slices.Concat([]byte{4}, offset, []byte{1}, item),
		"passive expressions":      slices.Concat([]byte{5, 0x70, 2}, item, item),
		"active table expressions": slices.Concat([]byte{6, 1}, offset, []byte{0x70, 1}, item),
		"declarative expressions":  slices.Concat([]byte{7, 0x70, 1}, item),
	} {
		t.Run(name, func(t *testing.T) {
			in := head + section(secElement, append([]byte{1}, segment...)...) + tail
			m, err := Decode([]byte(in), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Encode(); string(got) != in {
				t.Errorf("encoded % x\nwant    % x", got, in)
			}
			m.ImportFunctions(Import{Module: "m", Name: "f"})
			again, err := Decode(m.Encode(), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			var functions []uint32
			again.Elements[0].Exprs.Functions(func(f uint32) { functions = append(functions, f) })
			functions = append(functions, again.Elements[0].Funcs...)
			if len(functions) == 0 || slices.Max(functions) != 1 || slices.Min(functions) != 1 {
				t.Errorf("segment has functions %d, want only 1", functions)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	memory := func(limits ...byte) string { return header + section(secMemory, append([]byte{1}, limits...)...) }
	for _, tt := range []struct {
		name   string
		module string
		want   Error
	}{
		{"empty", "", Error{Malformed, 0, "", "not a WebAssembly module"}},
		{"text", "(module)", Error{Malformed, 0, "", "not a WebAssembly module: it is WebAssembly as text: translate it with `wat2wasm` or `wasm-tools parse`"}},
		{"header cut", "\x00asm\x01", Error{Malformed, 5, "", "truncated header"}},
		{"version", "\x00asm\x02\x00\x00\x00", Error{Malformed, 4, "", "unknown version"}},
		{"component", "\x00asm\x0d\x00\x01\x00", Error{Component, 4, "", "this is a component"}},
		{"section cut", header + "\x01\x05\x01", Error{Malformed, 10, "", "section header"}},
		{"section id", header + section(14), Error{Malformed, 8, "", "14 is not a section id"}},
		{"section order", header + section(secMemory, 0) + section(secType, 0), Error{Malformed, 11, "", "out of order"}},
		{"section twice", header + section(secType, 0) + section(secType, 0), Error{Malformed, 11, "", "out of order"}},
		{"left over", header + section(secType, 0, 0), Error{Malformed, 11, "", "left over"}},
		{"huge count", header + section(secType, 0xff, 0xff, 3), Error{Malformed, 10, "", "do not fit"}},
		{"over limit", header + section(secType, 0xff, 0xff, 0xff, 3), Error{TooLarge, 10, "", "the limit is"}},
		{"long integer", header + section(secType, 0xff, 0xff, 0xff, 0xff, 0x1f), Error{Malformed, 10, "", "more than 32 bits"}},

		{"tags", header + section(secTag, 0), Error{Unsupported, 8, "exception handling", "tag section"}},
		{"shared memory", memory(3, 1, 2), Error{Unsupported, 11, "threads", "shared memory"}},
		{"memory64", memory(4, 1), Error{Unsupported, 11, "memory64", "64-bit"}},
		{"page size", memory(8, 1, 0), Error{Unsupported, 11, "custom page sizes", "page size"}},
		{"two memories", header + section(secMemory, 2, 0, 1, 0, 1), Error{Unsupported, 13, "multiple memories", "memory 1"}},
		{"large memory", memory(0, 0x81, 0x80, 4), Error{Malformed, 11, "", "more than 65536 pages"}},
		{"bounds", memory(1, 2, 1), Error{Malformed, 11, "", "maximum 1 below minimum 2"}},
		{"struct", header + section(secType, 1, 0x5f, 0), Error{Unsupported, 11, "garbage collection", "type form"}},
		{"exnref", header + section(secType, 1, 0x60, 1, 0x69, 0), Error{Unsupported, 13, "exception handling", "value type"}},
		{"typed reference", header + section(secType, 1, 0x60, 1, 0x64, 0, 0), Error{Unsupported, 13, "typed function references", "value type"}},
		{"table initializer", header + section(secTable, 1, 0x40, 0, 0x70, 0, 1), Error{Unsupported, 11, "typed function references", "initial element"}},
		{"large table", header + section(secTable, 1, 0x70, 0, 0xff, 0xff, 0xff, 5), Error{TooLarge, 17, "", "tables of"}},

		{"atomics", function(0xfe, 0x10, 2, 0, 0x0b), Error{Unsupported, 28, "threads", "0xfe"}},
		{"try", function(0x06, 0x40, 0x0b, 0x0b), Error{Unsupported, 28, "exception handling", "0x6"}},
		{"call_ref", function(0x14, 0, 0x0b), Error{Unsupported, 28, "typed function references", "0x14"}},
		{"structs", function(0xfb, 0, 0, 0x0b), Error{Unsupported, 28, "garbage collection", "0xfb"}},
		{"relaxed", function(0xfd, 0x80, 2, 0x0b), Error{Unsupported, 28, "relaxed SIMD", "0x100"}},
		{"memory index", function(0x28, 0x42, 1, 0, 0x0b), Error{Unsupported, 29, "multiple memories", "memory index"}},
		{"grow of memory 1", function(0x41, 0, 0x40, 1, 0x1a, 0x0b), Error{Unsupported, 31, "multiple memories", "memory index 1"}},

		{"opcode", function(0xff, 0x0b), Error{Malformed, 28, "", "0xff is not an instruction"}},
		{"vector opcode", function(0xfd, 0x9a, 1, 0x0b), Error{Malformed, 28, "", "0xfd 0x9a is not an instruction"}},
		{"no end", function(0x02, 0x40, 0x0b), Error{Malformed, 31, "", "1 blocks without an end"}},
		{"after the end", function(0x0b, 0x01, 0x0b), Error{Malformed, 29, "", "after the end"}},
		{"else", function(0x05, 0x0b), Error{Malformed, 28, "", "else without an if"}},
		{"two elses", function(0x41, 0, 0x04, 0x40, 0x05, 0x05, 0x0b, 0x0b), Error{Malformed, 33, "", "else without an if"}},
		{"label", function(0x0c, 1, 0x0b), Error{Malformed, 29, "", "label 1 is unknown"}},
		{"local", function(0x20, 0, 0x1a, 0x0b), Error{Malformed, 29, "", "local 0 is unknown"}},
		{"function", function(0x10, 1, 0x0b), Error{Malformed, 29, "", "function 1 is unknown"}},
		{"table", function(0x41, 0, 0x11, 0, 0, 0x0b), Error{Malformed, 32, "", "table 0 is unknown"}},
		{"labels", function(0x41, 0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0xf, 0x0b), Error{Malformed, 31, "", "4294967295 labels do not fit"}},
		{"data segment", function(0xfc, 9, 0, 0x0b), Error{Malformed, 30, "", "data segment 0 is unknown"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := decodeAll([]byte(tt.module))
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("error = %v", err)
			}
			if got.Kind != tt.want.Kind || got.Offset != tt.want.Offset || got.Feature != tt.want.Feature ||
				!strings.Contains(got.Msg, tt.want.Msg) {
				t.Errorf("got  %+v\nwant %+v", got, &tt.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) string {
		return function(append(append(bytes.Repeat([]byte{0x02, 0x40}, n), bytes.Repeat([]byte{0x0b}, n)...), 0x0b)...)
	}
	locals := func(n ...byte) string {
		body := append(append([]byte{1}, n...), 0x7f, 0x0b)
		code := append(AppendU32([]byte{1}, uint32(len(body))), body...)
		return header + section(secType, 1, 0x60, 0, 0) + section(secFunction, 1, 0) + section(secCode, code...)
	}
	for _, tt := range []struct {
		name   string
		module string
		limits Limits
		ok     bool
	}{
		{"nesting within", deep(50), Limits{Nesting: 51}, true},
		{"nesting beyond", deep(51), Limits{Nesting: 51}, false},
		{"body within", deep(50), Limits{FunctionBytes: 160}, true},
		{"body beyond", deep(60), Limits{FunctionBytes: 160}, false},
		{"module beyond", deep(60), Limits{ModuleBytes: 100}, false},
		{"locals within", locals(0x80, 2), Limits{Locals: 256}, true},
		{"locals beyond", locals(0x81, 2), Limits{Locals: 256}, false},
		{"four billion locals", locals(0xff, 0xff, 0xff, 0xff, 0xf), Limits{}, false},
		{"functions beyond", header + section(secType, 1, 0x60, 0, 0) + section(secFunction, 2, 0, 0), Limits{Functions: 1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Decode([]byte(tt.module), tt.limits)
			if err == nil && len(m.Bodies) > 0 {
				_, err = ParseBody(&m.Bodies[0], 0, m.Space(), tt.limits, nil)
			}
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != TooLarge {
				t.Errorf("error = %v, want one of kind %v", err, TooLarge)
			}
		})
	}
}

// TestTruncated truncates modules at every byte.
func TestTruncated(t *testing.T) {
	for name, b := range corpus(t) {
		for n := range b {
			if n > 300 && n%7 != 0 {
				continue
			}
			if err := decodeAll(b[:n:n]); err == nil && !endsSection(b, n) {
				t.Errorf("%s cut at %d is accepted", name, n)
			}
		}
	}
}

// endsSection reports whether a section of a module ends at n.
func endsSection(b []byte, n int) bool {
	r := reader{buf: b, pos: 8}
	for r.pos < n && r.err == nil {
		r.byte()
		r.bytes(r.u32())
	}
	return r.pos == n
}

func TestNamesOfFunctions(t *testing.T) {
	long := strings.Repeat("x", 9) + "ä" // ten bytes and one
	names := []byte{0, 2, 1, 'm',        // the module, left out
		1, 23, 4, 0, 1, 'f', 1, 11}
	names = append(names, long...)
	names = append(names, 2, 1, 0xff, 3, 1, 'g', // what is not UTF-8 is left out
		2, 3, 1, 0, 0) // locals, left out
	functions := []byte(header + section(secType, 1, 0x60, 0, 0) + section(secFunction, 4, 0, 0, 0, 0) +
		section(secCode, 4, 2, 0, 0x0b, 2, 0, 0x0b, 2, 0, 0x0b, 2, 0, 0x0b))
	for _, tt := range []struct {
		name   string
		limits Limits
		want   []FunctionName
	}{
		{"whole", Limits{}, []FunctionName{{0, "f"}, {1, long}, {3, "g"}}},
		{"cut, but not within a character", Limits{NameBytes: 10}, []FunctionName{{0, "f"}, {1, long[:9]}, {3, "g"}}},
		{"too many bytes", Limits{FunctionNameBytes: 11}, []FunctionName{{0, "f"}}},
	} {
		m, err := Decode(append(functions, section(secCustom, append([]byte("\x04name"), names...)...)...), tt.limits)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if !slices.Equal(m.Names, tt.want) {
			t.Errorf("%s: names = %+v, want %+v", tt.name, m.Names, tt.want)
		}
	}
}

func TestFaultyNamesAreLeftOut(t *testing.T) {
	for _, payload := range []string{"", "\x00", "\x01\x09\x01", "\x01\x03\xff\xff\xff", "\x00\x03\x01\xff\xff"} {
		m, err := Decode([]byte(header+section(secCustom, append([]byte("\x04name"), payload...)...)), Limits{})
		if err != nil {
			t.Fatalf("% x: %v", payload, err)
		}
		if len(m.Names) > 0 {
			t.Errorf("% x: names = %+v", payload, m.Names)
		}
	}
}

func TestIntegers(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 1 << 20, -1 << 31, 1<<31 - 1, 1<<63 - 1, -1 << 63} {
		r := reader{buf: AppendS64(nil, v)}
		if got := r.sleb(64); got != v || r.err != nil || r.remaining() > 0 {
			t.Errorf("sleb(%d) = %d, %v", v, got, r.err)
		}
	}
	for _, v := range []uint32{0, 127, 128, 1<<32 - 1} {
		r := reader{buf: AppendU32(nil, v)}
		if got := r.u32(); got != v || r.err != nil || r.remaining() > 0 {
			t.Errorf("u32(%d) = %d, %v", v, got, r.err)
		}
	}
	// Longer than necessary is right, beyond the width is not.
	for _, tt := range []struct {
		bytes string
		ok    bool
	}{
		{"\x80\x80\x80\x80\x00", true}, {"\xff\xff\xff\xff\x7f", true}, {"\xff\xff\xff\xff\x07", true},
		{"\x80\x80\x80\x80\x78", true}, {"\xff\xff\xff\xff\x0f", false}, {"\x80\x80\x80\x80\x70", false},
		{"\x80\x80\x80\x80\x80\x00", false}, {"\x80", false},
	} {
		r := reader{buf: []byte(tt.bytes)}
		if r.sleb(32); (r.err == nil) != tt.ok {
			t.Errorf("sleb(% x): %v", tt.bytes, r.err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
	}
	f.Add([]byte(function(0x41, 0, 0x0e, 2, 0, 0, 0, 0x0b)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b, Limits{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(b)) || e.Kind == 0 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if parseAll(m) != nil {
			return
		}
		again, err := Decode(m.Encode(), Limits{})
		if err != nil {
			t.Fatalf("encoded module: %v", err)
		}
		if !bytes.Equal(again.Encode(), m.Encode()) {
			t.Fatal("encoding is not stable")
		}
	})
}
