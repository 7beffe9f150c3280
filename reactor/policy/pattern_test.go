package policy

import (
	"net/netip"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	const public, other = "198.41.0.4", "198.41.0.5"
	for _, tt := range []struct {
		pattern, to, names string // the names are separated by spaces
		want               bool
	}{
		{public + ":443", public + ":443", "", true},
		{public + ":443", other + ":443", "", false},
		{public + ":443", public + ":444", "", false},
		{public + ":443", "[::ffff:" + public + "]:443", "", true},
		{"[::ffff:" + public + "]:443", public + ":443", "", true},
		{public + ":*", public + ":1", "", true},
		{public + ":*", public + ":65535", "", true},
		{public + ":*", public + ":0", "", false},
		{public + ":8000-8999", public + ":8999", "", true},
		{public + ":8000-8999", public + ":9000", "", false},
		{"198.41.0.0/24:443", public + ":443", "", true},
		{"198.41.0.0/24:443", "198.41.1.4:443", "", false},
		{"[2606:4700::/32]:443", "[2606:4700::1]:443", "", true},
		{"[2606:4700::/32]:443", "[2606:4701::1]:443", "", false},

		{"a.example:443", public + ":443", "a.example", true},
		{"A.Example.:443", public + ":443", "a.example", true},
		{"bücher.example:443", public + ":443", "xn--bcher-kva.example", true},
		{"a.example:443", public + ":443", "", false},
		{"a.example:443", public + ":443", "b.example", false},
		{"a.example:443", public + ":443", "b.example a.example", true},
		{"a.example:443", public + ":444", "a.example", false},
		{"*.example:443", public + ":443", "a.example", true},
		{"*.example:443", public + ":443", "a.b.example", false}, // one label
		{"*.example:443", public + ":443", "example", false},
		{"*.example:443", public + ":443", ".example", false},
		{"*.example:443", public + ":443", "a.evil-example", false},
		{"*.example:443", public + ":443", "a.example.evil", false},

		// special addresses, by name and by address
		{"a.example:80", "127.0.0.1:80", "a.example", false},
		{"a.example:80", "10.0.0.1:80", "a.example", false},
		{"a.example:80", "169.254.169.254:80", "a.example", false},
		{"a.example:80", "[::1]:80", "a.example", false},
		{"a.example:80", "[::ffff:127.0.0.1]:80", "a.example", false},
		{"a.example:80", "[64:ff9b::7f00:1]:80", "a.example", false},
		{"a.example:80", "[64:ff9b::c629:4]:80", "a.example", true},
		{"a.example:80", "[2002:7f00:1::]:80", "a.example", false},
		{"127.0.0.1:80", "127.0.0.1:80", "", true},
		{"127.0.0.1:80", "127.0.0.2:80", "", false},
		{"127.0.0.1:80", "[::1]:80", "", false},
		{"127.0.0.1:80", "[::127.0.0.1]:80", "", false},
		{"127.0.0.1:80", "[64:ff9b::7f00:1]:80", "", false},
		{"127.0.0.1:80", "[::ffff:127.0.0.1]:80", "", true},
		{"127.0.0.1:80", "0.0.0.0:80", "", false},
		{"localhost:80", "127.0.0.1:80", "", true},
		{"localhost:80", "[::1]:80", "localhost", true},
		{"localhost:80", "10.0.0.1:80", "localhost", false},
		{"10.0.0.0/8:80", "10.1.2.3:80", "", true},
		{"10.0.0.0/16:80", "10.1.2.3:80", "", false},
		{"[fd00::/8]:80", "[fd12::1]:80", "", true},
		{"[fe80::/10]:80", "[fe80::1]:80", "", true},
		{"[fe80::/10]:80", "[fe80::1%eth0]:80", "", false}, // zones
		{"169.254.169.254:80", "169.254.169.254:80", "", true},
		{"224.0.0.0/4:80", "224.0.0.1:80", "", true},
		{"[64:ff9b::7f00:1]:80", "[64:ff9b::7f00:1]:80", "", true},
		{"[64:ff9b::/96]:80", "[64:ff9b::7f00:1]:80", "", false},
		{"[64:ff9b::7f00:0/104]:80", "[64:ff9b::7f00:1]:80", "", true},
		{"[64:ff9b::/96]:80", "[64:ff9b::c629:4]:80", "", true},

		// a range that is larger than a special one does not mean that
		{"0.0.0.0/0:80", public + ":80", "", true},
		{"0.0.0.0/0:80", "127.0.0.1:80", "", false},
		{"0.0.0.0/0:80", "10.0.0.1:80", "", false},
		{"0.0.0.0/0:80", "169.254.169.254:80", "", false},
		{"8.0.0.0/5:80", "10.0.0.1:80", "", false},
		{"169.254.0.0/16:80", "169.254.0.1:80", "", true},
		{"169.254.0.0/16:80", "169.254.169.254:80", "", false},
		{"100.64.0.0/10:80", "100.100.100.200:80", "", false},
		{"[::/0]:80", "[2606:4700::1]:80", "", true},
		{"[::/0]:80", "[::1]:80", "", false},
		{"[::/0]:80", "[fd00::1]:80", "", false},
		{"[fd00::/8]:80", "[fd00:ec2::254]:80", "", false},
		{"[::/0]:80", "[::ffff:127.0.0.1]:80", "", false},
	} {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := p.Covers(netip.MustParseAddrPort(tt.to), strings.Fields(tt.names)); got != tt.want {
			t.Errorf("%s covers %s of %q: %t", tt.pattern, tt.to, tt.names, got)
		}
		if again, err := ParsePattern(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%s is written %s, which is %v, %v", tt.pattern, p, again, err)
		}
	}
	for _, bad := range []string{
		"", "a", "a:", "a:0", "a:0-5", "a:5-4", "a:65536", "*:80", ":80", "a b:80", "a..b:80", "*a:80", "a.*.b:80", "*.*.b:80",
		"127.1:80", "0177.0.0.1:80", "0x7f.0.0.1:80", "0x7f000001:80", "2130706433:80", "127.0.0.01:80", "[fe80::1%eth0]:80", "[::ffff:10.0.0.0/104]:80",
		"10.0.0.0/33:80", "10.0.0.0/:80", "[fd00::/129]:80", "a/8:80", "a:http", "a:1,2", "-a:80", strings.Repeat("a", 64) + ":80",
	} {
		if p, err := ParsePattern(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, p)
		}
	}
	for bad, says := range map[string]string{
		"10.0.0.0/33:80": `"33" is no prefix length, which is from 0 to 32`, "[fd00::/129]:80": `"129" is no prefix length, which is from 0 to 128`,
		"a/8:80": `"a" is no address`, "[::ffff:10.0.0.0/104]:80": "write it as IPv4", "10.0.0/8:1": `"10.0.0" is no address`,
	} {
		if _, err := ParsePattern(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v does not say %q", bad, err, says)
		}
	}
}

