package policy

import "testing"

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		before, after string
		want          bool
	}{
		{"/", "/srv", true},
		{"/", "/", true},
		{"/srv", "/", false},
		{"/srv", "/srv", true},
		{"/srv", "/srv/a", true},
		{"/srv", "/srv/*/b", true},
		{"/srv/a", "/srv", false},
		{"/srv", "/srvices", false},
		{"/home/*/public", "/home/ada/public/x", true},
		{"/home/*/public", "/home/*/public", true},
		{"/home/*/public", "/home/*", false},
		{"/home/ada", "/home/*", false},
		{"/home/a*", "/home/ada", true},
		{"/home/?", "/home/*", false},
	} {
		before, after := mustDir(t, tt.before), mustDir(t, tt.after)
		if got := (Policy{Dirs: []Dir{before}}).CoversDirs(Policy{Dirs: []Dir{after}}); got != tt.want {
			t.Errorf("%s covers %s: %v", tt.before, tt.after, got)
		}
	}
	for _, tt := range []struct {
		before, after string
		want          bool
	}{
		{"*:*", "example.org:443", true},
		{"*:80", "*:*", false},
		{"*:80-89", "*:81", true},
		{"10.0.0.0/8:*", "10.1.0.0/16:5432", true},
		{"10.1.0.0/16:*", "10.0.0.0/8:*", false},
		{"10.0.0.0/8:*", "[fd00::/8]:*", false},
		{"127.0.0.0/8:*", "localhost:*", false}, // which is ::1, too
		{"localhost:*", "127.0.0.1:80", true},
		{"*.example.org:443", "a.example.org:443", true},
		{"*.example.org:443", "*.a.example.org:443", true},
		{"*.example.org:443", "example.org:443", false},
		{"a.example.org:443", "*.example.org:443", false},
		{"example.org:443", "*.example.org:443", false},
		{"*.a.example.org:443", "*.example.org:443", false},
		{"*.example.org:443", "*.an-example.org:443", false},
		{"example.org:443", "10.0.0.1:443", false},
		{"10.0.0.1:443", "*:443", false},
	} {
		before, after := mustAddress(t, tt.before), mustAddress(t, tt.after)
		p, q := Policy{Listen: []Address{before}, Connect: []Address{before}}, Policy{Listen: []Address{after}, Connect: []Address{after}}
		if listen, connect := p.CoversListen(q), p.CoversConnect(q); listen != tt.want || connect != tt.want {
			t.Errorf("%s covers %s: %v, %v", tt.before, tt.after, listen, connect)
		}
	}
	if !(Policy{}).CoversDirs(Policy{}) || (Policy{}).CoversListen(Anything()) || !Anything().CoversConnect(Policy{}) {
		t.Error("of nothing")
	}
}

func mustDir(t *testing.T, s string) Dir {
	t.Helper()
	d, err := ParseDir(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustAddress(t *testing.T, s string) Address {
	t.Helper()
	a, err := ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
