package grant

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// Dial lets the guest open connections itself, or send datagrams, to what a pattern covers (policy.ParsePattern).
type Dial struct {
	Pattern  string
	Protocol Protocol `json:",omitempty"`
}

// Kind implements Grant.
func (Dial) Kind() string { return "dial" }

// String implements capability.Grant.
func (d Dial) String() string { return fmt.Sprintf("dialling %q", d.Protocol.prefix()+d.Pattern) }

// Flag implements Grant.
func (d Dial) Flag() (name, value string) { return "dial", d.Protocol.prefix() + d.Pattern }

func (d Dial) check(v *validation) {
	d.Protocol.check(v)
	if v.short("pattern", d.Pattern) {
		if _, err := policy.ParsePattern(d.Pattern); err != nil {
			v.add("pattern", "%v", err)
		}
	}
}

func (d Dial) authorize(_ context.Context, rules Rules, path string) error {
	pattern, err := policy.ParsePattern(d.Pattern)
	if err != nil || !rules.Allow.MayDial(pattern) {
		return denied(d.String(), path+".pattern", policy.ErrConnect)
	}
	if to, single := pattern.Single(); single { // what covers more may be meant for the rest
		if err := rules.RefuseOwn(to); err != nil {
			return denied(d.String(), path+".pattern", err)
		}
	}
	return nil
}

// Handle implements capability.Grant.
func (Dial) Handle() capability.Handle { return capability.NoHandle }

// Open implements capability.Grant.
func (Dial) Open(capability.Opener) error { return nil }

func (Dial) trouble(error) retry.Trouble { return retry.None }
