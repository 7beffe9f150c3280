package wasip2

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
)

// TestNeeds: what a component needs follows from the functions that it imports, in any version of 0.2.
func TestNeeds(t *testing.T) {
	for _, tt := range []struct {
		imports []abi.Import
		want    []string
	}{
		{nil, nil},
		{[]abi.Import{{Module: "wasi:cli/stdout@0.2.0", Name: "get-stdout"}, {Module: "wasi:sockets/tcp@0.2.3", Name: "[method]tcp-socket.shutdown"}}, nil},
		{[]abi.Import{{Module: "wasi:filesystem/preopens@0.2.12", Name: "get-directories"}}, []string{"files"}},
		{[]abi.Import{{Module: "wasi:sockets/tcp@0.2.0", Name: "[method]tcp-socket.start-listen"}}, []string{"sockets"}},
		{[]abi.Import{{Module: "wasi:sockets/tcp@0.2.0", Name: "[method]tcp-socket.start-connect"}}, []string{"dialling"}},
		{[]abi.Import{{Module: "wasi:sockets/udp@0.2.0", Name: "[method]udp-socket.start-bind"}, {Module: "wasi:sockets/udp@0.2.0", Name: "[method]udp-socket.stream"},
			{Module: "wasi:sockets/ip-name-lookup@0.2.0", Name: "resolve-addresses"}}, []string{"sockets", "dialling", "names"}},
	} {
		if got := Needs(tt.imports); !slices.Equal(got, tt.want) {
			t.Errorf("%v needs %v, want %v", tt.imports, got, tt.want)
		}
	}
}
