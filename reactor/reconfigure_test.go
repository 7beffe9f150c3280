package reactor

import (
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

func TestReconfigure(t *testing.T) {
	var cfg Config
	r := open(t, func(c *Config) {
		c.MaxLimits.Timeout, c.Allow = time.Minute, policy.Policy{}
		cfg = *c
	})
	push(t, r, "hello")
	try := func(spec api.Spec) errs.Class {
		t.Helper()
		_, _, err := r.SubmitWorkload(t.Context(), api.SubmitRequest{Spec: spec})
		if err == nil {
			return 0
		}
		return errs.ClassOf(err)
	}
	change := func(edit func(*Config)) {
		t.Helper()
		edit(&cfg)
		if err := r.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
	}
	long := api.Spec{Module: "hello", Limits: api.Limits{Timeout: time.Hour}}
	listens := api.Spec{Module: "hello", Grants: []grant.Grant{grant.Listener{Address: "127.0.0.1:0"}}}
	for name, tt := range map[string]struct {
		spec   api.Spec
		edit   func(*Config)
		before errs.Class
	}{
		"limits": {long, func(c *Config) { c.MaxLimits.Timeout = 2 * time.Hour }, errs.InvalidArgument},
		"policy": {listens, func(c *Config) { c.Allow = policy.Anything() }, errs.GrantDenied},
	} {
		if class := try(tt.spec); class != tt.before {
			t.Errorf("%s: the error before is %v", name, class)
		}
		change(tt.edit)
		if class := try(tt.spec); class != 0 {
			t.Errorf("%s: the error afterwards is %v", name, class)
		}
	}
	change(func(c *Config) { c.DefaultLimits.Timeout = 90 * time.Minute })
	if got := run(t, r, "by-default", api.Spec{Module: "hello"}).Spec.Limits.Timeout; got != 90*time.Minute {
		t.Errorf("the default timeout is %v", got)
	}
	if node := r.Node(); node.MaxLimits.Timeout != 2*time.Hour || node.DefaultLimits.Timeout != 90*time.Minute {
		t.Errorf("the node tells %+v and %+v", node.DefaultLimits, node.MaxLimits)
	}
	memory := r.sandboxLimits().MemoryBytes
	change(func(c *Config) { c.DefaultLimits.MemoryBytes = memory / 2 })
	if got := r.sandboxLimits(); got.MemoryBytes != memory/2 || got.Timeout != 90*time.Minute {
		t.Errorf("a sandbox has %d bytes and %v", got.MemoryBytes, got.Timeout)
	}
	change(func(c *Config) { c.DefaultLimits.MemoryBytes = memory * 2 })
	if got := r.sandboxLimits(); got.MemoryBytes != memory {
		t.Errorf("a sandbox has %d bytes, and the engine has room for %d", got.MemoryBytes, memory)
	}
	faulty := cfg
	faulty.MaxPending, faulty.Allow = -1, policy.Policy{}
	if err := r.Reconfigure(faulty); err == nil || !strings.Contains(err.Error(), "MaxPending") {
		t.Errorf("a faulty configuration: %v", err)
	}
	if class := try(listens); class != 0 {
		t.Errorf("a faulty configuration changed something: %v", class)
	}
}
