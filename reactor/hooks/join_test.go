package hooks

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// Every hook of both is called, those of the first before those of the second, and what neither has stays nil.
func TestJoin(t *testing.T) {
	var calls []string
	of := func(name string, fields ...int) (h Hooks) {
		for _, i := range fields {
			field := reflect.ValueOf(&h).Elem().Field(i)
			field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) []reflect.Value {
				calls = append(calls, fmt.Sprintf("%s%d", name, i))
				return nil
			}))
		}
		return h
	}
	for i := range reflect.TypeFor[Hooks]().NumField() {
		other := (i + 1) % reflect.TypeFor[Hooks]().NumField()
		for _, c := range []struct {
			a, b Hooks
			want []string
		}{
			{of("a", i), of("b", i), []string{fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)}},
			{of("a", i), of("b", other), []string{fmt.Sprintf("a%d", i)}},
			{of("a", other), of("b", i), []string{fmt.Sprintf("b%d", i)}},
			{of("a", other), of("b", other), nil},
		} {
			calls = nil
			joined := Join(c.a, c.b)
			f := reflect.ValueOf(joined).Field(i)
			if f.IsNil() != (c.want == nil) {
				t.Errorf("%s is nil: %v, want %q", reflect.TypeFor[Hooks]().Field(i).Name, f.IsNil(), c.want)
				continue
			}
			if !f.IsNil() {
				arguments := make([]reflect.Value, f.Type().NumIn())
				for n := range arguments {
					arguments[n] = reflect.Zero(f.Type().In(n))
				}
				f.Call(arguments)
			}
			if !slices.Equal(calls, c.want) {
				t.Errorf("%s calls %q, want %q", reflect.TypeFor[Hooks]().Field(i).Name, calls, c.want)
			}
		}
	}
}
