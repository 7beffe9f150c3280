package wasip2

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/hostcalls/wasi/wasitest"
)

// Every interface is the specification's, of version 0.2.12. Exports are not here, nor what is unstable.
func TestSpecification(t *testing.T) {
	wasitest.Compare(t, "REACTORD_WASIP2_WIT", Interfaces(), wasitest.Difference{
		Left: func(name string) bool {
			return slices.Contains([]string{"wasi:cli/run", "wasi:clocks/timezone", "wasi:http/incoming-handler"}, name)
		},
		Unstable: []string{"wasi:sockets/network#network-error-code"},
	})
}

func TestInterfacesAreWhole(t *testing.T) { wasitest.AreWhole(t, Interfaces(), 176) }
