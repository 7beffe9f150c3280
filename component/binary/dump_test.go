package binary

import (
	"fmt"
	"reflect"
	"strings"
)

// dump prints a component with all that its pointers lead to, but for offsets and sizes.
func dump(v any) string {
	var b strings.Builder
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if v.IsNil() {
				b.WriteString("nil")
				return
			}
			walk(v.Elem())
		case reflect.Slice:
			b.WriteByte('[')
			for i := range v.Len() {
				walk(v.Index(i))
				b.WriteByte(' ')
			}
			b.WriteByte(']')
		case reflect.Struct:
			fmt.Fprintf(&b, "%s{", v.Type().Name())
			for i := range v.NumField() {
				if name := v.Type().Field(i).Name; name == "At" || name == "Offset" || name == "Size" {
					continue
				}
				fmt.Fprintf(&b, "%s:", v.Type().Field(i).Name)
				walk(v.Field(i))
				b.WriteByte(' ')
			}
			b.WriteByte('}')
		default:
			fmt.Fprintf(&b, "%#v", v.Interface())
		}
	}
	walk(reflect.ValueOf(v))
	return b.String()
}
