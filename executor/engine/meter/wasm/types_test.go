package wasm

import "testing"

func TestParseFuncType(t *testing.T) {
	for _, want := range []FuncType{
		{},
		{Params: []ValType{I32}},
		{Results: []ValType{F64}},
		{Params: []ValType{I32, I64, F32, F64}, Results: []ValType{V128, FuncRef, ExternRef}},
	} {
		if got, ok := ParseFuncType(want.String()); !ok || !got.Equal(want) {
			t.Errorf("%v is read as %v, %v", want, got, ok)
		}
	}
	for _, bad := range []string{
		"", "(", "(func", "(func )", "(func (param))", "(func (param ))", "(func (param i32)", "(func (param i8))", "(func (param i32  i32))",
		"(func (result i32) (param i32))", "(func (param i32) (param i32))", "(memory 1)", "(func) ", "(func(param i32))",
	} {
		if got, ok := ParseFuncType(bad); ok {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func FuzzParseFuncType(f *testing.F) {
	f.Add("(func (param i32 i64) (result f32))")
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := ParseFuncType(text); ok && got.String() != text {
			t.Errorf("%q is read as %v", text, got)
		}
	})
}
