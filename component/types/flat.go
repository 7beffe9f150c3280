package types

import "github.com/reactord/reactord/component/binary"

// flatten returns the core types of t from those of its parts. Its Flat is at most MaxFlat.
func flatten(t *Type) []binary.CoreValType {
	switch t.Kind {
	case S64, U64:
		return []binary.CoreValType{binary.CoreI64}
	case F32:
		return []binary.CoreValType{binary.CoreF32}
	case F64:
		return []binary.CoreValType{binary.CoreF64}
	case String, Map:
		return []binary.CoreValType{binary.CoreI32, binary.CoreI32}
	case List:
		if !t.Fixed {
			return []binary.CoreValType{binary.CoreI32, binary.CoreI32}
		}
		flat := make([]binary.CoreValType, 0, t.Flat)
		for range t.Flat / max(t.Elem.Flat, 1) {
			flat = append(flat, t.Elem.core...)
		}
		return flat
	case Record, Tuple:
		flat := make([]binary.CoreValType, 0, t.Flat)
		for i := range t.Fields {
			flat = append(flat, t.Fields[i].Type.core...)
		}
		return flat
	case Variant, Enum, Option, Result:
		return flattenCases(t)
	default:
		return []binary.CoreValType{binary.CoreI32}
	}
}

// flattenCases returns core types that can hold those of any case, behind the number of the case.
func flattenCases(t *Type) []binary.CoreValType {
	flat := append(make([]binary.CoreValType, 0, t.Flat), binary.CoreI32)
	for _, c := range t.Cases {
		if c.Type == nil {
			continue
		}
		for i, core := range c.Type.core {
			if i+1 == len(flat) {
				flat = append(flat, core)
			} else {
				flat[i+1] = join(flat[i+1], core)
			}
		}
	}
	return flat
}

// join returns a core type that can hold both.
func join(a, b binary.CoreValType) binary.CoreValType {
	switch {
	case a == b:
		return a
	case (a == binary.CoreI32 || a == binary.CoreF32) && (b == binary.CoreI32 || b == binary.CoreF32):
		return binary.CoreI32
	}
	return binary.CoreI64
}

// pointed reports whether values of the type point to parts of theirs, from its parts.
func pointed(t *Type) bool {
	switch t.Kind {
	case String, Map:
		return true
	case List:
		return !t.Fixed || t.Elem.Pointed
	case Stream, Future:
		return false
	}
	for part := range t.Parts {
		if part.Pointed {
			return true
		}
	}
	return false
}

// plain reports whether values of the type are integers without gaps, from its parts. Its size is not rounded up yet.
func plain(t *Type, size uint64) bool {
	switch t.Kind {
	case S8, U8, S16, U16, S32, U32, S64, U64:
		return true
	case List:
		return t.Fixed && t.Elem.Plain
	case Record, Tuple:
		var sum uint64
		for i := range t.Fields {
			if !t.Fields[i].Type.Plain {
				return false
			}
			sum += uint64(t.Fields[i].Type.Size)
		}
		return sum == size && size == alignTo(size, t.Align)
	default:
		return false
	}
}
