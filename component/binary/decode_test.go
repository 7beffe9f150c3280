package binary

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// section encodes a section of which the parts are strings of bytes or numbers below 128.
func section(id byte, parts ...any) string { return string([]byte{id}) + sized(encoded(parts...)) }

// vec encodes a section with one definition.
func vec(id byte, parts ...any) string { return section(id, append([]any{1}, parts...)...) }

// name encodes a name.
func name(s string) string { return sized(s) }

// sized prefixes a string with its length.
func sized(s string) string {
	var length []byte
	for n := len(s); ; n >>= 7 {
		if n < 0x80 {
			return string(append(length, byte(n))) + s
		}
		length = append(length, byte(n)|0x80)
	}
}

func encoded(parts ...any) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case int:
			b.WriteByte(byte(part))
		case string:
			b.WriteString(part)
		}
	}
	return b.String()
}

const emptyModule = "\x00asm\x01\x00\x00\x00"

var u8, str = ValType{Prim: U8}, ValType{Prim: String}

// productions has every production of the format, and what it decodes to.
var productions = []struct {
	name string
	in   string
	want Definition
}{
	{"core module", section(secCoreModule, emptyModule), &CoreModule{At: 8, Offset: 10, Binary: []byte(emptyModule)}},
	{"core instance", vec(secCoreInstance, 0, 3, 1, name("a"), 0x12, 2), &CoreInstance{At: 11, Module: 3, Args: []CoreArg{{"a", 2}}}},
	{
		"core bundle", vec(secCoreInstance, 1, 2, name("f"), 0, 1, name("m"), 2, 0),
		&CoreInstance{At: 11, Inline: true, Exports: []CoreExport{{"f", Ref{CoreFuncSort, 1}}, {"m", Ref{CoreMemorySort, 0}}}},
	},
	{"core function type", vec(secCoreType, 0x60, 2, 0x7f, 0x7e, 1, 0x70), &CoreType{At: 11, Func: &CoreFuncType{
		[]CoreValType{CoreI32, CoreI64}, []CoreValType{CoreFuncRef},
	}}},
	{
		"core module type", vec(secCoreType, 0x50, 8,
			1, 0x60, 0, 0,
			2, 0x10, 1, 1, 5,
			0, name("a"), name("f"), 0, 1,
			0, name("a"), name("t"), 1, 0x70, 1, 3, 9,
			0, name("a"), name("m"), 2, 4, 3,
			0, name("a"), name("g"), 3, 0x7f, 1,
			0, name("a"), name("e"), 4, 0, 1,
			3, name("f"), 0, 0),
		&CoreType{At: 11, Module: &CoreModuleType{[]Definition{
			&CoreType{At: 13, Func: &CoreFuncType{[]CoreValType{}, []CoreValType{}}},
			&Alias{At: 17, Kind: OuterAlias, Sort: CoreTypeSort, Count: 1, Index: 5},
			&CoreImportDecl{22, "a", "f", CoreExtern{Sort: CoreFuncSort, Type: 1}},
			&CoreImportDecl{29, "a", "t", CoreExtern{Sort: CoreTableSort, Value: CoreFuncRef, Min: 3, Max: new(uint64(9))}},
			&CoreImportDecl{39, "a", "m", CoreExtern{Sort: CoreMemorySort, Index64: true, Min: 3}},
			&CoreImportDecl{47, "a", "g", CoreExtern{Sort: CoreGlobalSort, Value: CoreI32, Mutable: true}},
			&CoreImportDecl{55, "a", "e", CoreExtern{Sort: CoreTagSort, Type: 1}},
			&CoreExportDecl{63, "f", CoreExtern{Sort: CoreFuncSort}},
		}}},
	},
	{"component", section(secComponent, preamble), &NestedComponent{At: 8, Component: &Component{Offset: 10, Size: 8}}},
	{
		"instance", vec(secInstance, 0, 0, 2, name("a"), 1, 3, name("b"), 0, 0x11, 4),
		&Instance{At: 11, Args: []Arg{{"a", Ref{FuncSort, 3}}, {"b", Ref{CoreModuleSort, 4}}}},
	},
	{
		"bundle", vec(secInstance, 1, 1, 0, name("a"), 5, 3),
		&Instance{At: 11, Inline: true, Exports: []InlineExport{{Name{Text: "a"}, Ref{InstanceSort, 3}}}},
	},
	{"alias", vec(secAlias, 3, 0, 7, name("t")), &Alias{At: 11, Kind: ExportAlias, Sort: TypeSort, Instance: 7, Name: "t"}},
	{"core alias", vec(secAlias, 0, 0, 1, 7, name("f")), &Alias{At: 11, Kind: CoreExportAlias, Sort: CoreFuncSort, Instance: 7, Name: "f"}},
	{"outer alias", vec(secAlias, 0, 0x11, 2, 7, 8), &Alias{At: 11, Kind: OuterAlias, Sort: CoreModuleSort, Count: 7, Index: 8}},
	{"primitive", vec(secType, 0x73), &Type{11, PrimType{String}}},
	{"error context", vec(secType, 0x64), &Type{11, PrimType{ErrorContext}}},
	{"record", vec(secType, 0x72, 1, name("a"), 0x7d), &Type{11, &RecordType{[]Labeled{{"a", u8}}}}},
	{"variant", vec(secType, 0x71, 2, name("a"), 0, 0, name("b"), 1, 0x7d, 0), &Type{11, &VariantType{[]Case{{"a", nil}, {"b", &u8}}}}},
	{"list", vec(secType, 0x70, 5), &Type{11, &ListType{Elem: ValType{Index: 5}}}},
	{"list of a far type", vec(secType, 0x70, 0xc0, 0), &Type{11, &ListType{Elem: ValType{Index: 64}}}},
	{"list of the last type", vec(secType, 0x70, "\xff\xff\xff\xff\x0f"), &Type{11, &ListType{Elem: ValType{Index: 1<<32 - 1}}}},
	{"fixed list", vec(secType, 0x67, 0x7d, 9), &Type{11, &ListType{u8, true, 9}}},
	{"tuple", vec(secType, 0x6f, 2, 0x7d, 0x73), &Type{11, &TupleType{[]ValType{u8, str}}}},
	{"flags", vec(secType, 0x6e, 1, name("a")), &Type{11, &FlagsType{[]string{"a"}}}},
	{"enum", vec(secType, 0x6d, 1, name("a")), &Type{11, &EnumType{[]string{"a"}}}},
	{"option", vec(secType, 0x6b, 0x7d), &Type{11, &OptionType{u8}}},
	{"result", vec(secType, 0x6a, 1, 0x7d, 0), &Type{11, &ResultType{&u8, nil}}},
	{"own", vec(secType, 0x69, 0x70), &Type{11, &HandleType{false, 0x70}}},
	{"borrow", vec(secType, 0x68, 3), &Type{11, &HandleType{true, 3}}},
	{"stream", vec(secType, 0x66, 1, 0x7d), &Type{11, &StreamType{&u8}}},
	{"future", vec(secType, 0x65, 0), &Type{11, &FutureType{}}},
	{"map", vec(secType, 0x63, 0x73, 0x7d), &Type{11, &MapType{str, u8}}},
	{"resource", vec(secType, 0x3f, 0x7f, 0), &Type{11, &ResourceType{}}},
	{"resource with a destructor", vec(secType, 0x3f, 0x7f, 1, 6), &Type{11, &ResourceType{new(uint32(6))}}},
	{"function", vec(secType, 0x40, 1, name("p"), 0x7d, 0, 0x73), &Type{11, &FuncType{false, []Labeled{{"p", u8}}, &str}}},
	{"async function", vec(secType, 0x43, 0, 1, 0), &Type{11, &FuncType{true, []Labeled{}, nil}}},
	{
		"component type", vec(secType, 0x41, 2, 3, 0, name("i"), 3, 1, 4, 0, name("e"), 3, 0, 0),
		&Type{11, &ComponentType{[]Definition{
			&Import{14, Name{Text: "i"}, ExternDesc{Kind: TypeExtern, Bound: SubResource}},
			&ExportDecl{20, Name{Text: "e"}, ExternDesc{Kind: TypeExtern}},
		}}},
	},
	{
		"instance type", vec(secType, 0x42, 3, 0, 0x60, 0, 0, 1, 0x7d, 2, 3, 2, 1, 0),
		&Type{11, &InstanceType{[]Definition{
			&CoreType{14, &CoreFuncType{[]CoreValType{}, []CoreValType{}}, nil},
			&Type{18, PrimType{U8}},
			&Alias{At: 20, Kind: OuterAlias, Sort: TypeSort, Count: 1},
		}}},
	},
	{
		"lift", vec(secCanon, 0, 0, 4, 3, 3, 1, 6, 7, 2, 5),
		&Canon{At: 11, Builtin: Lift, Func: 4, Options: []CanonOpt{{MemoryOpt, 1}, {AsyncOpt, 0}, {CallbackOpt, 2}}, Type: 5},
	},
	{"lower", vec(secCanon, 1, 0, 4, 1, 1), &Canon{At: 11, Builtin: Lower, Func: 4, Options: []CanonOpt{{Kind: UTF16Opt}}}},
	{"resource.new", vec(secCanon, 2, 9), &Canon{At: 11, Builtin: ResourceNew, Type: 9}},
	{"task.return", vec(secCanon, 9, 0, 0x7d, 0), &Canon{At: 11, Builtin: TaskReturn, Result: &u8, Options: []CanonOpt{}}},
	{"context.get", vec(secCanon, 0x0a, 0x7f, 1), &Canon{At: 11, Builtin: ContextGet, SlotType: CoreI32, Slot: 1}},
	{"subtask.cancel", vec(secCanon, 6, 1), &Canon{At: 11, Builtin: SubtaskCancel, Async: true}},
	{"stream.read", vec(secCanon, 0x0f, 3, 0), &Canon{At: 11, Builtin: StreamRead, Type: 3, Options: []CanonOpt{}}},
	{"stream.cancel-read", vec(secCanon, 0x11, 3, 1), &Canon{At: 11, Builtin: StreamCancelRead, Type: 3, Async: true}},
	{"error-context.new", vec(secCanon, 0x1c, 0), &Canon{At: 11, Builtin: ErrorContextNew, Options: []CanonOpt{}}},
	{"waitable-set.wait", vec(secCanon, 0x20, 0, 3), &Canon{At: 11, Builtin: WaitableSetWait, Memory: 3}},
	{"waitable.join", vec(secCanon, 0x23), &Canon{At: 11, Builtin: WaitableJoin}},
	{"thread.yield", vec(secCanon, 0x0c, 0), &Canon{At: 11, Builtin: ThreadYield}},
	{"thread.new-indirect", vec(secCanon, 0x27, 1, 2), &Canon{At: 11, Builtin: ThreadNewIndirect, Type: 1, Table: 2}},
	{"import", vec(secImport, 0, name("a"), 1, 3), &Import{11, Name{Text: "a"}, ExternDesc{Kind: FuncExtern, Index: 3}}},
	{"import with an old prefix", vec(secImport, 1, name("a"), 0, 0x11, 3), &Import{11, Name{Text: "a"}, ExternDesc{Index: 3}}},
	{
		"import with attributes", vec(secImport, 2, name("a"), 2, 2, name(""), 0, name("b:c/d"), 5, 3),
		&Import{11, Name{"a", []Attribute{{ExternalID, ""}, {Implements, "b:c/d"}}}, ExternDesc{Kind: InstanceExtern, Index: 3}},
	},
	{"export", vec(secExport, 0, name("a"), 4, 3, 0), &Export{11, Name{Text: "a"}, Ref{ComponentSort, 3}, nil}},
	{
		"export with a type", vec(secExport, 0, name("a"), 3, 3, 1, 3, 0, 2),
		&Export{11, Name{Text: "a"}, Ref{TypeSort, 3}, &ExternDesc{Kind: TypeExtern, Index: 2}},
	},
}

