package wasip3_test

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasip3"
)

// TestNeeds: what a component needs follows from the functions that it imports, in any version of 0.3, and these are there.
func TestNeeds(t *testing.T) {
	there := map[abi.Import]bool{}
	for _, i := range wasip3.Interfaces() {
		for _, f := range i.Functions {
			there[abi.Import{Module: i.Name, Name: f.Name}] = true
		}
	}
	for _, tt := range []struct {
		module, function string
		want             []string
	}{
		{"wasi:cli/stdout", "write-via-stream", nil},
		{"wasi:filesystem/preopens", "get-directories", []string{"files"}},
		{"wasi:sockets/types", "[static]tcp-socket.create", nil},
		{"wasi:sockets/types", "[method]tcp-socket.receive", nil},
		{"wasi:sockets/types", "[method]tcp-socket.listen", []string{"sockets"}},
		{"wasi:sockets/types", "[method]udp-socket.bind", []string{"sockets"}},
		{"wasi:sockets/types", "[method]tcp-socket.connect", []string{"dialling"}},
		{"wasi:sockets/types", "[method]udp-socket.connect", []string{"dialling"}},
		{"wasi:sockets/types", "[method]udp-socket.send", []string{"dialling"}},
		{"wasi:sockets/ip-name-lookup", "resolve-addresses", []string{"names"}},
	} {
		if !there[abi.Import{Module: tt.module, Name: tt.function}] {
			t.Errorf("there is no %s#%s", tt.module, tt.function)
		}
		for version, want := range map[string][]string{"0.3.0": tt.want, "0.3.2": tt.want, "0.2.3": nil} {
			if got := wasip3.Needs([]abi.Import{{Module: tt.module + "@" + version, Name: tt.function}}); !slices.Equal(got, want) {
				t.Errorf("%s#%s of %s needs %v, want %v", tt.module, tt.function, version, got, want)
			}
		}
	}
}
