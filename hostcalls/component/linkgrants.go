package component

import (
	"fmt"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/link"
)

// checkLinks says which imports that only other workloads give nobody gives, and which grants give what is not imported.
func checkLinks(module *abi.Description, grants []capability.Grant) (faults []abi.Fault) {
	given := make([]bool, len(module.Links))
	for n, g := range grants {
		for _, l := range capability.LinksOf(g) {
			wanted, twice := false, false
			for i, name := range module.Links {
				if link.Same(name, l.Interface) {
					wanted, twice = true, twice || given[i]
					given[i] = true
				}
			}
			field := fmt.Sprintf("grants[%d].link.interface", n)
			switch {
			case !wanted:
				faults = append(faults, abi.Fault{Field: field, Text: fmt.Sprintf("the component does not import %s from other workloads", l.Interface)})
			case twice:
				faults = append(faults, abi.Fault{Field: field, Text: l.Interface + " is granted twice"})
			}
		}
	}
	for i, name := range module.Links {
		if !given[i] {
			faults = append(faults, abi.Fault{Field: "grants", Text: fmt.Sprintf(
				"the component imports %s, which is not here: take it from a component that exports it by `--plug`, or from a workload that offers it by `--link %s=workload:ID`",
				name, name)})
		}
	}
	return faults
}