func TestDecode(t *testing.T) {
	for _, c := range productions {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode([]byte(preamble+c.in), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want := &Component{Size: len(preamble + c.in), Definitions: []Definition{c.want}}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %s, want %s", dump(got), dump(want))
			}
			checkRoundTrip(t, got)
		})
	}
}

// What is not a component is refused with the place and the reason.
func TestDecodeRefuses(t *testing.T) {
	nested := preamble
	for range 100 {
		nested = preamble + section(secComponent, nested)
	}
	deep := strings.Repeat("\x41\x01\x01", 100) + "\x7d"
	for _, c := range []struct {
		name string
		in   string
		want Error
	}{
		{"nothing", "", Error{Malformed, 0, "", "unexpected end of the preamble"}},
		{"a part of the preamble", preamble[:5], Error{Malformed, 5, "", "unexpected end of the preamble"}},
		{"something else", "#!/bin/sh", Error{Malformed, 0, "", "not a WebAssembly component"}},
		{"a core module", emptyModule, Error{Malformed, 4, "", "a core module, not a component"}},
		{"another version", "\x00asm\x0c\x00\x01\x00", Error{Malformed, 4, "", "unknown version 0c 00 01 00 of the component format"}},
		{"a nested version", preamble + section(secComponent, emptyModule), Error{Malformed, 14, "", "a core module, not a component"}},
		{"a component as a core module", preamble + section(secCoreModule, preamble), Error{Malformed, 10, "", "not a core module"}},
		{"an unknown section", preamble + section(13), Error{Malformed, 8, "", "13 is not the id of a section"}},
		{"a section without a size", preamble + "\x07", Error{Malformed, 9, "", "section header: unexpected end"}},
		{"a truncated section", preamble + "\x07\x03\x00", Error{Malformed, 10, "", "section header: 3 bytes wanted, 1 left"}},
		{"more in a section", preamble + section(secType, 1, 0x73, 0x73), Error{Malformed, 12, "", "1 bytes left over in the type section"}},
		{"less in a section", preamble + section(secType, 2, 0x73), Error{Malformed, 10, "", "2 definitions do not fit the type section"}},
		{"a size of 33 bits", preamble + "\x07\x81\x80\x80\x80\x70\x00", Error{Malformed, 9, "", "section header: integer of more than 32 bits"}},
		{"a custom section without a name", preamble + section(secCustom, 5, "ab"), Error{Malformed, 11, "", "5 bytes wanted, 2 left"}},
		{"a name that is not UTF-8", preamble + vec(secImport, 0, name("\xff"), 1, 0), Error{Malformed, 12, "", "name is not UTF-8"}},
		{"a type", preamble + vec(secType, 0x62), Error{Malformed, 11, "", "0x62 is not a type"}},
		{"a value type", preamble + vec(secType, 0x70, 0x72), Error{Malformed, 12, "", "not a type"}},
		{"a negative value type", preamble + vec(secType, 0x70, "\xff\x7f"), Error{Malformed, 12, "", "not a type"}},
		{"a value type of 33 bits", preamble + vec(secType, 0x70, "\xff\xff\xff\xff\x1f"), Error{Malformed, 12, "", "not a type"}},
		{"many fields", preamble + vec(secType, 0x72, 0x7f), Error{Malformed, 12, "", "127 fields do not fit the section"}},
		{"a resource of f32", preamble + vec(secType, 0x3f, 0x7d, 0), Error{Malformed, 12, "", "a resource is represented by an i32"}},
		{"a resource of i64", preamble + vec(secType, 0x3f, 0x7e, 0), Error{Unsupported, 12, featureMemory64, "resource represented by an i64"}},
		{"a case's end", preamble + vec(secType, 0x71, 1, name("a"), 0, 1), Error{Malformed, 16, "", "0x1 is not the end of a case, which is 0"}},
		{"an import in an instance type", preamble + vec(secType, 0x42, 1, 3, 0, name("a"), 3, 1), Error{Malformed, 13, "", "0x3 is not a declaration of the type of an instance"}},
		{"a canonical function", preamble + vec(secCanon, 7), Error{Malformed, 11, "", "0x7 is not a canonical function"}},
		{"a cancellable wait", preamble + vec(secCanon, 0x20, 1, 0), Error{Malformed, 12, "", "0x1 is not the reserved byte of a wait, which is 0, since no wait is cancellable"}},
		{"a cancellable yield", preamble + vec(secCanon, 0x0c, 1), Error{Malformed, 12, "", "0x1 is not the reserved byte of a wait, which is 0, since no wait is cancellable"}},
		{"an option", preamble + vec(secCanon, 1, 0, 0, 1, 10), Error{Malformed, 15, "", "0xa is not a canonical option"}},
		{"an attribute", preamble + vec(secImport, 2, name("a"), 1, 3, name("b"), 1, 0), Error{Malformed, 15, "", "0x3 is not an attribute of names"}},
		{"an attribute twice", preamble + vec(secImport, 2, name("a"), 2, 2, name("b"), 2, name("b"), 1, 0), Error{Malformed, 18, "", "an attribute of a name twice"}},
		{"an export of a core function", preamble + vec(secExport, 0, name("a"), 0, 0, 0, 0), Error{Malformed, 14, "", "a core func cannot leave its component"}},
		{"an outer alias of a function", preamble + vec(secAlias, 1, 2, 0, 0), Error{Malformed, 11, "", "a func has no aliases of this kind"}},

		{"a start section", preamble + section(secStart, 0, 0, 0), Error{Unsupported, 8, featureValues, "start section"}},
		{"a value import", preamble + vec(secImport, 0, name("a"), 2, 1, 0x7d), Error{Unsupported, 14, featureValues, "value"}},
		{"a struct type", preamble + vec(secCoreType, 0x5f, 0), Error{Unsupported, 11, featureGC, "core type"}},
		{"a subtype", preamble + vec(secCoreType, 0, 0x50, 1, 3, 0x60, 0, 0), Error{Unsupported, 11, featureGC, "core type"}},
		{"a module type in a module type", preamble + vec(secCoreType, 0x50, 1, 1, 0x50, 0, 1), Error{Malformed, 16, "", "0x1 is not a core type"}},
		{"a typed reference", preamble + vec(secCoreType, 0x60, 1, 0x64, 0, 0), Error{Unsupported, 13, featureFuncRefs, "core value type"}},
		{"a spawn", preamble + vec(secCanon, 0x40, 0, 0), Error{Unsupported, 11, featureSharedThreads, "canonical function"}},
		{"the gc option", preamble + vec(secCanon, 1, 0, 0, 1, 9), Error{Unsupported, 15, featureGC, "canonical option"}},

		{"nested components", nested, Error{TooLarge, 0, "", "more than 100 components within each other"}},
		{"nested types", preamble + vec(secType, deep), Error{TooLarge, 0, "", "more than 100 types within each other"}},
		{"a long name", preamble + vec(secImport, 0, name(strings.Repeat("a", 100_001)), 1, 0), Error{TooLarge, 14, "", "name of 100001 bytes, the limit is 100000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode([]byte(c.in), Limits{})
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("got %v and %v, want an error", got, err)
			}
			if c.want.Kind == TooLarge && c.want.Offset == 0 {
				fault.Offset = 0 // deep inside
			}
			if *fault != c.want {
				t.Errorf("got %#v, want %#v", *fault, c.want)
			}
		})
	}
}

