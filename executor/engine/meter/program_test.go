package meter_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// newInterpreter makes a host whose guests are not metered and not compiled.
func newInterpreter(t testing.TB) *testHost {
	t.Helper()
	h := &testHost{runtime: wazero.NewRuntimeWithConfig(t.Context(),
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(testFeatures))}
	t.Cleanup(func() { h.runtime.Close(context.Background()) })
	return h
}

// operandSource is where the operands of an instruction come from.
type operandSource int

const (
	fromConstants operandSource = iota
	fromParameters
	fromConversions // of other types, loads and what else a compiler may make one instruction of with its use
	underPressure   // from parameters, with more values live than there are registers
)

var valTypes = map[string]wasm.ValType{
	"i32": wasm.I32, "i64": wasm.I64, "f32": wasm.F32, "f64": wasm.F64, "v128": wasm.V128,
}

// Of each program: functions and types by index.
const (
	mainFunction = iota
	otherFunction
)

// program returns a module that exports functions with the instruction in them; nil if it is unknown.
func program(in instruction, source operandSource) *wasm.Module {
	takes, leaves, body := in.takes, in.leaves, []byte(nil)
	if special, ok := specialPrograms[in.name]; ok {
		takes, leaves, body = []string{"i32"}, []string{"i32"}, special
	} else {
		for _, t := range append(takes[:len(takes):len(takes)], leaves...) {
			if _, ok := valTypes[t]; !ok {
				return nil
			}
		}
	}
	m := surroundings()
	main := wasm.FuncType{Params: types(takes), Results: types(leaves)}
	if strings.HasPrefix(in.name, "local.") { // it is about local 0
		source = fromParameters
	}
	switch source {
	case fromParameters:
		var code wasm.Code
		for i := range takes {
			code.Index(wasm.OpLocalGet, uint32(i))
		}
		addMain(m, "main", main, finish(code, in, body))
		return m
	case fromConversions:
		addConversions(m, main, body == nil, func(code wasm.Code) wasm.Code { return finish(code, in, body) })
		return m
	case underPressure:
		addPressure(m, main, func(code wasm.Code) wasm.Code { return finish(code, in, body) })
		return m
	}
	for set := range argumentSets(apiTypes(main.Params)) {
		var code wasm.Code
		for i, t := range main.Params {
			constant(&code, t, set+i)
		}
		addMain(m, fmt.Sprintf("constant%02d", set), wasm.FuncType{Results: main.Results}, finish(code, in, body))
		m.Bodies[len(m.Bodies)-1].Locals = []wasm.LocalGroup{{Count: 1, Type: wasm.I32}} // of specialPrograms
	}
	return m
}

// finish appends the instruction, or a special body that uses it with an operand that is there, and the end.
func finish(code wasm.Code, in instruction, special []byte) wasm.Code {
	if special != nil {
		return append(append(code, special...), 0x0b)
	}
	code.Raw(opcode(in.prefix, in.sub)...)
	for _, kind := range in.immediates {
		code.Raw(immediate(kind)...)
	}
	code.Op(wasm.OpEnd)
	return code
}

// immediate encodes one for the module of surroundings.
func immediate(kind string) []byte {
	switch kind {
	case "memarg":
		return []byte{0, 3}
	case "lane", "i32", "i64":
		return []byte{1}
	case "f32":
		return []byte{0, 0, 0x80, 0x3f}
	case "f64":
		return []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}
	case "v128", "lanes":
		return []byte{31, 0, 1, 2, 17, 3, 4, 5, 30, 7, 8, 9, 10, 11, 12, 13}
	}
	return []byte{0} // an index
}

