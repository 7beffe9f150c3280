package access

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

// operator allows what a policy allows.
type operator struct{ policy.Policy }

func (o operator) Connect(host string, to netip.AddrPort) error {
	return unless(o.AllowsConnect(host, to), policy.ErrConnect)
}
func (o operator) Listen(at netip.AddrPort) error {
	return unless(o.AllowsListen(at), policy.ErrListen)
}
func (o operator) Resolve(name string) error   { return unless(o.AllowsResolve(name), policy.ErrResolve) }
func (o operator) Dial(p policy.Pattern) error { return unless(o.MayDial(p), policy.ErrConnect) }
func (o operator) DialName(name string) error {
	return unless(o.MayDialName(name), policy.ErrConnect)
}
func (o operator) HTTP(origin policy.Origin) error { return unless(o.MayHTTP(origin), policy.ErrHTTP) }
func (o operator) HTTPAt(scheme, host string, to netip.AddrPort) error {
	return unless(o.AllowsHTTP(scheme, host, to), policy.ErrHTTP)
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// allowing makes an operator that allows to connect to some addresses, besides those to listen at and names.
func allowing(t *testing.T, connect ...string) operator {
	t.Helper()
	p := policy.Anything()
	p.Connect = nil
	for _, text := range connect {
		a, err := policy.ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Connect = append(p.Connect, a)
	}
	return operator{p}
}

// public is an address that names may lead to.
const public = "198.41.0.4"

func TestDial(t *testing.T) {
	grants := []grant.Grant{
		grant.Directory{HostPath: "/", GuestPath: "/"},
		grant.Dial{Pattern: "*.example:443"},
		grant.Dial{Pattern: "10.0.0.0/8:5000-5999"},
		grant.Dial{Pattern: "dns.example:53", Protocol: grant.UDP},
		grant.Connection{Address: "a.other:1"},
		grant.Listener{Address: "0.0.0.0:80"},
		grant.Resolve{Pattern: "*"},
		grant.HTTP{Origin: "http://a.other"},
	}
	for _, tt := range []struct {
		protocol  network.Protocol
		to, names string
		want      string // the grant; empty: it is refused
		enough    string // the grant that would have been enough, if it is refused for want of one, and the name it lacks
	}{
		{network.OverTCP, public + ":443", "a.example", "--dial *.example:443", ""},
		{network.OverTCP, public + ":443", "b.other a.example", "--dial *.example:443", ""},
		{network.OverTCP, public + ":443", "a.b.example", "", "dial a.b.example:443"},
		{network.OverTCP, public + ":443", "", "", "dial " + public + ":443"},
		{network.OverUDP, public + ":443", "a.example", "", "dial udp:a.example:443"},
		{network.OverUDP, public + ":53", "dns.example", "--dial udp:dns.example:53", ""},
		{network.OverTCP, public + ":53", "dns.example", "", "dial dns.example:53"},
		{network.OverTCP, "10.1.2.3:5432", "", "--dial 10.0.0.0/8:5000-5999", ""},
		{network.OverTCP, "[::ffff:10.1.2.3]:5432", "", "--dial 10.0.0.0/8:5000-5999", ""},
		{network.OverTCP, "[64:ff9b::10.1.2.3]:5432", "", "", "dial [64:ff9b::a01:203]:5432"},
		// A name that leads elsewhere by now.
		{network.OverTCP, "127.0.0.1:443", "a.example", "", "dial 127.0.0.1:443 a.example"},
		{network.OverTCP, "169.254.169.254:443", "a.example", "", "dial 169.254.169.254:443 a.example"},
		{network.OverTCP, "[::1]:443", "a.example", "", "dial [::1]:443 a.example"},
		{network.OverTCP, "[2002:7f00:1::]:443", "a.example", "", "dial [2002:7f00:1::]:443 a.example"},
		{network.OverTCP, "[fe80::1%eth0]:443", "a.example", "", ""},
		// A name that stands for its addresses.
		{network.OverTCP, "127.0.0.1:443", "localhost", "", "dial localhost:443"},
		{network.OverTCP, "127.0.0.1:443", "localhost a.example", "", "dial localhost:443"},
		{network.OverUDP, "[::1]:443", "localhost", "", "dial udp:localhost:443"},
		{network.OverTCP, "10.0.0.1:443", "localhost", "", "dial 10.0.0.1:443 localhost"},
		// Grants of other kinds let a guest dial nothing.
		{network.OverTCP, public + ":1", "a.other", "", "dial a.other:1"},
		{network.OverTCP, public + ":80", "a.other", "", "dial a.other:80"},
		{network.OverTCP, public + ":0", "a.example", "", ""},
	} {
		enough := ""
		a := with(grants, allowing(t, "*:*"), func(g grant.Grant, name string, _ bool) { enough = strings.TrimSpace(flag(g) + " " + name) })
		g, err := a.Dial(tt.protocol, netip.MustParseAddrPort(tt.to), strings.Fields(tt.names))
		if (err == nil) != (tt.want != "") || err == nil && g.String() != tt.want || err != nil && !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("dialling %s of %q: %v, %v; want %q", tt.to, tt.names, g, err, tt.want)
		}
		if enough != tt.enough {
			t.Errorf("dialling %s of %q: %q would be enough, want %q", tt.to, tt.names, enough, tt.enough)
		}
	}
}

