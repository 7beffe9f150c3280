package hooks

import (
	"reflect"
	"testing"
)

func TestAny(t *testing.T) {
	if new(Hooks).Any() {
		t.Error("of no hooks there is one to be called")
	}
	for i := range reflect.TypeFor[Hooks]().NumField() {
		var h Hooks
		field := reflect.ValueOf(&h).Elem().Field(i)
		field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) []reflect.Value { return nil }))
		if !h.Any() {
			t.Errorf("%s alone counts for none", reflect.TypeFor[Hooks]().Field(i).Name)
		}
	}
}
