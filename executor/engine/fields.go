package engine

import (
	"reflect"
	"sync/atomic"
)

// field returns a field of the struct that v points to, through interfaces.
func field(v reflect.Value, name string) (reflect.Value, bool) {
	if v = pointedTo(v); !v.IsValid() {
		return v, false
	}
	f := v.FieldByName(name)
	return f, f.IsValid()
}

// pointedTo returns the struct that v points to, through interfaces, or the zero Value.
func pointedTo(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return reflect.Value{}
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v
}

// instanceFields are fields of wazero's instances that are looked for with each instance.
type instanceFields struct {
	state, engine, tables, segments, references, context knownField
}

func newInstanceFields() *instanceFields {
	f := &instanceFields{}
	f.state.name, f.engine.name, f.tables.name = "Sys", "Engine", "Tables"
	f.segments.name, f.references.name, f.context.name = "ElementInstances", "References", "opaquePtr"
	return f
}

// knownField is field for one name: it remembers the place. It may be used from any goroutine.
type knownField struct {
	name string
	last atomic.Pointer[fieldPlace]
}

type fieldPlace struct {
	in    reflect.Type
	index []int
}

func (k *knownField) of(v reflect.Value) (reflect.Value, bool) {
	if v = pointedTo(v); !v.IsValid() {
		return v, false
	}
	p := k.last.Load()
	if p == nil || p.in != v.Type() {
		f, ok := v.Type().FieldByName(k.name)
		if !ok {
			return reflect.Value{}, false
		}
		p = &fieldPlace{v.Type(), f.Index}
		k.last.Store(p)
	}
	return v.FieldByIndex(p.index), true
}