// The limits on a whole component hold over all its parts.
func TestLimits(t *testing.T) {
	part := vec(secType, 0x72, 1, name("abc"), 0x7d)
	in := []byte(preamble + part + section(secComponent, preamble, part))
	for _, c := range []struct {
		lim  Limits
		want string
	}{
		{Limits{Definitions: 3, Elements: 2, NamesBytes: 6, NameBytes: 3, Nesting: 2}, ""},
		{Limits{Definitions: 2}, "more than 2 definitions"},
		{Limits{Elements: 1}, "more than 1 fields, arguments and other parts of definitions"},
		{Limits{NamesBytes: 5}, "names of more than 5 bytes in all"},
		{Limits{NameBytes: 2}, "name of 3 bytes, the limit is 2"},
		{Limits{Nesting: 1}, "more than 1 components within each other"},
	} {
		_, err := Decode(in, c.lim)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("with %+v: got %v, want %q", c.lim, err, c.want)
		}
	}
}

// A small component cannot make the decoder take much memory.
func TestDecodeIsBounded(t *testing.T) {
	const n = 250_000
	count := func(n int) string { return sized(strings.Repeat(" ", n))[:len(sized(strings.Repeat(" ", n)))-n] }
	for name, in := range map[string]string{
		"canonical functions":  section(secCanon, count(n), strings.Repeat("\x24", n)),
		"empty records":        section(secType, count(n), strings.Repeat("\x72\x00", n)),
		"exports of instances": section(secInstance, 5, strings.Repeat(encoded(1, count(maxArgs), strings.Repeat("\x00\x00\x01\x00", maxArgs)), 5)),
		"cases":                section(secType, 50, strings.Repeat(encoded(0x71, count(maxMembers), strings.Repeat("\x01a\x01\x7d\x00", maxMembers)), 50)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode([]byte(preamble+in), Limits{})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s take %d bytes", name, taken)
		}
	}
}

// A damaged name section is no fault, and the last good name counts.
func TestNameSection(t *testing.T) {
	good := section(secCustom, name("component-name"), 0, sized(name("calc")))
	bad := section(secCustom, name("component-name"), "\xff\xfe\x01")
	got, err := Decode([]byte(preamble+good+bad+section(secCustom, name("hi"))), Limits{})
	if err != nil || got.Name != "calc" || len(got.Definitions) != 0 {
		t.Errorf("got %v and %v, want a component of the name calc", got, err)
	}
}
