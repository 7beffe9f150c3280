package abi_test

import (
	"errors"
	"math"
	"testing"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// checkCursors writes values piece by piece, and reads them so.
func checkCursors(t *testing.T, f *types.Func, want []value.Value, encoding abi.Encoding) {
	t.Helper()
	c := newContextWithHandles(newMemory(64), encoding)
	lift, lower := abi.Lift(f, types.Sync), abi.Lower(f, types.Sync)
	stack := garbage(max(lift.Slots(), 1))
	w := lift.WriteParams(c, stack)
	for i := range want {
		write(&w, f.Params[i].Type, &want[i])
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	r := lower.ReadParams(c, stack)
	for i := range want {
		if got := read(&r, f.Params[i].Type); !equal(&got, &want[i]) {
			t.Errorf("read %+v, want %+v", got, want[i])
		}
	}
	if c.Err() != nil || r.Type() != nil {
		t.Errorf("got %v, and there is a value left: %v", c.Err(), r.Type())
	}
}

func write(w *abi.Writer, t *types.Type, v *value.Value) {
	switch t.Kind {
	case types.Bool:
		w.Bool(v.Bits != 0)
	case types.S8:
		w.S8(int8(v.Bits))
	case types.U8:
		w.U8(uint8(v.Bits))
	case types.S16:
		w.S16(int16(v.Bits))
	case types.U16:
		w.U16(uint16(v.Bits))
	case types.S32:
		w.S32(int32(v.Bits))
	case types.U32:
		w.U32(uint32(v.Bits))
	case types.S64:
		w.S64(int64(v.Bits))
	case types.U64:
		w.U64(v.Bits)
	case types.F32:
		w.F32(math.Float32frombits(uint32(v.Bits)))
	case types.F64:
		w.F64(math.Float64frombits(v.Bits))
	case types.Char:
		w.Char(rune(v.Bits))
	case types.String:
		w.String(string(v.Bytes))
	case types.Flags:
		w.Flags(uint32(v.Bits))
	case types.Own:
		w.Own(uint32(v.Bits))
	case types.Borrow:
		w.Borrow(uint32(v.Bits))
	case types.Stream:
		w.Stream(v.Bits)
	case types.Future:
		w.Future(v.Bits)
	case types.ErrorContext:
		w.Value(*v)
	default:
		writeParts(w, t, v)
	}
}

func writeParts(w *abi.Writer, t *types.Type, v *value.Value) {
	switch t.Kind {
	case types.Record, types.Tuple:
		record := w.Record()
		for i := range v.Items {
			write(record, t.Fields[i].Type, &v.Items[i])
		}
	case types.List:
		if t.Elem.Kind == types.U8 {
			w.Bytes(v.Bytes)
			return
		}
		list := w.List(len(v.Items))
		for i := range v.Items {
			write(list, t.Elem, &v.Items[i])
		}
	case types.Map:
		list := w.List(len(v.Items) / 2)
		for i := 0; i < len(v.Items); i += 2 {
			entry := list.Record()
			write(entry, t.Key, &v.Items[i])
			write(entry, t.Elem, &v.Items[i+1])
		}
	default:
		writeCase(w, t, v)
	}
}

func writeCase(w *abi.Writer, t *types.Type, v *value.Value) {
	switch {
	case t.Kind == types.Variant:
		w.Variant(int(v.Bits))
	case t.Kind == types.Enum:
		w.Enum(int(v.Bits))
	case t.Kind == types.Option && v.Bits == 0:
		w.None()
	case t.Kind == types.Option:
		w.Some()
	case v.Bits == 0:
		w.OK()
	default:
		w.Err()
	}
	if payload := t.Cases[v.Bits].Type; payload != nil {
		write(w, payload, &v.Items[0])
	}
}

func read(r *abi.Reader, t *types.Type) (v value.Value) {
	switch t.Kind {
	case types.Bool:
		if r.Bool() {
			v.Bits = 1
		}
	case types.S8:
		v.Bits = uint64(r.S8())
	case types.U8:
		v.Bits = uint64(r.U8())
	case types.S16:
		v.Bits = uint64(r.S16())
	case types.U16:
		v.Bits = uint64(r.U16())
	case types.S32:
		v.Bits = uint64(r.S32())
	case types.U32:
		v.Bits = uint64(r.U32())
	case types.S64:
		v.Bits = uint64(r.S64())
	case types.U64:
		v.Bits = r.U64()
	case types.F32:
		v.Bits = uint64(math.Float32bits(r.F32()))
	case types.F64:
		v.Bits = math.Float64bits(r.F64())
	case types.Char:
		v.Bits = uint64(r.Char())
	case types.String:
		v.Bytes = []byte(r.String())
	case types.Flags:
		v.Bits = uint64(r.Flags())
	case types.Own:
		v.Bits = uint64(r.Own())
	case types.Borrow:
		v.Bits = uint64(r.Borrow())
	case types.Stream:
		v.Bits = r.Stream()
	case types.Future:
		v.Bits = r.Future()
	case types.ErrorContext:
		return r.Value()
	default:
		return readParts(r, t)
	}
	if math.IsNaN(math.Float64frombits(v.Bits)) && t.Kind == types.F64 {
		v.Bits = 0x7ff8000000000000 // the quiet one in Go is another
	}
	return v
}

func readParts(r *abi.Reader, t *types.Type) (v value.Value) {
	switch t.Kind {
	case types.Record, types.Tuple:
		record := r.Record()
		for i := range t.Fields {
			v.Items = append(v.Items, read(&record, t.Fields[i].Type))
		}
		return v
	case types.List:
		if t.Elem.Kind == types.U8 && !t.Fixed {
			v.Bytes = append(v.Bytes, r.Bytes()...)
			return v
		}
		list := r.List()
		for list.Type() != nil {
			item := read(&list, t.Elem)
			if t.Elem.Kind == types.U8 {
				v.Bytes = append(v.Bytes, byte(item.Bits))
			} else {
				v.Items = append(v.Items, item)
			}
		}
		return v
	case types.Map:
		list := r.List()
		for list.Len() > 0 {
			entry := list.Record()
			v.Items = append(v.Items, read(&entry, t.Key), read(&entry, t.Elem))
		}
		return v
	default:
		return readCase(r, t)
	}
}

func readCase(r *abi.Reader, t *types.Type) (v value.Value) {
	switch t.Kind {
	case types.Variant:
		v.Bits = uint64(r.Variant())
	case types.Enum:
		v.Bits = uint64(r.Enum())
	case types.Option:
		if r.Option() {
			v.Bits = 1
		}
	default:
		if !r.OK() {
			v.Bits = 1
		}
	}
	if payload := t.Cases[v.Bits].Type; payload != nil {
		v.Items = []value.Value{read(r, payload)}
	}
	return v
}

// Host code that does not fit its type is told so, and nothing is read or written past it.
func TestMisuse(t *testing.T) {
	table := types.NewTable()
	u32, str := table.Prim(types.U32), table.Prim(types.String)
	pair := must(table.Tuple([]*types.Type{u32, str}))
	f := &types.Func{Params: []types.Field{{Name: "a", Type: u32}, {Name: "b", Type: pair}}, Result: must(table.Result(pair, must(table.Enum([]string{"x", "y"}))))}
	for name, use := range map[string]func(r *abi.Reader, w *abi.Writer){
		"another kind is read":     func(r *abi.Reader, _ *abi.Writer) { r.U64() },
		"a list is read":           func(r *abi.Reader, _ *abi.Writer) { r.List() },
		"a record is read":         func(r *abi.Reader, _ *abi.Writer) { r.Record() },
		"too much is read":         func(r *abi.Reader, _ *abi.Writer) { r.Skip(); r.Skip(); r.Skip() },
		"another kind is written":  func(_ *abi.Reader, w *abi.Writer) { w.U32(1) },
		"a record is written":      func(_ *abi.Reader, w *abi.Writer) { w.Record() },
		"a list is written":        func(_ *abi.Reader, w *abi.Writer) { w.List(1) },
		"nothing is written":       func(*abi.Reader, *abi.Writer) {},
		"a payload is not written": func(_ *abi.Reader, w *abi.Writer) { w.Err() },
		"a field is not written":   func(_ *abi.Reader, w *abi.Writer) { w.OK(); w.Record() },
		"there is no such case":    func(_ *abi.Reader, w *abi.Writer) { w.Err(); w.Enum(2) },
		"too much is written":      func(_ *abi.Reader, w *abi.Writer) { w.Err(); w.Enum(1); w.Enum(1) },
		"a tree of another type":   func(_ *abi.Reader, w *abi.Writer) { w.Value(value.Value{Items: []value.Value{{}, {}, {}}}) },
		"a tree of no case":        func(_ *abi.Reader, w *abi.Writer) { w.Value(value.Value{Bits: 7}) },
		"a tree that is not in UTF8": func(_ *abi.Reader, w *abi.Writer) {
			w.OK()
			p := w.Record()
			p.U32(1)
			p.Value(value.Value{Bytes: []byte{0xff}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := abi.Lower(f, types.Sync)
			stack := make([]uint64, p.Slots())
			c := newContext(newMemory(256), abi.UTF8)
			r, w := p.ReadParams(c, stack), p.WriteResult(c, stack)
			use(&r, &w)
			var misuse *abi.MisuseError
			if err := w.End(); !errors.As(err, &misuse) {
				t.Errorf("got %v", err)
			}
			r.U32()
			w.OK()
		})
	}
}
