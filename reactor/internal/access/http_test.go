package access

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp/client"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

// allowingHTTP makes an operator that allows requests to some origins.
func allowingHTTP(t *testing.T, origins ...string) operator {
	t.Helper()
	p := policy.Anything()
	p.HTTP = nil
	for _, text := range origins {
		o, err := policy.ParseOrigin(text)
		if err != nil {
			t.Fatal(err)
		}
		p.HTTP = append(p.HTTP, o)
	}
	return operator{p}
}

func TestHTTPRequest(t *testing.T) {
	grants := []grant.Grant{
		grant.Dial{Pattern: "*.dialled.example:*"},
		grant.HTTP{Origin: "https://api.example", Methods: []string{"GET", "HEAD"}, PathPrefix: "/v1/"},
		grant.HTTP{Origin: "http://*.wild.example:8080"},
		grant.HTTP{Origin: "http://10.0.0.0/8"},
	}
	for _, tt := range []struct {
		scheme, host string
		port         uint16
		method, path string
		enough       string // empty: it is granted
	}{
		{"https", "api.example", 443, "GET", "/v1", ""},
		{"https", "api.example", 443, "HEAD", "/v1/x/y", ""},
		{"https", "api.example", 443, "GET", "/v1/", ""},
		{"https", "api.example", 443, "GET", "/v10", "http GET https://api.example/v10"},
		{"https", "api.example", 443, "POST", "/v1/x", "http POST https://api.example/v1/x"},
		{"https", "api.example", 443, "GET", "/", "http GET https://api.example"},
		{"https", "api.example", 443, "GET", "/v1/../x", "http GET https://api.example"},
		{"https", "api.example", 443, "GET", "/v1/..;a/x", "http GET https://api.example"},
		{"https", "api.example", 443, "GET", `/v1/..\x`, "http GET https://api.example"},
		{"https", "api.example", 443, "OPTIONS", "*", "http OPTIONS https://api.example"},
		{"http", "api.example", 443, "GET", "/v1", "http GET http://api.example:443/v1"},
		{"https", "api.example", 8443, "GET", "/v1", "http GET https://api.example:8443/v1"},
		{"https", "x.api.example", 443, "GET", "/v1", "http GET https://x.api.example/v1"},
		{"http", "a.wild.example", 8080, "odd", "/a b", ""},
		{"http", "a.wild.example", 80, "odd", "/a b", "http http://a.wild.example/a%20b"},
		{"http", "a.dialled.example", 80, "GET", "/", "http GET http://a.dialled.example"},
		{"http", "10.1.2.3", 80, "GET", "/", ""},
		{"http", "11.1.2.3", 80, "GET", "/é", "http GET http://11.1.2.3/%C3%A9"},
	} {
		target := &client.Target{Method: tt.method, Scheme: tt.scheme, Host: tt.host, Port: tt.port, Path: tt.path}
		enough := ""
		a := with(grants, allowingHTTP(t, "*"), func(g grant.Grant, _ string, forbidden bool) {
			if forbidden {
				t.Errorf("%+v is forbidden", target)
			}
			enough = flag(g)
		})
		if _, err := a.Request(target); enough != tt.enough || (err == nil) != (tt.enough == "") {
			t.Errorf("%+v: %v, %q would be enough, want %q", target, err, enough, tt.enough)
		}
		if tt.enough == "" {
			continue
		}
		value, _ := strings.CutPrefix(tt.enough, "http ")
		g := grant.HTTP{Origin: value}
		if methods, origin, ok := strings.Cut(value, " "); ok {
			g = grant.HTTP{Origin: origin, Methods: []string{methods}}
		}
		if at := strings.Index(g.Origin[8:], "/"); at >= 0 {
			g.Origin, g.PathPrefix = g.Origin[:8+at], g.Origin[8+at:]
		}
		if _, err := with([]grant.Grant{g}, allowingHTTP(t, "*"), nil).Request(target); err != nil {
			t.Errorf("%s is not enough for %+v: %v", tt.enough, target, err)
		}
	}
}

// A name leads to no special address, neither for the grants nor for the operator, unless that is granted and allowed as such.
func TestHTTPConnect(t *testing.T) {
	byName := grant.HTTP{Origin: "http://a.example"}
	for _, tt := range []struct {
		grants    []grant.Grant
		allowed   string
		host, to  string
		want      bool
		forbidden bool
	}{
		{[]grant.Grant{byName}, "*", "a.example", public + ":80", true, false},
		{[]grant.Grant{byName}, "http://*.example", "a.example", public + ":80", true, false},
		{[]grant.Grant{byName}, "*", "a.example", "127.0.0.1:80", false, false},
		{[]grant.Grant{byName}, "*", "a.example", "169.254.169.254:80", false, false},
		{[]grant.Grant{byName}, "*", "a.example", "[::1]:80", false, false},
		{[]grant.Grant{byName}, "http://*.example", "a.example", "10.0.0.1:80", false, true},
		{[]grant.Grant{byName, grant.HTTP{Origin: "http://10.0.0.1"}}, "*", "a.example", "10.0.0.1:80", true, false},
		{[]grant.Grant{byName, grant.HTTP{Origin: "http://10.0.0.1"}}, "http://*.example", "a.example", "10.0.0.1:80", false, true},
		{[]grant.Grant{byName, grant.HTTP{Origin: "https://10.0.0.1:80"}}, "*", "a.example", "10.0.0.1:80", false, false},
		{[]grant.Grant{byName, grant.Dial{Pattern: "10.0.0.1:80"}}, "*", "a.example", "10.0.0.1:80", true, false},
		{[]grant.Grant{grant.HTTP{Origin: "http://localhost:80"}}, "*", "localhost", "127.0.0.1:80", true, false},
		{[]grant.Grant{grant.HTTP{Origin: "http://127.0.0.1:80"}}, "http://127.0.0.0/8:*", "127.0.0.1", "127.0.0.1:80", true, false},
		{[]grant.Grant{grant.HTTP{Origin: "http://127.0.0.1:80"}}, "http://127.0.0.0/8:*", "127.0.0.1", "[::ffff:127.0.0.1]:80", true, false},
	} {
		forbidden := false
		a := with(tt.grants, allowingHTTP(t, tt.allowed), func(_ grant.Grant, _ string, no bool) { forbidden = no })
		err := a.Connect(&client.Target{Method: "GET", Scheme: "http", Host: tt.host, Port: 80, Path: "/"}, netip.MustParseAddrPort(tt.to))
		if (err == nil) != tt.want || forbidden != tt.forbidden {
			t.Errorf("%v, with %s allowed, %s at %s: %v, forbidden %t", tt.grants, tt.allowed, tt.host, tt.to, err, forbidden)
		}
	}
}

func TestHTTPOperator(t *testing.T) {
	forbidden := false
	a := with([]grant.Grant{grant.HTTP{Origin: "http://a.example"}}, allowingHTTP(t, "https://a.example"), func(_ grant.Grant, _ string, no bool) { forbidden = no })
	if _, err := a.Request(&client.Target{Method: "GET", Scheme: "http", Host: "a.example", Port: 80, Path: "/"}); !errors.Is(err, network.ErrNotGranted) || !forbidden {
		t.Errorf("what is not allowed: %v, forbidden %t", err, forbidden)
	}
}
