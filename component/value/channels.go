package value

import "github.com/reactord/reactord/component/types"

// Connection is the name of the open connection that a handle or a stream of bytes is to be; empty if it is none.
func (v *Value) Connection() string { return string(v.Bytes) }

// Channels calls f for each stream and future in a value, which is well-formed for t, with its type and the value whose Bits are the
// number that stands for it. Those that are to be open connections are left out. f may change that value. It ends with the first
// error of f.
func Channels(t *types.Type, v *Value, f func(t *types.Type, v *Value) error) error {
	return handles(t, v, func(t *types.Type, v *Value) error {
		if t.Kind != types.Stream && t.Kind != types.Future || v.Connection() != "" {
			return nil
		}
		return f(t, v)
	})
}

// Connections calls f, as Channels does, for each handle and stream that is to be an open connection.
func Connections(t *types.Type, v *Value, f func(t *types.Type, v *Value) error) error {
	return handles(t, v, func(t *types.Type, v *Value) error {
		if v.Connection() == "" {
			return nil
		}
		return f(t, v)
	})
}

// handles calls f for each owned handle, stream and future in a value.
func handles(t *types.Type, v *Value, f func(t *types.Type, v *Value) error) error {
	if !t.Handles {
		return nil
	}
	each := func(typeOf func(i int) *types.Type) error {
		for i := range v.Items {
			if err := handles(typeOf(i), &v.Items[i], f); err != nil {
				return err
			}
		}
		return nil
	}
	switch t.Kind {
	case types.Own, types.Stream, types.Future:
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
