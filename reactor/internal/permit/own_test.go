package permit

import (
	"net"
	"net/netip"
	"testing"

	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/reactor/policy"
)

// Nobody is let to the daemon's own addresses, whatever the operator allows.
func TestOwnAddresses(t *testing.T) {
	for _, tt := range []struct {
		own, to string
		refused bool
	}{
		{"127.0.0.1:50051", "127.0.0.1:50051", true},
		{"127.0.0.1:50051", "[::ffff:127.0.0.1]:50051", true},
		{"127.0.0.1:50051", "0.0.0.0:50051", true},
		{"127.0.0.1:50051", "127.0.0.1:50052", false},
		{"127.0.0.1:50051", "127.0.0.2:50051", false},
		{"127.0.0.1:50051", "198.41.0.4:50051", false},
		{"[::1]:50051", "[::1]:50051", true},
		{"[::1]:50051", "[::]:50051", true},
		{"[::]:50051", "127.0.0.1:50051", true},
		{"[::]:50051", "127.1.2.3:50051", true},
		{"[::]:50051", "[::1]:50051", true},
		{"0.0.0.0:50051", "0.0.0.0:50051", true},
		{"0.0.0.0:50051", "198.41.0.4:50051", false},
		{"0.0.0.0:50051", "127.0.0.1:50052", false},
	} {
		p, err := New(policy.Anything(), nil, []netip.AddrPort{netip.MustParseAddrPort(tt.own)}, vfs.NewMounts())
		if err != nil {
			t.Fatal(err)
		}
		to := netip.MustParseAddrPort(tt.to)
		if err := p.Connect(to.Addr().String(), to); (err != nil) != tt.refused {
			t.Errorf("to %s, while the daemon serves at %s: %v", tt.to, tt.own, err)
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if addr := netip.MustParsePrefix(a.String()).Addr(); !isLocal(addr) {
			t.Errorf("%v is not of this machine", addr)
		}
	}
}
