package policy

import (
	"errors"
	"net/netip"
	"testing"
)

func TestAllowsDir(t *testing.T) {
	links := map[string]string{"/link": "/mnt/disk", "/var/run": "/run"}
	resolve := func(path string) (string, error) {
		if target, ok := links[path]; ok {
			return target, nil
		}
		if path == "/gone" {
			return "", errors.New("no such file")
		}
		return path, nil
	}
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"/", "/", true},
		{"/", "/etc", true},
		{"/data", "/data", true},
		{"/data", "/data/x/y", true},
		{"/data/", "/data/x", true},
		{"/data", "/database", false},
		{"/data", "/", false},
		{"/data/x", "/data", false},
		{"/data", "/etc", false},
		{"/home/*/data", "/home/ada/data", true},
		{"/home/*/data", "/home/ada/data/x", true},
		{"/home/*/data", "/home/ada/x/data", false},
		{"/home/*/data", "/home/data", false},
		{"/home/*", "/home", false},
		{"/home/*", "/home/ada/private", true},
		{"/*", "/", false},
		{"/srv/v[12]", "/srv/v2/x", true},
		{"/srv/v[12]", "/srv/v3", false},
		{"/srv/a?", "/srv/a/b", false},
		{"/link", "/mnt/disk/x", true},
		{"/link", "/link/x", false}, // what is asked has no links left, so this is another folder
		{"/var/run/*", "/run/x", true},
		{"/gone", "/gone/x", true},
	} {
		d, err := ParseDir(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := (Policy{Dirs: []Dir{d}}).AllowsDir(tt.path, resolve); got != tt.want {
			t.Errorf("%s covers %s: %t, want %t", tt.pattern, tt.path, got, tt.want)
		}
	}
	for _, bad := range []string{"", "data", "./data", "~/data", "/a/../b", "/a/[b"} {
		if _, err := ParseDir(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestAllowsConnect(t *testing.T) {
	for _, tt := range []struct {
		pattern, host, to string
		want              bool
	}{
		{"*:*", "anything", "10.0.0.1:1", true},
		{"*:*", "anything", "127.0.0.1:1", true},
		{"*:443", "a", "10.0.0.1:443", true},
		{"*:443", "a", "10.0.0.1:444", false},
		{"*:8000-8999", "a", "10.0.0.1:8999", true},
		{"*:8000-8999", "a", "10.0.0.1:9000", false},
		{"10.0.0.1:80", "10.0.0.1", "10.0.0.1:80", true},
		{"10.0.0.1:80", "10.0.0.1", "10.0.0.2:80", false},
		{"10.0.0.1:80", "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:80", true}, // the same host, written otherwise
		{"::ffff:10.0.0.1:80", "x", "10.0.0.1:80", false},                // not HOST:PORT
		{"[::ffff:10.0.0.1]:80", "x", "10.0.0.1:80", true},
		{"10.0.0.0/8:*", "db", "10.200.0.1:5432", true},
		{"10.0.0.0/8:*", "db", "11.0.0.1:5432", false},
		{"[fd00::/8]:*", "db", "[fd12::1]:5432", true},
		{"[fe80::/10]:*", "fe80::1%eth0", "[fe80::1%eth0]:80", true},
		{"0.0.0.0/0:*", "x", "127.0.0.1:80", true}, // the operator says so
		{"0.0.0.0/0:*", "x", "[::1]:80", false},

		{"example.org:443", "example.org", "198.41.0.4:443", true},
		{"example.org:443", "EXAMPLE.ORG.", "198.41.0.4:443", true},
		{"example.org:443", "www.example.org", "198.41.0.4:443", false},
		{"example.org:443", "evilexample.org", "198.41.0.4:443", false},
		{"example.org:443", "192.0.2.1", "198.41.0.4:443", false},
		{"*.example.org:443", "www.example.org", "198.41.0.4:443", true},
		{"*.example.org:443", "a.b.example.org", "198.41.0.4:443", true},
		{"*.example.org:443", "example.org", "198.41.0.4:443", false},
		{"*.example.org:443", "evil-example.org", "198.41.0.4:443", false},
		{"*.example.org:443", ".example.org", "198.41.0.4:443", false},

		// a name that leads where only an address should
		{"example.org:443", "example.org", "127.0.0.1:443", false},
		{"example.org:443", "example.org", "[::1]:443", false},
		{"example.org:443", "example.org", "[::ffff:127.0.0.1]:443", false},
		{"example.org:443", "example.org", "0.0.0.0:443", false},
		{"example.org:443", "example.org", "169.254.169.254:443", false},
		{"example.org:443", "example.org", "[fe80::1]:443", false},
		{"example.org:443", "example.org", "224.0.0.1:443", false},
		{"example.org:443", "example.org", "10.0.0.1:443", false},

		{"localhost:80", "localhost", "127.0.0.1:80", true},
		{"localhost:80", "localhost", "[::1]:80", true},
		{"localhost:80", "127.0.0.1", "127.0.0.1:80", true},
		{"localhost:80", "localhost", "198.41.0.4:80", true}, // the daemon's own resolver says so
	} {
		a, err := ParseAddress(tt.pattern)
		if err != nil {
			if tt.want {
				t.Errorf("%s: %v", tt.pattern, err)
			}
			continue
		}
		if got := (Policy{Connect: []Address{a}}).AllowsConnect(tt.host, netip.MustParseAddrPort(tt.to)); got != tt.want {
			t.Errorf("%s covers %s at %s: %t, want %t", tt.pattern, tt.host, tt.to, got, tt.want)
		}
		if again, err := ParseAddress(a.String()); err != nil || again.String() != a.String() {
			t.Errorf("%s is written %s, which is %v, %v", tt.pattern, a, again, err)
		}
	}
	for _, bad := range []string{"", "*", "80", ":80", "a", "a:b", "a:1-", "a:2-1", "a:65536", "a:-1", "a*b:1", "*.*.org:1", "10.0.0.0/33:1", "10.0.0/8:1", "[::ffff:10.0.0.0/104]:1", "a b:1", "[fe80::1%eth0]:1"} {
		if a, err := ParseAddress(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, a)
		}
	}
}

func TestAllowsListen(t *testing.T) {
	for _, tt := range []struct {
		pattern, at string
		want        bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", true},
		{"127.0.0.1:8080", "0.0.0.0:8080", false},
		{"127.0.0.1:8080", "127.0.0.1:0", false},
		{"127.0.0.1:*", "127.0.0.1:0", true},
		{"127.0.0.1:1024-65535", "127.0.0.1:0", false},
		{"0.0.0.0:8080", "0.0.0.0:8080", true},
		{"0.0.0.0:8080", "[::]:8080", false}, // both kinds
		{"*:8080", "[::]:8080", true},
		{"localhost:*", "[::1]:1", true},
	} {
		a, err := ParseAddress(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Policy{Listen: []Address{a}}).AllowsListen(netip.MustParseAddrPort(tt.at)); got != tt.want {
			t.Errorf("%s covers %s: %t, want %t", tt.pattern, tt.at, got, tt.want)
		}
	}
}

// What is refused at once is what no resolution could make right.
func TestMay(t *testing.T) {
	for _, tt := range []struct {
		pattern, host string
		port          uint16
		want          bool
	}{
		{"10.0.0.0/8:80", "10.1.1.1", 80, true},
		{"10.0.0.0/8:80", "11.1.1.1", 80, false},
		{"10.0.0.0/8:80", "somewhere", 80, true},
		{"10.0.0.0/8:80", "somewhere", 81, false},
		{"example.org:80", "example.org", 80, true},
		{"example.org:80", "example.com", 80, false},
		{"example.org:80", "192.0.2.1", 80, false},
		{"*:80", "", 80, true},
		{"127.0.0.1:80", "", 80, false},
	} {
		a, err := ParseAddress(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Policy{{Listen: []Address{a}}, {Connect: []Address{a}}} {
			listen, connect := p.MayListen(tt.host, tt.port), p.MayConnect(tt.host, tt.port)
			if got := listen || connect; got != tt.want || listen && connect {
				t.Errorf("%s may cover %q:%d: %t, want %t", tt.pattern, tt.host, tt.port, got, tt.want)
			}
		}
	}
}

func TestAnythingAndNothing(t *testing.T) {
	at := netip.MustParseAddrPort("[::]:0")
	for _, tt := range []struct {
		policy Policy
		want   bool
	}{{Anything(), true}, {Policy{}, false}} {
		p := tt.policy
		if p.AllowsDir("/", nil) != tt.want || p.AllowsListen(at) != tt.want || p.AllowsConnect("x", at) != tt.want ||
			p.MayListen("x", 0) != tt.want || p.MayConnect("", 1) != tt.want {
			t.Errorf("%+v does not say %t to all", p, tt.want)
		}
	}
	for _, a := range Anything().Listen {
		if again, err := ParseAddress(a.String()); err != nil || again.String() != "*:*" {
			t.Errorf("%v, %v", again, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"*:*", "10.0.0.0/8:1-2", "[fd00::/8]:443", "*.example.org:443", "localhost:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if again, err := ParseAddress(a.String()); err != nil || again.String() != a.String() {
			t.Errorf("%q is written %q, which is %v, %v", s, a, again, err)
		}
	})
}

// What covers a path by how it is written leaves other patterns alone: their file systems may not answer.
func TestAllowsDirLooksNearbyFirst(t *testing.T) {
	var p Policy
	for _, pattern := range []string{"/mnt/dead", "/srv"} {
		d, err := ParseDir(pattern)
		if err != nil {
			t.Fatal(err)
		}
		p.Dirs = append(p.Dirs, d)
	}
	resolve := func(path string) (string, error) {
		if path != "/srv" {
			t.Errorf("%s was looked up", path)
		}
		return path, nil
	}
	if !p.AllowsDir("/srv/x", resolve) {
		t.Error("/srv/x is not allowed")
	}
}
