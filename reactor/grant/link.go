package grant

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// Link gives a component what it imports from another workload of its tenant, whose functions it calls. WASI preview 1 has no such
// imports.
type Link struct {
	// Interface is what is imported, such as "ns:pkg/iface@1.0.0"; the version may be left out. Or it is a function that is imported
	// by itself.
	Interface string
	// Workload is the id of the workload whose component exports it.
	Workload string
}

// Kind implements Grant.
func (Link) Kind() string { return "link" }

// String implements capability.Grant.
func (l Link) String() string {
	return fmt.Sprintf("link of %q to workload %q", l.Interface, l.Workload)
}

// Flag implements Grant.
func (l Link) Flag() (name, value string) {
	return "link", l.Interface + "=" + forWorkloads + ":" + l.Workload
}

func (l Link) check(v *validation) {
	if v.short("interface", l.Interface) && l.Interface == "" {
		v.add("interface", "the interface that is imported is required, such as ns:pkg/iface@1.0.0")
	}
	if !isToken(l.Workload, maxWorkloadID) {
		v.add("workload", "%q is not the id of a workload", l.Workload)
	}
	v.unique("interface", l.Interface)
}

// authorize implements Grant: the other workload has to offer its functions.
func (Link) authorize(context.Context, Rules, string) error { return nil }

// Handle implements capability.Grant.
func (Link) Handle() capability.Handle { return capability.NoHandle }

// Open implements capability.Grant.
func (l Link) Open(o capability.Opener) error {
	return o.Link(capability.Link{Interface: l.Interface, Workload: l.Workload})
}

func (Link) trouble(err error) retry.Trouble { return retry.OfNetwork(err) }