// TestSingle: only an address and a port of their own are one.
func TestSingle(t *testing.T) {
	for pattern, want := range map[string]string{
		"127.0.0.1:80":          "127.0.0.1:80",
		"127.0.0.1/32:80":       "127.0.0.1:80",
		"[::ffff:127.0.0.1]:80": "127.0.0.1:80",
		"[::1]:80-80":           "[::1]:80",
		"127.0.0.1:80-81":       "",
		"127.0.0.1:*":           "",
		"127.0.0.0/31:80":       "",
		"localhost:80":          "",
		"a.example:80":          "",
		"*.example:80":          "",
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if at, ok := p.Single(); ok {
			got = at.String()
		}
		if got != want {
			t.Errorf("%s is %q, want %q", pattern, got, want)
		}
	}
}

func TestMayDial(t *testing.T) {
	for _, tt := range []struct {
		allowed, pattern string
		want             bool
	}{
		{"*:*", "a.example:443", true},
		{"*:*", "0.0.0.0/0:*", true},
		{"*:443", "a.example:443", true},
		{"*:443", "a.example:*", false},
		{"*:443", "a.example:443-444", false},
		{"10.0.0.0/8:*", "10.1.0.0/16:1-5", true},
		{"10.1.0.0/16:*", "10.0.0.0/8:1", false}, // not all of it
		{"10.0.0.0/8:*", "11.0.0.1:1", false},
		{"10.0.0.0/8:5432", "db.example:5432", true}, // the name may lead there
		{"10.0.0.0/8:5432", "db.example:5433", false},
		{"*.example:443", "a.example:443", true},
		{"*.example:443", "a.b.example:443", true}, // the operator's, which is any label
		{"*.example:443", "*.example:443", true},
		{"*.example:443", "*.b.example:443", true},
		{"*.b.example:443", "*.example:443", false},
		{"a.example:443", "*.example:443", false},
		{"example:443", "*.example:443", false},
		{"a.example:443", "198.41.0.4:443", false},
	} {
		allowed, err := ParseAddress(tt.allowed)
		if err != nil {
			t.Fatal(err)
		}
		pattern, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Policy{Connect: []Address{allowed}}).MayDial(pattern); got != tt.want {
			t.Errorf("%s allows %s: %t", tt.allowed, tt.pattern, got)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		pattern, name     string
		one, any, include bool // as a grant has it, as the operator, and whether a grant of the name may be given
	}{
		{"*", "a.example", true, true, true},
		{"*", "*", false, false, true},
		{"a.example", "a.example", true, true, true},
		{"A.Example.", "a.example", true, true, true},
		{"a.example", "b.example", false, false, false},
		{"*.example", "a.example", true, true, true},
		{"*.example", "a.b.example", false, true, true},
		{"*.example", "*.b.example", false, false, true},
		{"*.example", "example", false, false, false},
		{"*.example", "a-example", false, false, false},
		{"a.example", "*", false, false, false},
		{"example", "*.example", false, false, false},
	} {
		n, err := ParseName(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		p := Policy{Resolve: []Name{n}}
		if !strings.HasPrefix(tt.name, "*") {
			if one, some := n.CoversOne(tt.name), p.AllowsResolve(tt.name); one != tt.one || some != tt.any {
				t.Errorf("%s covers %s: %t, %t", tt.pattern, tt.name, one, some)
			}
		}
		asked, err := ParseName(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.MayResolve(asked); got != tt.include {
			t.Errorf("%s allows %s: %t", tt.pattern, tt.name, got)
		}
		if again, err := ParseName(n.String()); err != nil || again != n {
			t.Errorf("%s is written %s, which is %v, %v", tt.pattern, n, again, err)
		}
	}
	for _, bad := range []string{"", ".", "*.", "**", "a b", "a.*", "127.1", "10.0.0.1", "[::1]", "a:80"} {
		if n, err := ParseName(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, n)
		}
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		allowed, origin string
		want            bool
	}{
		{"*", "https://a.example", true},
		{"https://*:*", "https://a.example:8443", true},
		{"https://*", "https://a.example:8443", false},
		{"https://*", "http://a.example", false},
		{"https://a.example", "https://A.EXAMPLE.:443", true},
		{"https://a.example", "https://b.example", false},
		{"https://*.example", "https://a.example", true},
		{"http://10.0.0.0/8:80", "http://10.1.1.1", true},
		{"http://10.1.0.0/16:80", "http://10.1.1.1", true},
		{"http://[::1]", "http://[::1]:80", true},
		{"http://[::1]", "http://[::2]", false},
		{"HTTP://localhost:8080", "http://localhost:8080/", true},
	} {
		allowed, err := ParseOrigin(tt.allowed)
		if err != nil {
			t.Errorf("%s: %v", tt.allowed, err)
			continue
		}
		origin, err := ParseOrigin(tt.origin)
		if err != nil {
			t.Errorf("%s: %v", tt.origin, err)
			continue
		}
		if got := (Policy{HTTP: []Origin{allowed}}).MayHTTP(origin); got != tt.want {
			t.Errorf("%s allows %s: %t", tt.allowed, tt.origin, got)
		}
		if again, err := ParseOrigin(origin.String()); err != nil || again.String() != origin.String() {
			t.Errorf("%s is written %s, which is %v, %v", tt.origin, origin, again, err)
		}
	}
	for _, bad := range []string{
		"", "a", "ftp://a", "http://", "http://a/b", "http://u@a", "http://a?b", "http://a#b", "http://::1", "http://[::1", "http://a:b", "https:a",
		"http://127.1", "http://0x7f000001", "http://a\\b",
	} {
		if o, err := ParseOrigin(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, o)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, tt := range []struct {
		allowed, ref string
		want         bool
	}{
		{"file:/run/secrets", "file:/run/secrets/db", true},
		{"file:/run/secrets/*", "file:/run/secrets/db", true},
		{"file:/run/secrets/*", "file:/run/secrets/..2026/db", true},
		{"file:/run/secrets/*", "file:/run/other", false},
		{"file:/run/secrets/db", "file:/run/secrets/db2", false},
		{"file:/run/secrets", "env:DB", false},
		{"env:DB", "env:DB", true},
		{"env:DB", "env:DB2", false},
		{"env:DB_*", "env:DB_PASSWORD", true},
		{"env:*", "file:/a", false},
	} {
		allowed, err := ParseReferences(tt.allowed)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := ParseReference(tt.ref)
		if err != nil {
			t.Fatal(err)
		}
		p := Policy{Secrets: []References{allowed}}
		got := ref.File != "" && p.AllowsFile(ref.File, asItIs) || ref.Variable != "" && p.AllowsVariable(ref.Variable)
		if got != tt.want {
			t.Errorf("%s allows %s: %t", tt.allowed, tt.ref, got)
		}
		if allowed.String() != tt.allowed || ref.String() != tt.ref {
			t.Errorf("%s and %s are written %v and %v", tt.allowed, tt.ref, allowed, ref)
		}
	}
	for _, bad := range []string{"", "file:", "file:a", "env:", "env:A=B", "/a", "http://a", "file:/a\x00", "file:/a/../b", "env:["} {
		if r, err := ParseReferences(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, r)
		}
	}
	if p := Anything(); p.AllowsFiles() || p.AllowsVariable("PATH") {
		t.Error("secrets are allowed by default")
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"a:*", "10.0.0.0/8:1-2", "[fd00::/8]:443", "*.example.org:443", "localhost:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err != nil {
			return
		}
		if again, err := ParsePattern(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%q is written %q, which is %v, %v", s, p, again, err)
		}
	})
}

func FuzzParseOrigin(f *testing.F) {
	for _, s := range []string{"*", "http://a", "https://*.a:1-2", "http://[::1]:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseOrigin(s)
		if err != nil {
			return
		}
		if again, err := ParseOrigin(o.String()); err != nil || again.String() != o.String() {
			t.Errorf("%q is written %q, which is %v, %v", s, o, again, err)
		}
	})
}

// What the error for a pattern of every host tells to give instead is accepted.
func TestAdviceForEveryHost(t *testing.T) {
	_, err := ParsePattern("*:80")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, host := range []string{"0.0.0.0/0", "[::/0]"} {
		if _, fault := ParsePattern(host + ":80"); fault != nil || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v; the advice is: %v", host, fault, err)
		}
	}
}