// specialPrograms are bodies for instructions whose types are not fixed: with an i32 on the operand stack
// that leave another. Local 0 is an i32; type 1 is (i32) -> i32.
var specialPrograms = map[string][]byte{
	"unreachable":          {0x00},
	"block":                {0x1a, 0x02, 0x7f, 0x41, 5, 0x0b},
	"loop":                 {0x1a, 0x03, 0x7f, 0x41, 6, 0x0b},
	"if":                   {0x04, 0x7f, 0x41, 7, 0x05, 0x41, 8, 0x0b},
	"else":                 {0x04, 0x7f, 0x41, 7, 0x05, 0x41, 8, 0x0b},
	"end":                  {0x02, 0x01, 0x0b}, // a block with a parameter
	"br":                   {0x02, 0x01, 0x0c, 0, 0x0b},
	"br_if":                {0x02, 0x01, 0x41, 1, 0x0d, 0, 0x0b},
	"br_table":             {0x02, 0x01, 0x02, 0x01, 0x41, 1, 0x0e, 1, 0, 1, 0x0b, 0x1a, 0x41, 9, 0x0b},
	"return":               {0x0f},
	"call":                 {0x10, otherFunction},
	"call_indirect":        {0x41, 0, 0x11, 1, 0},
	"return_call":          {0x12, otherFunction},
	"return_call_indirect": {0x41, 0, 0x13, 1, 0},
	"drop":                 {0x41, 1, 0x1a},
	"nop":                  {0x01},
	"select":               {0x41, 4, 0x41, 0, 0x1b},
	"local.get":            {0x1a, 0x20, 0},
	"local.set":            {0x21, 0, 0x20, 0},
	"local.tee":            {0x22, 0},
	"global.get":           {0x1a, 0x23, 0},
	"global.set":           {0x24, 0, 0x23, 0},
	"table.get":            {0x25, 0, 0xd1},
	"table.set":            {0xd2, otherFunction, 0x26, 0, 0x41, 1, 0x25, 0, 0xd1},
	"table.grow":           {0x1a, 0xd0, 0x70, 0x41, 2, 0xfc, 15, 0},
	"table.fill":           {0xd0, 0x70, 0x41, 1, 0xfc, 17, 0, 0x41, 1, 0x25, 0, 0xd1},
	"ref.null":             {0x1a, 0xd0, 0x70, 0xd1},
	"ref.is_null":          {0x25, 0, 0xd1},
	"ref.func":             {0x1a, 0xd2, otherFunction, 0xd1},
}

// surroundings is a module with all that the immediates of instructions may refer to.
func surroundings() *wasm.Module {
	one := uint32(1)
	zero := wasm.Expr{Code: []byte{0x41, 0, 0x0b}}
	data := []byte{0x80, 0x81, 0xff, 0x7f, 4, 0xf5, 6, 7, 0xf8, 9, 10, 11, 0xfc, 13, 14, 15}
	return &wasm.Module{
		Types:     []wasm.FuncType{{}, {Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0, 1},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 4, Max: 10, HasMax: true}}},
		Memories:  []wasm.MemoryType{{Size: wasm.Bounds{Min: 1, Max: 2, HasMax: true}}},
		Globals:   []wasm.Global{{Type: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: zero}},
		Exports:   []wasm.Export{{Name: "memory", Kind: wasm.MemoryExtern}},
		Elements: []wasm.Element{
			{Mode: wasm.Passive, Funcs: []uint32{otherFunction, otherFunction}},
			{Offset: zero, Funcs: []uint32{otherFunction}},
		},
		DataCount: &one,
		Data:      []wasm.DataSegment{{Passive: true, Bytes: data}},
		Bodies: []wasm.Body{
			{Code: []byte{0x0b}},
			{Code: []byte{0x20, 0, 0x41, 1, 0x6a, 0x0b}},
		},
	}
}

// addMain adds an exported function.
func addMain(m *wasm.Module, name string, t wasm.FuncType, code []byte) {
	m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.FuncExtern, Index: uint32(len(m.Functions))})
	m.Functions = append(m.Functions, uint32(len(m.Types)))
	m.Types = append(m.Types, t)
	m.Bodies = append(m.Bodies, wasm.Body{Code: code})
}

func types(names []string) []wasm.ValType {
	var ts []wasm.ValType
	for _, name := range names {
		ts = append(ts, valTypes[name])
	}
	return ts
}

func apiTypes(ts []wasm.ValType) []api.ValueType {
	var out []api.ValueType
	for _, t := range ts {
		out = append(out, api.ValueType(t))
	}
	return out
}

// interesting are values of which any width is taken.
var interesting = []uint64{
	0, 1, 7, 31, 0x80, 0xff, 0x7fff, 0xfffc, 1 << 31, math.MaxInt32, math.MaxUint32, 1 << 63, math.MaxInt64, math.MaxUint64,
	0x0123456789abcdef, 0xfedcba9876543210,
}