func flag(g grant.Grant) string {
	name, value := g.Flag()
	return name + " " + value
}

// TestOperator: what the operator does not allow, or no longer, is refused whatever the grants are, and no grant would be
// enough.
func TestOperator(t *testing.T) {
	grants := []grant.Grant{grant.Dial{Pattern: "a.example:*"}, grant.Dial{Pattern: "127.0.0.1:*"}, grant.Dial{Pattern: "0.0.0.0/0:*"}}
	for _, tt := range []struct {
		allowed, to, names string
		want               bool
	}{
		{"*:443", public + ":443", "a.example", true},
		{"*:443", public + ":80", "a.example", false},
		{"a.example:443", public + ":443", "a.example", true},
		{"a.example:443", public + ":443", "", false},
		{"a.example:443", "127.0.0.1:443", "a.example", false},
		{"127.0.0.0/8:443", "127.0.0.1:443", "", true},
		{"198.41.0.0/16:443", public + ":443", "a.example", true},
		{"198.42.0.0/16:443", public + ":443", "a.example", false},
	} {
		forbidden := false
		a := with(grants, allowing(t, tt.allowed), func(g grant.Grant, _ string, no bool) {
			if forbidden = no; !no {
				t.Errorf("%s would be enough", flag(g))
			}
		})
		if _, err := a.Dial(network.OverTCP, netip.MustParseAddrPort(tt.to), strings.Fields(tt.names)); (err == nil) != tt.want {
			t.Errorf("with %s, dialling %s of %q: %v", tt.allowed, tt.to, tt.names, err)
		}
		if forbidden == tt.want {
			t.Errorf("with %s, dialling %s of %q is forbidden: %t", tt.allowed, tt.to, tt.names, forbidden)
		}
	}
}

func TestListen(t *testing.T) {
	for _, tt := range []struct {
		grant grant.Listener
		at    string
		want  bool
	}{
		{grant.Listener{Address: "127.0.0.1:80"}, "127.0.0.1:80", true},
		{grant.Listener{Address: "127.0.0.1:80"}, "[::ffff:127.0.0.1]:80", true},
		{grant.Listener{Address: "127.0.0.1:80"}, "127.0.0.1:81", false},
		{grant.Listener{Address: "127.0.0.1:80"}, "127.0.0.1:0", false},
		{grant.Listener{Address: "127.0.0.1:80"}, "0.0.0.0:80", false},
		{grant.Listener{Address: "127.0.0.1:80"}, "[::]:80", false},
		{grant.Listener{Address: "0.0.0.0:80"}, "127.0.0.1:80", true},
		{grant.Listener{Address: "0.0.0.0:80"}, "[::1]:80", false},
		{grant.Listener{Address: "[::]:80"}, "127.0.0.1:80", true},
		{grant.Listener{Address: ":80"}, "[::]:80", true},
		{grant.Listener{Address: "localhost:80"}, "[::1]:80", true},
		{grant.Listener{Address: "localhost:80"}, "10.0.0.1:80", false},
		{grant.Listener{Address: "a.example:80"}, "10.0.0.1:80", false},
		{grant.Listener{Address: "[::1]:80"}, "[::1%lo]:80", false},
		{grant.Listener{Address: "127.0.0.1:0"}, "127.0.0.1:0", true},
		{grant.Listener{Address: "127.0.0.1:0"}, "127.0.0.1:80", false},
		{grant.Listener{Address: "127.0.0.1:80", Protocol: grant.UDP}, "127.0.0.1:80", false},
		{grant.Listener{Address: "workload"}, "127.0.0.1:80", false},
	} {
		a := with([]grant.Grant{tt.grant}, allowing(t), nil)
		if _, err := a.Listen(network.OverTCP, netip.MustParseAddrPort(tt.at)); (err == nil) != tt.want {
			t.Errorf("%v, at %s: %v", tt.grant, tt.at, err)
		}
		if got := a.MayListen(network.OverTCP, netip.MustParseAddrPort(tt.at)); got != tt.want {
			t.Errorf("%v, at %s: probed: %t", tt.grant, tt.at, got)
		}
	}
	enough := ""
	a := with(nil, allowing(t), func(g grant.Grant, _ string, _ bool) { enough = flag(g) })
	if a.MayListen(network.OverUDP, netip.MustParseAddrPort("0.0.0.0:53")) || enough != "" {
		t.Errorf("a probe of what is not granted: %q would be enough", enough)
	}
	if _, err := a.Listen(network.OverUDP, netip.MustParseAddrPort("[::ffff:127.0.0.1]:53")); err == nil || enough != "listen udp:127.0.0.1:53" {
		t.Errorf("%v, %q would be enough", err, enough)
	}
	nobody, forbidden := operator{}, false
	note := func(_ grant.Grant, _ string, no bool) { forbidden = no }
	if _, err := with([]grant.Grant{grant.Listener{Address: ":80"}}, nobody, note).Listen(network.OverTCP, netip.MustParseAddrPort("[::]:80")); err == nil || !forbidden {
		t.Error("the operator was not asked")
	}
}

