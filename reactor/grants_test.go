package reactor

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

// The refusal of a submission names the field, and is the same for all kinds of grants.
func TestRefusedGrants(t *testing.T) {
	one, err := policy.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, func(c *Config) {
		c.Allow = policy.Policy{Listen: []policy.Address{one}, Connect: []policy.Address{one}}
	})
	push(t, r, "hello")
	for _, tt := range []struct {
		grant       grant.Grant
		field, says string
	}{
		{grant.Directory{HostPath: t.TempDir(), GuestPath: "/"}, "directory.host_path", "--allow-dir"},
		{grant.Listener{Address: "127.0.0.1:81"}, "listener.address", "--allow-listen"},
		{grant.Listener{Address: ":80"}, "listener.address", "--allow-listen"},
		{grant.Connection{Address: "127.0.0.2:80"}, "connection.address", "--allow-connect"},
	} {
		_, _, err := r.SubmitWorkload(t.Context(), api.SubmitRequest{Spec: api.Spec{Module: "hello", Grants: []grant.Grant{tt.grant}}})
		e, ok := err.(*errs.Error)
		if !ok || e.Class != errs.GrantDenied || !strings.Contains(e.Message, tt.says) || e.Fields[0].Path != "spec.grants[0]."+tt.field {
			t.Errorf("%v: %v", tt.grant, err)
		}
	}
}

// What a name leads to is looked at when it is connected to, and listened at.
func TestGrantsByName(t *testing.T) {
	other, err := policy.ParseAddress("192.0.2.0/24:*")
	if err != nil {
		t.Fatal(err)
	}
	list := []policy.Address{other}
	r := open(t, func(c *Config) { c.Allow = policy.Policy{Listen: list, Connect: list} })
	push(t, r, "hello")
	for id, g := range map[string]grant.Grant{"listen": grant.Listener{Address: "localhost:9"}, "connect": grant.Connection{Address: "localhost:9"}} {
		w := run(t, r, id, api.Spec{Module: "hello", Grants: []grant.Grant{g}})
		if w.Status.Reason != api.ReasonGrantDenied || !strings.Contains(w.Status.Message, "--allow-") {
			t.Errorf("%v: %v, %q", g, w.Status.Reason, w.Status.Message)
		}
	}
}
