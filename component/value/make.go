package value

import "math"

// Bool returns a bool.
func Bool(b bool) Value {
	if b {
		return Value{Bits: 1}
	}
	return Value{}
}

// Int returns an integer of a type with a sign.
func Int(n int64) Value { return Value{Bits: uint64(n)} }

// Uint returns an integer of a type without a sign, a char or flags.
func Uint(n uint64) Value { return Value{Bits: n} }

// F32 returns an f32.
func F32(f float32) Value { return Value{Bits: uint64(math.Float32bits(f))} }

// F64 returns an f64.
func F64(f float64) Value { return Value{Bits: math.Float64bits(f)} }

// String returns a string, which is UTF-8.
func String(s string) Value { return Value{Bytes: []byte(s)} }

// Items returns a list of other than u8, a tuple or a record.
func Items(items ...Value) Value { return Value{Items: items} }

// Case returns a case of a variant, an enum, an option or a result, by its number, with its payload if it has one.
func Case(n int, payload ...Value) Value { return Value{Bits: uint64(n), Items: payload} }
