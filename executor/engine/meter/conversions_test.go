package meter_test

import (
	"fmt"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// conversion makes a value of one type of a parameter of another. Local 0 is an address that nothing else uses.
type conversion struct {
	from wasm.ValType
	code []byte // with the parameter on the operand stack
}

// stored is code that stores the operand at an address and loads it from there.
func stored(local, store, load byte) []byte {
	const scratch = 20
	return []byte{
		0x21, local, 0x41, scratch, 0x20, local, store, 0, 0,
		0x41, scratch, load, 0, 0,
	}
}

// conversions by the type that they make. Of each type, local 20 is an i32, and so on in the order of scratchLocals.
var conversions = map[wasm.ValType][]conversion{
	wasm.I32: {
		{wasm.I64, []byte{0xa7}},                   // i32.wrap_i64
		{wasm.I32, []byte{0xc0}},                   // i32.extend8_s
		{wasm.I32, []byte{0xc1}},                   // i32.extend16_s
		{wasm.I32, stored(scratchI32, 0x36, 0x2c)}, // i32.load8_s
		{wasm.I32, stored(scratchI32, 0x36, 0x2e)}, // i32.load16_s
		{wasm.I32, stored(scratchI32, 0x36, 0x2d)}, // i32.load8_u
		{wasm.I32, stored(scratchI32, 0x36, 0x28)}, // i32.load
		{wasm.I32, []byte{0x41, 3, 0x74}},          // i32.shl by 3
		{wasm.I32, []byte{0x45}},                   // i32.eqz
		{wasm.I32, []byte{0x41, 0x7f, 0x6c}},       // i32.mul by -1
		{wasm.F32, []byte{0xbc}},                   // i32.reinterpret_f32
		{wasm.I64, []byte{0xc2, 0xa7}},             // of i64.extend8_s
		{wasm.I64, []byte{0x42, 33, 0x88, 0xa7}},   // of i64.shr_u by 33
		{wasm.V128, []byte{0xfd, 0x15, 3}},         // i8x16.extract_lane_s
		{wasm.I64, []byte{0x50}},                   // i64.eqz
		{wasm.I32, []byte{0x41, 0x7e, 0x71}},       // i32.and -2
		{wasm.I32, []byte{0x41, 7, 0x6a}},          // i32.add 7
	},
	wasm.I64: {
		{wasm.I32, []byte{0xac}},                   // i64.extend_i32_s
		{wasm.I32, []byte{0xad}},                   // i64.extend_i32_u
		{wasm.I64, []byte{0xc2}},                   // i64.extend8_s
		{wasm.I64, []byte{0xc4}},                   // i64.extend32_s
		{wasm.I64, stored(scratchI64, 0x37, 0x30)}, // i64.load8_s
		{wasm.I64, stored(scratchI64, 0x37, 0x34)}, // i64.load32_s
		{wasm.I64, stored(scratchI64, 0x37, 0x35)}, // i64.load32_u
		{wasm.I64, []byte{0x42, 5, 0x86}},          // i64.shl by 5
		{wasm.I64, []byte{0xa7, 0xad}},             // i32.wrap_i64, extended
		{wasm.I32, []byte{0xc0, 0xad}},             // i32.extend8_s, extended
		{wasm.F64, []byte{0xbd}},                   // i64.reinterpret_f64
		{wasm.I64, []byte{0x42, 0x7f, 0x7e}},       // i64.mul by -1
		{wasm.I64, []byte{0x42, 0x7e, 0x83}},       // i64.and -2
	},
	wasm.F32: {
		{wasm.I32, []byte{0xbe}},                   // f32.reinterpret_i32
		{wasm.F64, []byte{0xb6}},                   // f32.demote_f64
		{wasm.F32, stored(scratchF32, 0x38, 0x2a)}, // f32.load
		{wasm.F32, []byte{0x8c}},                   // f32.neg
		{wasm.I32, []byte{0xb3}},                   // f32.convert_i32_u
		{wasm.I64, []byte{0xa7, 0xb3}},             // of i32.wrap_i64
	},
	wasm.F64: {
		{wasm.I64, []byte{0xbf}},                   // f64.reinterpret_i64
		{wasm.F32, []byte{0xbb}},                   // f64.promote_f32
		{wasm.F64, stored(scratchF64, 0x39, 0x2b)}, // f64.load
		{wasm.F64, []byte{0x9a}},                   // f64.neg
		{wasm.I64, []byte{0xa7, 0xb8}},             // f64.convert_i32_u of i32.wrap_i64
	},
	wasm.V128: {
		{wasm.I64, []byte{0xfd, 0x12}},                         // i64x2.splat
		{wasm.I32, []byte{0xfd, 0x0f}},                         // i8x16.splat
		{wasm.I64, []byte{0xa7, 0xfd, 0x11}},                   // i32x4.splat of i32.wrap_i64
		{wasm.V128, []byte{0xfd, 0x4d}},                        // v128.not
		{wasm.F32, []byte{0xfd, 0x13}},                         // f32x4.splat
		{wasm.I32, []byte{0x41, 0x3f, 0x71, 0xfd, 0x00, 0, 0}}, // v128.load
	},
}

// Locals beside parameters, of which programs have six at most.
const (
	scratchI32 = 6 + iota
	scratchI64
	scratchF32
	scratchF64
)

var scratchLocals = []wasm.LocalGroup{{Count: 1, Type: wasm.I32}, {Count: 1, Type: wasm.I64}, {Count: 1, Type: wasm.F32}, {Count: 1, Type: wasm.F64}}

// addConversions adds functions with all operands, or just one of them, from each of the conversions. With extend, an i32
// that comes out is made an i64, which shows what is in the rest of its register.
func addConversions(m *wasm.Module, t wasm.FuncType, extend bool, finish func(wasm.Code) wasm.Code) {
	for n := range 17 {
		for which := range len(t.Params) + 1 { // that one is converted; the last, all are
			var code wasm.Code
			params := []wasm.ValType{}
			for i, want := range t.Params {
				code.Index(wasm.OpLocalGet, uint32(i))
				if which != i && which != len(t.Params) {
					params = append(params, want)
					continue
				}
				c := conversions[want][(n+i)%len(conversions[want])]
				params = append(params, c.from)
				code.Raw(c.code...)
			}
			params = append(params, make([]wasm.ValType, 6-len(params))...)
			for i := len(t.Params); i < len(params); i++ {
				params[i] = wasm.I32
			}
			code = finish(code)
			results := append([]wasm.ValType(nil), t.Results...)
			if extend && len(results) == 1 && results[0] == wasm.I32 {
				results[0] = wasm.I64
				code = append(code[:len(code)-1], 0xad, 0x0b)
			}
			addMain(m, fmt.Sprintf("conversion%02d-%d", n, which), wasm.FuncType{Params: params, Results: results}, code)
			m.Bodies[len(m.Bodies)-1].Locals = scratchLocals
		}
	}
}

// addPressure adds a function that has 40 integers and 40 vectors live while it works. It stores what they are
// afterwards.
func addPressure(m *wasm.Module, t wasm.FuncType, finish func(wasm.Code) wasm.Code) {
	const values, at = 40, 1024
	var code wasm.Code
	first := uint32(len(t.Params))
	for i := range uint32(values) {
		code.I32Const(int32(i))
		code.Raw(0x29, 0, 0) // i64.load
		code.Index(wasm.OpLocalSet, first+i)
		code.I32Const(int32(i))
		code.Raw(0xfd, 0x00, 0, 0) // v128.load
		code.Index(wasm.OpLocalSet, first+values+i)
	}
	block := t.Results
	for i := range t.Params {
		code.Index(wasm.OpLocalGet, uint32(i))
	}
	code = finish(code)
	code = code[:len(code)-1]
	results := first + 2*values
	if len(block) > 0 {
		code.Index(wasm.OpLocalSet, results)
	}
	for i := range uint32(values) {
		code.I32Const(int32(at + 8*i))
		code.Index(wasm.OpLocalGet, first+i)
		code.Raw(0x37, 0, 0) // i64.store
		code.I32Const(int32(2*at + 16*i))
		code.Index(wasm.OpLocalGet, first+values+i)
		code.Raw(0xfd, 0x0b, 0, 0) // v128.store
	}
	locals := []wasm.LocalGroup{{Count: values, Type: wasm.I64}, {Count: values, Type: wasm.V128}}
	if len(block) > 0 {
		code.Index(wasm.OpLocalGet, results)
		locals = append(locals, wasm.LocalGroup{Count: 1, Type: block[0]})
	}
	code.Op(wasm.OpEnd)
	addMain(m, "pressure", t, code)
	m.Bodies[len(m.Bodies)-1].Locals = locals
}
