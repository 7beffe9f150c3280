package grant

import (
	"context"
	"fmt"
	"strings"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/text"
)

// Secret gives the guest a secret of the daemon as an environment variable. The grant has where the secret is, never the
// secret itself.
type Secret struct {
	Name string // of the variable
	Ref  string // as policy.ParseReference has it
}

// Kind implements Grant.
func (Secret) Kind() string { return "secret" }

// String implements capability.Grant.
func (s Secret) String() string { return fmt.Sprintf("secret %q from %q", s.Name, s.Ref) }

// Flag implements Grant.
func (s Secret) Flag() (name, value string) { return "secret", s.Name + "=" + s.Ref }

const maxVariableBytes = 256

func (s Secret) check(v *validation) {
	if s.Name == "" || strings.ContainsAny(s.Name, "=\x00") {
		v.add("name", "the name of a variable must not be empty nor contain \"=\"")
	}
	text.Check(v.faults, v.path+".name", s.Name, maxVariableBytes)
	if s.Ref == "" {
		v.add("ref", "file:/PATH or env:NAME is required")
	}
	v.reference("ref", s.Ref)
	v.unique("name", s.Name)
}

func (s Secret) authorize(ctx context.Context, rules Rules, path string) error {
	return lookUp(ctx, rules.LookUpSecret, s.Ref, s.String(), path+".ref")
}

// Handle implements capability.Grant.
func (Secret) Handle() capability.Handle { return capability.NoHandle }

// Open implements capability.Grant.
func (s Secret) Open(o capability.Opener) error { return o.SetEnv(s.Name, capability.Reference(s.Ref)) }

func (Secret) trouble(err error) retry.Trouble { return retry.OfFile(err) }
