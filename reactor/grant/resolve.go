package grant

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// Resolve lets the guest look up the names that a pattern covers: a name, *.NAME for one label more, or * for every name.
type Resolve struct{ Pattern string }

// Kind implements Grant.
func (Resolve) Kind() string { return "resolve" }

// String implements capability.Grant.
func (r Resolve) String() string { return fmt.Sprintf("looking up %q", r.Pattern) }

// Flag implements Grant.
func (r Resolve) Flag() (name, value string) { return "resolve", r.Pattern }

func (r Resolve) check(v *validation) {
	if v.short("pattern", r.Pattern) {
		if _, err := policy.ParseName(r.Pattern); err != nil {
			v.add("pattern", "%v", err)
		}
	}
}

func (r Resolve) authorize(_ context.Context, rules Rules, path string) error {
	name, err := policy.ParseName(r.Pattern)
	if err == nil && rules.Allow.MayResolve(name) {
		return nil
	}
	return denied(r.String(), path+".pattern", policy.ErrResolve)
}

// Handle implements capability.Grant.
func (Resolve) Handle() capability.Handle { return capability.NoHandle }

// Open implements capability.Grant.
func (Resolve) Open(capability.Opener) error { return nil }

func (Resolve) trouble(error) retry.Trouble { return retry.None }
