package intake

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

// TestCheckPartners: a workload is no partner of itself.
func TestCheckPartners(t *testing.T) {
	link := func(to string) api.Spec {
		return api.Spec{Grants: []grant.Grant{
			grant.Link{Interface: "a:b/c", Workload: "other"}, grant.Link{Interface: "a:b/d", Workload: to},
		}}
	}
	for _, tt := range []struct {
		name, id string
		spec     api.Spec
		want     string // the field at fault
	}{
		{"output", "me", api.Spec{StdoutTo: "me"}, "spec.stdout_to: "},
		{"input", "me", api.Spec{StdinFrom: "me"}, "spec.stdin_from: "},
		{"link", "me", link("me"), "spec.grants[1].link.workload: "},
		{"others", "me", link("you"), ""},
		{"without an id", "", api.Spec{}, ""},
	} {
		var f errs.Faults
		CheckPartners(&f, tt.id, &tt.spec)
		var got string
		if len(f) > 0 {
			got = f.Err().Error()
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || len(f) > 1 {
			t.Errorf("%s: %s, want a fault of %q", tt.name, got, tt.want)
		}
	}
}
