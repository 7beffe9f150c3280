package network_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// witness is an access that notes what it is told.
type witness struct {
	access
	told []string
}

func (w *witness) OnFailure(kind hostcalls.OpKind, target string, err error) {
	w.told = append(w.told, fmt.Sprintf("%v %s: %v", kind, target, err))
}

// TestWitness: an Access is told what a process did not get, and why, and nothing of what it got.
func TestWitness(t *testing.T) {
	onFiber(t, func(c *hostcalls.Call, _ *driver.Driver) {
		s := networktest.New()
		listen(t, s, server)
		const refusing, elsewhere = "10.0.0.8:1", "10.0.0.9:1"
		s.Name("gone.org", networktest.Answer{Err: errors.New("no such name")})
		w := &witness{access: access{
			dial:    map[string]*permit{server: {}, refusing: {}},
			resolve: map[string]*permit{"gone.org": {}},
		}}
		n := network.New(network.Config{Stack: s, Access: w})
		if _, err := connect(t, n, server); err != nil {
			t.Error(err)
		}
		if _, err := connect(t, n, refusing); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens there: %v", err)
		}
		if _, err := connect(t, n, elsewhere); !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("no grant: %v", err)
		}
		u, err := n.UDP(network.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.WriteTo([]byte("x"), addrPort(elsewhere)); !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("no grant for datagrams: %v", err)
		}
		if err := u.Bind(addrPort(server)); !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("no grant to bind: %v", err)
		}
		_ = u.Close()
		for _, name := range []string{"gone.org", "other.org"} {
			if _, err := n.Resolve(c, network.AnyFamily, name); err == nil {
				t.Errorf("%s was found", name)
			}
		}
		want := []string{
			"connect 10.0.0.8:1: connection refused",
			"connect 10.0.0.9:1: network: no grant covers it",
			"connect udp:10.0.0.9:1: network: no grant covers it",
			"listen udp:10.0.0.7:5432: network: no grant covers it",
			"resolve gone.org: no such name",
			"resolve other.org: network: no grant covers it",
		}
		if diff := cmp.Diff(want, w.told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}
