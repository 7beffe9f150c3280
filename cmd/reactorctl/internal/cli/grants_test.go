package cli

import (
	"slices"
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Every kind of grant in the API has a flag that makes one.
func TestEveryGrantHasAFlag(t *testing.T) {
	examples := map[string]string{"dir": "/srv/data:/data", "listen": "127.0.0.1:0", "connect": "127.0.0.1:80",
		"dial": "*.example.org:443", "resolve": "*.example.org", "http": "GET https://example.org/api", "secret": "KEY=env:KEY", "link": "a:b/c@1.0.0=workload:shop"}
	oneof := (&reactorv1.Grant{}).ProtoReflect().Descriptor().Oneofs().ByName("grant")
	flagOf := map[string]string{}
	for _, kind := range grantKinds() {
		grant, err := kind.parse(examples[kind.flag])
		if err != nil {
			t.Errorf("--%s %q, the example of this test: %v", kind.flag, examples[kind.flag], err)
			continue
		}
		flagOf[string(grant.ProtoReflect().WhichOneof(oneof).Name())] = kind.flag
	}
	for i := range oneof.Fields().Len() {
		if name := string(oneof.Fields().Get(i).Name()); flagOf[name] == "" {
			t.Errorf("no flag grants a %s", name)
		}
	}
}

// Whatever way of writing a grant people know, revoke takes it.
func TestGrantsAreFoundInEverySpelling(t *testing.T) {
	var grants []*reactorv1.GrantStatus
	for _, g := range []struct{ flag, value string }{
		{"listen", "web=127.0.0.1:8080"}, {"connect", "db=127.0.0.1:5432,tls,alpn=h2"}, {"dial", "udp:*.example.org:53"},
		{"dir", "/srv/data:/data:ro"}, {"http", "GET,PUT https://example.org/api"}, {"resolve", "*.example.org"}, {"listen", "all=workload"},
		{"listen", "udp:127.0.0.1:9310"}, {"listen", "dns=udp:127.0.0.1:53"},
	} {
		kind := grantKinds()[slices.IndexFunc(grantKinds(), func(k grantKind) bool { return k.flag == g.flag })]
		grant, err := kind.parse(g.value)
		if err != nil {
			t.Fatal(err)
		}
		grants = append(grants, &reactorv1.GrantStatus{Grant: grant})
	}
	for want, spellings := range [][]string{
		{"0", "listen:web", "listen:127.0.0.1:8080", "listen:web=127.0.0.1:8080", "listen=web=127.0.0.1:8080", "--listen=web=127.0.0.1:8080",
			"--listen web=127.0.0.1:8080", "--listen 127.0.0.1:8080", "listen 127.0.0.1:8080", "listen web", "web", "127.0.0.1:8080"},
		{"1", "connect:db", "connect 127.0.0.1:5432", "--connect db=127.0.0.1:5432,tls,alpn=h2"},
		{"dial:udp:*.example.org:53", "--dial udp:*.example.org:53", "dial=udp:*.example.org:53"},
		{"dir:/data", "dir:/srv/data", "--dir /srv/data:/data:ro", "dir:/srv/../srv/data:/data:ro"},
		{"http:GET,PUT https://example.org/api", "--http=GET,PUT https://example.org/api", "http GET,PUT https://example.org/api"},
		{"resolve:*.example.org", "--resolve *.example.org"},
		{"listen:all", "listen:workload", "--listen all=workload"},
		{"listen:udp:127.0.0.1:9310", "udp:127.0.0.1:9310", "127.0.0.1:9310", "listen:127.0.0.1:9310", "--listen udp:127.0.0.1:9310"},
		{"listen:dns", "dns", "udp:127.0.0.1:53", "listen:udp:127.0.0.1:53", "--listen udp:127.0.0.1:53", "dns=udp:127.0.0.1:53"},
	} {
		for _, spelling := range spellings {
			if got, err := findGrants(grants, []string{spelling}); err != nil || !slices.Equal(got, []uint32{uint32(want)}) {
				t.Errorf("%q is %v, %v, want %d", spelling, got, err, want)
			}
		}
	}
	for _, none := range []string{"", "udp", "9310", "127.0.0.1:1"} {
		if got, err := findGrants(grants, []string{none}); err == nil {
			t.Errorf("%q is %v", none, got)
		}
	}
	if got := joinKinds([]string{"listen", "127.0.0.1:8080", "connect:db", "dial"}); !slices.Equal(got, []string{"listen:127.0.0.1:8080", "connect:db", "dial"}) {
		t.Errorf("words are joined to %q", got)
	}
}

// A program with a resolver of its own is refused datagrams to name servers.
func TestAsksNameServer(t *testing.T) {
	const udp, tcp = reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP, reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UNSPECIFIED
	for _, tt := range []struct {
		protocol reactorv1.TransportProtocol
		target   string
		want     bool
	}{
		{udp, "127.0.0.1:53", true}, {udp, "[::1]:53", true}, {udp, "127.0.0.1:5353", false}, {tcp, "127.0.0.1:53", false},
	} {
		if got := asksNameServer(&reactorv1.RefusedAccess{Protocol: tt.protocol, Target: tt.target}); got != tt.want {
			t.Errorf("%v %s: %t", tt.protocol, tt.target, got)
		}
	}
}
