package wasip3_test

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/hostcalls/wasi/wasitest"
	"github.com/reactord/reactord/hostcalls/wasip3"
)

// Every interface is the specification's, of version 0.3.2. Exports are not here, nor what is unstable.
func TestSpecification(t *testing.T) {
	wasitest.Compare(t, "REACTORD_WASIP3_WIT", wasip3.Interfaces(), wasitest.Difference{
		Left: func(name string) bool {
			return slices.Contains([]string{"wasi:cli/run", "wasi:http/handler", "wasi:clocks/timezone"}, name)
		},
	})
}

func TestInterfacesAreWhole(t *testing.T) { wasitest.AreWhole(t, wasip3.Interfaces(), 125) }
