package endpoint

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
)

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		address string
		access  settings.Access
		want    []string // of the faults; none: it is right
	}{
		{"127.0.0.1:7070", settings.Access{}, nil},
		{"[::1]:7070", settings.Access{}, nil},
		{"unix:///run/s", settings.Access{}, nil},
		{"unix:s", settings.Access{}, nil},
		{"dns:///reactord.default.svc:7070", settings.Access{}, nil},
		{"dns:///reactord", settings.Access{}, []string{"is not an address"}},
		{"", settings.Access{}, []string{"is not an address"}},
		{"host", settings.Access{}, []string{"is not an address"}},
		{":7070", settings.Access{}, []string{"is not an address"}},
		{"host:70700", settings.Access{}, []string{`"70700" is not a port`}},
		{"unix:", settings.Access{}, []string{"has no path"}},
		{"unix://run/s", settings.Access{}, []string{"has no path"}},
		{"https://host:1", settings.Access{}, []string{"is not an address"}},
		{"host:nonesuch", settings.Access{TokenFile: "/nowhere/token", TLSCA: "/nowhere/ca"}, []string{"not a port", "/nowhere/token", "/nowhere/ca"}},
		{"host:1", settings.Access{TLSCert: "/nowhere/c"}, []string{"--tls-cert and --tls-key"}},
	} {
		err := Check(tt.address, tt.access)
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%q: %v", tt.address, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", tt.address, err, want)
			}
		}
	}
}