var interestingFloats = []float64{
	0, 1, math.Copysign(0, -1), -1.5, 0.5, 2.5, math.Inf(1), math.Inf(-1), math.NaN(), 1e10, -1e20, 1e-300,
	2147483648, -2147483649, 9223372036854775808, math.MaxFloat32,
}

// value returns the bits of the n-th interesting value of a type; of vectors, of each half.
func value(t api.ValueType, n int) []uint64 {
	i := n % len(interesting)
	switch t {
	case api.ValueTypeI32:
		return []uint64{uint64(uint32(interesting[i]))}
	case api.ValueTypeF32:
		return []uint64{uint64(math.Float32bits(float32(interestingFloats[i])))}
	case api.ValueTypeF64:
		return []uint64{math.Float64bits(interestingFloats[i])}
	case typeV128:
		other := (i*7 + 3) % len(interesting)
		switch n % 3 {
		case 0:
			return []uint64{math.Float64bits(interestingFloats[i]), math.Float64bits(interestingFloats[other])}
		case 1:
			f := math.Float32bits
			return []uint64{
				uint64(f(float32(interestingFloats[i])))<<32 | uint64(f(float32(interestingFloats[other]))),
				uint64(f(float32(interestingFloats[(i+5)%16])))<<32 | uint64(f(float32(interestingFloats[(i+11)%16]))),
			}
		}
		return []uint64{interesting[i], interesting[other]}
	}
	return []uint64{interesting[i]}
}

// argumentSets returns sets of arguments of the given types: one for each interesting value.
func argumentSets(params []api.ValueType) [][]uint64 {
	sets := 16
	if len(params) == 0 {
		sets = 1
	}
	var all [][]uint64
	for n := range sets {
		set := []uint64{}
		for i, t := range params {
			set = append(set, value(t, n+i)...)
		}
		all = append(all, set)
	}
	return all
}

// constant appends the n-th interesting value as a constant.
func constant(c *wasm.Code, t wasm.ValType, n int) {
	bits := value(api.ValueType(t), n)
	switch t {
	case wasm.I32:
		c.I32Const(int32(bits[0]))
	case wasm.I64:
		c.I64Const(int64(bits[0]))
	case wasm.F32:
		c.Op(wasm.OpF32Const)
		c.Raw(binary.LittleEndian.AppendUint32(nil, uint32(bits[0]))...)
	case wasm.F64:
		c.Op(wasm.OpF64Const)
		c.Raw(binary.LittleEndian.AppendUint64(nil, bits[0])...)
	case wasm.V128:
		c.Op(wasm.OpV128Const)
		c.Raw(binary.LittleEndian.AppendUint64(nil, bits[0])...)
		c.Raw(binary.LittleEndian.AppendUint64(nil, bits[1])...)
	}
}

// canonical returns the results of an instruction without what the specification leaves open, the bits
// of NaNs, and without the upper half of i32s, which is not part of them.
func canonical(in instruction, ts []api.ValueType, results []uint64) []uint64 {
	at := 0
	for _, t := range ts {
		if at >= len(results) {
			break
		}
		switch t {
		case api.ValueTypeI32:
			results[at] = uint64(uint32(results[at]))
		case api.ValueTypeF32:
			results[at] = uint64(canonical32(uint32(results[at])))
		case api.ValueTypeF64:
			results[at] = canonical64(results[at])
		case typeV128:
			for i := at; i < at+2; i++ {
				switch {
				case strings.HasPrefix(in.name, "f32x4"):
					results[i] = uint64(canonical32(uint32(results[i]>>32)))<<32 | uint64(canonical32(uint32(results[i])))
				case strings.HasPrefix(in.name, "f64x2"):
					results[i] = canonical64(results[i])
				}
			}
			at++
		}
		at++
	}
	return results
}

func canonical32(bits uint32) uint32 {
	if math.IsNaN(float64(math.Float32frombits(bits))) {
		return math.Float32bits(float32(math.NaN()))
	}
	return bits
}

func canonical64(bits uint64) uint64 {
	if math.IsNaN(math.Float64frombits(bits)) {
		return math.Float64bits(math.NaN())
	}
	return bits
}
