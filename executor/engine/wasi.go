package engine

import (
	"reflect"

	"github.com/tetratelabs/wazero/api"
)

// dropWASIState takes from an instance, which no other goroutine knows, what wazero keeps in each for its own WASI
// functions: arguments, clocks and a table of descriptors, 900 bytes in all. Guests here never call those functions, and
// wazero makes it without a setting. It reports whether the instance had it.
//
// It is an exported field of a private struct, nil in the modules of the host. If there is no such field, the
// instance stays as wazero made it. TestNoWASIState fails when wazero has changed.
func (f *instanceFields) dropWASIState(guest api.Module) bool {
	state, ok := f.state.of(reflect.ValueOf(guest))
	if !ok || state.Kind() != reflect.Pointer || !state.CanSet() || state.IsNil() {
		return false
	}
	state.SetZero()
	return true
}
