package learn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/access"
	"github.com/reactord/reactord/reactor/policy"
)

// flagsOf writes grants as the command line has them.
func flagsOf(grants []grant.Grant) string {
	var words []string
	for _, g := range grants {
		name, value := g.Flag()
		words = append(words, name+" "+value)
	}
	return strings.Join(words, "; ")
}

func TestSmallest(t *testing.T) {
	dial := func(targets ...string) (list []api.RefusedAccess) {
		for _, target := range targets {
			a := api.RefusedAccess{Kind: Connect, Target: target}
			if rest, ok := strings.CutPrefix(target, "udp:"); ok {
				a.Target, a.Protocol = rest, grant.UDP
			}
			list = append(list, a)
		}
		return list
	}
	of := func(kind api.OpKind, targets ...string) (list []api.RefusedAccess) {
		for _, target := range targets {
			list = append(list, api.RefusedAccess{Kind: kind, Target: target})
		}
		return list
	}
	for _, tt := range []struct {
		name    string
		refused []api.RefusedAccess
		want    string
	}{
		{"nothing", nil, ""},
		{"a name", dial("api.example:443"), "dial api.example:443"},
		{"the same again", dial("a.example:443", "a.example:443"), "dial a.example:443"},
		{"names are not joined", dial("b.example:443", "a.example:443"), "dial a.example:443; dial b.example:443"},
		{"ports in a row", dial("a.example:8001", "a.example:8000", "a.example:8002"), "dial a.example:8000-8002"},
		{"ports with a gap", dial("a.example:80", "a.example:82"), "dial a.example:80; dial a.example:82"},
		{"protocols are apart", dial("a.example:53", "udp:a.example:53"), "dial a.example:53; dial udp:a.example:53"},
		{"a whole range", dial("8.8.8.0:53", "8.8.8.1:53", "8.8.8.2:53", "8.8.8.3:53"), "dial 8.8.8.0/30:53"},
		{"three of a range", dial("8.8.8.0:53", "8.8.8.1:53", "8.8.8.2:53"), "dial 8.8.8.0/31:53; dial 8.8.8.2:53"},
		{"neighbours of two ranges", dial("8.8.8.1:53", "8.8.8.2:53"), "dial 8.8.8.1:53; dial 8.8.8.2:53"},
		{"ranges of both", dial("8.8.8.0:80", "8.8.8.0:81", "8.8.8.1:80", "8.8.8.1:81"), "dial 8.8.8.0/31:80-81"},
		{"addresses first", dial("8.8.8.0:80", "8.8.8.0:81", "8.8.8.1:81", "8.8.8.1:82"), "dial 8.8.8.0:80-81; dial 8.8.8.1:81-82"},
		{"private ones", dial("10.0.0.0:80", "10.0.0.1:80"), "dial 10.0.0.0/31:80"},
		{"IPv6", dial("[2001:4860::]:443", "[2001:4860::1]:443", "[2001:4860::2]:443"), "dial [2001:4860::/127]:443; dial [2001:4860::2]:443"},
		{"a lookup alone", of(Resolve, "b.example", "a.example", "a.example"), "resolve a.example; resolve b.example"},
		{"a lookup that dialling includes", append(of(Resolve, "a.example", "b.example"), dial("a.example:1")...), "resolve b.example; dial a.example:1"},
		{"listeners", of(Listen, "127.0.0.1:81", "127.0.0.1:80", "127.0.0.1:80"), "listen 127.0.0.1:80; listen 127.0.0.1:81"},
		{"all addresses of IPv4", of(Listen, "127.0.0.1:80", "0.0.0.0:80", "[::1]:80"), "listen 0.0.0.0:80; listen [::1]:80"},
		{"all addresses", of(Listen, "127.0.0.1:80", "0.0.0.0:80", "[::]:80", "[::1]:81"), "listen [::1]:81; listen [::]:80"},
		{"a name at a private address", append(of(Resolve, "db.internal"), dial("10.0.0.5:5432")...), "resolve db.internal; dial 10.0.0.5:5432"},
		{"a name at a private and a public address", append(of(Resolve, "a.example"), dial("10.0.0.5:80", "a.example:80")...), "dial 10.0.0.5:80; dial a.example:80"},
		{"localhost", append(of(Resolve, "localhost"), dial("localhost:80", "localhost:81")...), "dial localhost:80-81"},
		{"localhost and its addresses", append(of(Resolve, "localhost"), dial("127.0.0.1:80", "localhost:80", "[::1]:80", "127.0.0.2:81", "udp:127.0.0.1:80")...), "dial 127.0.0.2:81; dial localhost:80; dial udp:127.0.0.1:80"},
		{"an address of localhost", append(of(Resolve, "localhost"), dial("127.0.0.1:80")...), "resolve localhost; dial 127.0.0.1:80"},
		{"requests", of(HTTP, "POST http://b.example/x", "GET http://a.example", "GET http://b.example/x", "GET http://b.example/y"), "http GET http://a.example; http GET,POST http://b.example/x; http GET http://b.example/y"},
		{"an address that a name leads to", of(HTTP, "GET http://a.example", "http://10.0.0.5:80"), "http http://10.0.0.5:80; http GET http://a.example"},
		{"all of an origin", of(HTTP, "GET http://a.example/x", "http://a.example", "PUT http://a.example"), "http http://a.example"},
		{"paths", of(File, "/data/../x"), ""},
	} {
		if got := flagsOf(Smallest(tt.refused)); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// everything is an operator that allows everything.
type everything struct{}

func (everything) Connect(string, netip.AddrPort) error { return nil }
func (everything) Listen(netip.AddrPort) error          { return nil }
func (everything) Resolve(string) error                 { return nil }
func (everything) Dial(policy.Pattern) error            { return nil }
func (everything) DialName(string) error                { return nil }
func (everything) HTTP(policy.Origin) error             { return nil }

func (everything) HTTPAt(string, string, netip.AddrPort) error { return nil }

// guest is what a program tries, by names that it has looked up.
type guest struct{ tries []func(network.Access) error }

func randomGuest(r *rand.Rand) *guest {
	g := &guest{}
	for range 1 + r.IntN(24) {
		p := network.Protocol(r.IntN(2)) //nolint:gosec // two protocols
		name := []string{"n0.example", "n1.example", "n2.example", "localhost"}[r.IntN(4)]
		addr := netip.AddrFrom4([4]byte{[]byte{8, 10, 127}[r.IntN(3)], 0, 0, byte(r.IntN(4))})
		if r.IntN(5) == 0 {
			addr = netip.AddrFrom16([16]byte{0x20, 1, 0x48, 0x60, 15: byte(r.IntN(4))})
		}
		to := netip.AddrPortFrom(addr, uint16(80+r.IntN(4)))
		var names []string // half of the addresses are known by a name, all the time
		if addr.As16()[15]%2 == 0 {
			names = []string{fmt.Sprintf("n%d.example", int(addr.As16()[12])%3)}
			if addr.IsLoopback() {
				names = []string{"localhost"}
			}
		}
		switch r.IntN(6) {
		case 0:
			g.tries = append(g.tries, func(a network.Access) error { _, err := a.Resolve(name); return err })
		case 1:
			at := to
			if r.IntN(3) == 0 {
				at = netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())
			}
			g.tries = append(g.tries, func(a network.Access) error { _, err := a.Listen(p, at); return err })
		default:
			g.tries = append(g.tries, func(a network.Access) error { _, err := a.Dial(p, to, names); return err })
		}
	}
	return g
}

// run runs the guest with grants, and returns what it is refused.
func (g *guest) run(t *testing.T, grants []grant.Grant) (refused []api.RefusedAccess) {
	t.Helper()
	leases := make([]*lease.Lease, len(grants))
	for i := range leases {
		leases[i] = lease.New("")
	}
	notes := NewRecorder(nil, false)
	a := access.New(grants, leases, everything{}, notes.Note, true)
	for _, try := range g.tries {
		if err := try(a); err != nil && !errors.Is(err, network.ErrNotGranted) {
			t.Fatal(err)
		}
	}
	refused, more := notes.Noted()
	if more {
		t.Fatal("there was more")
	}
	return refused
}

// With the smallest set a guest is refused nothing of what it tried; without any one of the set it is refused something.
func TestSmallestIsEnoughAndNeeded(t *testing.T) {
	for seed := range uint64(500) {
		g := randomGuest(rand.New(rand.NewPCG(seed, 0)))
		refused := g.run(t, nil)
		if len(refused) == 0 {
			t.Fatalf("seed %d: nothing is refused without grants", seed)
		}
		grants := Smallest(refused)
		if left := g.run(t, grants); len(left) > 0 {
			t.Fatalf("seed %d: with %s it is refused %v", seed, flagsOf(grants), left)
		}
		for i := range grants {
			fewer := append(append([]grant.Grant(nil), grants[:i]...), grants[i+1:]...)
			if left := g.run(t, fewer); len(left) == 0 {
				t.Errorf("seed %d: of %s %d can be left out", seed, flagsOf(grants), i)
			}
		}
	}
}

func TestRecorder(t *testing.T) {
	r := NewRecorder(nil, false)
	for range 3 {
		r.Note(grant.Dial{Pattern: "a:1", Protocol: grant.UDP}, "", false)
	}
	r.Note(grant.Dial{Pattern: "10.0.0.1:1"}, "a", false)
	r.NotePath("/x")
	r.Note(grant.Dial{Pattern: "a:1", Protocol: grant.UDP}, "", true)
	list, more := r.Noted()
	for i := range list {
		list[i].FirstTime = list[0].FirstTime
	}
	want := []api.RefusedAccess{
		{Kind: Connect, Target: "a:1", Protocol: grant.UDP, Count: 3}, {Kind: Connect, Target: "10.0.0.1:1", Name: "a", Count: 1}, {Kind: File, Target: "/x", Count: 1},
		{Kind: Connect, Target: "a:1", Protocol: grant.UDP, Forbidden: true, Count: 1},
	}
	for i := range want {
		want[i].FirstTime = list[0].FirstTime
	}
	if diff := cmp.Diff(want, list); diff != "" || more {
		t.Errorf("noted, more %t (-want +got):\n%s", more, diff)
	}
	if grants := flagsOf(Smallest(list)); grants != "dial 10.0.0.1:1; dial udp:a:1" {
		t.Errorf("enough would be %s", grants)
	}
	if grants := flagsOf(Smallest(list[3:])); grants != "" {
		t.Errorf("%s would be enough for what is forbidden", grants)
	}
	again := NewRecorder(list, true)
	again.NotePath("/x")
	if list, more := again.Noted(); len(list) != 4 || list[2].Count != 2 || !more {
		t.Errorf("a recorder that goes on has %v, %t", list, more)
	}
	var none *Recorder
	if list, more := none.Noted(); list != nil || more {
		t.Error("no recorder has noted something")
	}
}

func TestRecorderIsBounded(t *testing.T) {
	r := NewRecorder(nil, false)
	for i := range 10_000 {
		r.Note(grant.Resolve{Pattern: fmt.Sprint("n", i)}, "", false)
	}
	if list, more := r.Noted(); len(list) != maxRefused || !more {
		t.Errorf("%d are noted, more %t", len(list), more)
	}
	r = NewRecorder(nil, false)
	r.Few()
	for i := range 100 {
		r.Note(grant.Resolve{Pattern: fmt.Sprint("n", i)}, "", false)
	}
	if list, more := r.Noted(); len(list) != maxUnasked || !more {
		t.Errorf("%d are noted though nobody asked, more %t", len(list), more)
	}
	r = NewRecorder(nil, false)
	for i := range 200 {
		r.NotePath(fmt.Sprint(i, strings.Repeat("x", 4000)))
	}
	size := 0
	list, more := r.Noted()
	for _, a := range list {
		size += len(a.Target)
	}
	if size > maxTargetBytes || !more {
		t.Errorf("%d bytes are noted, more %t", size, more)
	}
}
