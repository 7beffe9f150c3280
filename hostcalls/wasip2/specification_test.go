package wasip2

import (
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/wasi/wasitest"
)

// Every interface is the specification's, of version 0.2.12. Exports are not here, nor HTTP, nor what is unstable.
func TestSpecification(t *testing.T) {
	wasitest.Compare(t, "REACTORD_WASIP2_WIT", Interfaces(), wasitest.Difference{
		Left: func(name string) bool {
			return strings.HasPrefix(name, "wasi:http/") || slices.Contains([]string{"wasi:cli/run", "wasi:clocks/timezone"}, name)
		},
		Unstable: []string{"wasi:sockets/network#network-error-code"},
	})
}

func TestInterfacesAreWhole(t *testing.T) { wasitest.AreWhole(t, Interfaces(), 124) }
