package engine

import (
	"errors"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
)

// TestFunctionsTimesExports: wazero compares each function with each export.
func TestFunctionsTimesExports(t *testing.T) {
	for _, tt := range []struct {
		functions, exports int
		refused            bool
	}{
		{1 << 14, 1 << 15, false},
		{1<<14 + 1, 1 << 15, true},
		{1_000_000, 500, false},
		{1_000_000, 600, true},
	} {
		err := checkExports(&meter.Info{FunctionCount: tt.functions, Exports: make([]meter.Export, tt.exports)})
		fault, refused := errors.AsType[*meter.Error](err)
		if refused != tt.refused || refused && fault.Kind != meter.TooLarge {
			t.Errorf("%d functions with %d exports: %v", tt.functions, tt.exports, err)
		}
	}
}