func TestResolve(t *testing.T) {
	grants := []grant.Grant{grant.Resolve{Pattern: "*.example"}, grant.Dial{Pattern: "db.other:1"}, grant.Dial{Pattern: "10.0.0.1:1"}}
	everything, onlyDB := allowing(t, "*:*"), allowing(t, "db.other:1")
	onlyDB.Policy.Resolve = nil
	for _, tt := range []struct {
		operator     operator
		name         string
		want, enough string // the latter if it may be looked up only because that is noted, or is forbidden
	}{
		{everything, "a.example", "--resolve *.example", ""},
		{everything, "a.b.example", "", "resolve a.b.example"},
		{everything, "db.other", "--dial db.other:1", ""},
		{everything, "10.0.0.1", "", "resolve 10.0.0.1"},
		{onlyDB, "a.example", "", "forbidden"},
		{onlyDB, "db.other", "--dial db.other:1", ""},
		{operator{}, "db.other", "", "forbidden"},
	} {
		enough := ""
		g, err := with(grants, tt.operator, func(g grant.Grant, _ string, no bool) {
			if enough = flag(g); no {
				enough = "forbidden"
			}
		}).Resolve(tt.name)
		if (err == nil) != (tt.want != "" || tt.enough != "" && tt.enough != "forbidden") || g != nil && g.String() != tt.want || enough != tt.enough {
			t.Errorf("%s: %v, %v, %q would be enough", tt.name, g, err, enough)
		}
		if _, err := with(grants, tt.operator, nil).Resolve(tt.name); (err == nil) != (tt.want != "") {
			t.Errorf("%s, if nothing is noted: %v", tt.name, err)
		}
	}
}

// TestNameToDial: a name that may not be looked up as such, and by a grant to connect to it, is not said to be forbidden.
func TestNameToDial(t *testing.T) {
	o := allowing(t, "db.other:1")
	o.Policy.Resolve = nil
	a := with(nil, o, func(g grant.Grant, _ string, forbidden bool) {
		t.Errorf("%s is noted, forbidden %t", flag(g), forbidden)
	})
	if _, err := a.Resolve("db.other"); !errors.Is(err, network.ErrNotGranted) {
		t.Error(err)
	}
}

// TestRevoke: by a grant that was revoked nothing is opened, and no other grant is said to be missing.
func TestRevoke(t *testing.T) {
	grants := []grant.Grant{grant.Resolve{Pattern: "*"}, grant.Dial{Pattern: "*.example:1"}, grant.Listener{Address: ":1"}}
	leases := leasesOf(grants)
	a := New(grants, leases, allowing(t, "*:*"), func(g grant.Grant, _ string, _ bool) { t.Errorf("%s would be enough", flag(g)) }, true)
	open := func() (errs []error) {
		_, dial := a.Dial(network.OverTCP, netip.MustParseAddrPort(public+":1"), []string{"a.example"})
		_, resolve := a.Resolve("a.example")
		_, listen := a.Listen(network.OverTCP, netip.MustParseAddrPort("0.0.0.0:1"))
		return []error{dial, resolve, listen}
	}
	for _, err := range open() {
		if err != nil {
			t.Error(err)
		}
	}
	for _, l := range leases {
		l.Revoke()
	}
	for i, err := range open() {
		if !errors.Is(err, network.ErrRevoked) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// with makes an access by grants.
func with(grants []grant.Grant, o Operator, onRefused OnRefused) *Access {
	return New(grants, leasesOf(grants), o, onRefused, onRefused != nil)
}

func leasesOf(grants []grant.Grant) (leases []*lease.Lease) {
	for _, g := range grants {
		leases = append(leases, lease.New(grant.CommandLine(g)))
	}
	return leases
}

func BenchmarkDial(b *testing.B) {
	a := with([]grant.Grant{grant.Dial{Pattern: "*.example:443"}, grant.Dial{Pattern: "10.0.0.0/8:*"}}, operator{policy.Anything()}, nil)
	to, names := netip.MustParseAddrPort(public+":443"), []string{"a.example"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Dial(network.OverTCP, to, names); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOnlyLearningLooksUp: what the guest lacks a grant for is told in any case, and names are looked up without one only
// by an access that learns.
func TestOnlyLearningLooksUp(t *testing.T) {
	for _, learns := range []bool{false, true} {
		var told []string
		a := New(nil, nil, allowing(t, "*:*"), func(g grant.Grant, _ string, _ bool) { told = append(told, flag(g)) }, learns)
		if _, err := a.Resolve("a.example"); (err == nil) != learns || len(told) != 1 {
			t.Errorf("learns %t: %v, told %q", learns, err, told)
		}
	}
}
