package value

import "github.com/reactord/reactord/component/types"

// Channels calls f for each stream and future in a value, which is well-formed for t, with its type and the value whose Bits are the
// number that stands for it. f may change that value. It ends with the first error of f.
func Channels(t *types.Type, v *Value, f func(t *types.Type, v *Value) error) error {
	if !t.Handles {
		return nil
	}
	each := func(typeOf func(i int) *types.Type) error {
		for i := range v.Items {
			if err := Channels(typeOf(i), &v.Items[i], f); err != nil {
				return err
			}
		}
		return nil
	}
	switch t.Kind {
	case types.Stream, types.Future:
		return f(t, v)
	case types.List:
		return each(func(int) *types.Type { return t.Elem })
	case types.Record, types.Tuple:
		return each(func(i int) *types.Type { return t.Fields[i].Type })
	case types.Variant, types.Enum, types.Option, types.Result:
		return each(func(int) *types.Type { return t.Cases[v.Bits].Type })
	case types.Map:
		return each(func(i int) *types.Type {
			if i%2 == 0 {
				return t.Key
			}
			return t.Elem
		})
	}
	return nil
}
