package component

import (
	"testing"

	"github.com/reactord/reactord/component/types"
)

// Connections are handles of the host's type, by whatever version of its track a component imports it, and of no other.
func TestConnectionType(t *testing.T) {
	c := ConnectionType{Interface: "wasi:sockets/types", Track: "0.3", Name: "tcp-socket"}
	for _, tt := range []struct {
		kind       types.Kind
		from, name string
		want       bool
	}{
		{types.Own, "wasi:sockets/types@0.3.0", "tcp-socket", true},
		{types.Own, "wasi:sockets/types@0.3.2", "tcp-socket", true},
		{types.Own, "wasi:sockets/types@0.3.0-rc-2025-09-16", "tcp-socket", false},
		{types.Own, "wasi:sockets/types@0.4.0", "tcp-socket", false},
		{types.Own, "wasi:sockets/types", "tcp-socket", false},
		{types.Own, "wasi:sockets/tcp@0.2.0", "tcp-socket", false},
		{types.Own, "wasi:sockets/types@0.3.0", "udp-socket", false},
		{types.Borrow, "wasi:sockets/types@0.3.0", "tcp-socket", false},
		{types.Own, "", "tcp-socket", false}, // one that a component defines
		{types.Own, "own:sockets/types@0.3.0", "tcp-socket", false},
	} {
		typ := &types.Type{Kind: tt.kind, Resource: &types.Resource{Name: tt.name, Interface: tt.from}}
		if got := c.is(typ); got != tt.want {
			t.Errorf("%v of %s#%s: %t", tt.kind, tt.from, tt.name, got)
		}
	}
	if none := (ConnectionType{}); none.is(&types.Type{Kind: types.Own, Resource: &types.Resource{}}) {
		t.Error("a host without connections has one")
	}
}
