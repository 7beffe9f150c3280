package engine

import (
	"reflect"
	"sync"

	"github.com/tetratelabs/wazero/api"
)

// wasiState finds what wazero keeps in each instance for its own WASI functions: arguments, clocks and a table of
// descriptors, 900 bytes in all. Guests here never call those functions, and wazero makes it without a setting.
//
// It is an exported field of a private struct, nil in the modules of the host. If there is no such field, the
// instance stays as wazero made it. TestNoWASIState fails when wazero has changed.
type wasiState struct {
	once  sync.Once
	guest reflect.Type // nil if the field was not found
	field []int
}

// find looks for the field in the type of an instance.
func (s *wasiState) find(guest reflect.Type) {
	if guest.Kind() != reflect.Pointer || guest.Elem().Kind() != reflect.Struct {
		return
	}
	field, ok := guest.Elem().FieldByName("Sys")
	if ok && field.IsExported() && field.Type.Kind() == reflect.Pointer {
		s.guest, s.field = guest, field.Index
	}
}

// drop takes it from an instance that no other goroutine knows. It reports whether the instance had it.
func (s *wasiState) drop(guest api.Module) bool {
	s.once.Do(func() { s.find(reflect.TypeOf(guest)) })
	if s.guest == nil || reflect.TypeOf(guest) != s.guest {
		return false
	}
	field := reflect.ValueOf(guest).Elem().FieldByIndex(s.field)
	if field.IsNil() {
		return false
	}
	field.SetZero()
	return true
}
