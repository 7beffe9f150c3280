package intake

import (
	"fmt"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

// CheckPartners checks the workloads that a spec names as its partners, as far as the spec itself shows faults; id is that
// of its own workload.
func CheckPartners(f *errs.Faults, id string, spec *api.Spec) {
	checkPipes(f, id, spec)
	for i, g := range spec.Grants {
		if l, ok := g.(grant.Link); ok && id != "" && l.Workload == id {
			f.Add(fmt.Sprintf("spec.grants[%d].link.workload", i), "is the workload itself, which would wait for its own start")
		}
	}
}

func checkPipes(f *errs.Faults, id string, spec *api.Spec) {
	CheckID(f, "spec.stdout_to", spec.StdoutTo)
	CheckID(f, "spec.stdin_from", spec.StdinFrom)
	if id != "" && spec.StdoutTo == id {
		f.Add("spec.stdout_to", "is the workload itself")
	}
	if spec.StdinFrom == "" {
		return
	}
	switch spec.StdinFrom {
	case id:
		f.Add("spec.stdin_from", "is the workload itself")
	case spec.StdoutTo:
		f.Add("spec.stdin_from", "%q is stdout_to, too: each would wait for the other", spec.StdinFrom)
	}
	if len(spec.Stdin) > 0 {
		f.Add("spec.stdin", "standard input comes from workload %q (stdin_from)", spec.StdinFrom)
	}
	if spec.Interactive {
		f.Add("spec.interactive", "standard input comes from workload %q (stdin_from)", spec.StdinFrom)
	}
}
