package wasi

import (
	"slices"
	"strings"

	"github.com/reactord/reactord/hostcalls/abi"
)

// Need is a capability that a component needs which imports one of some functions. Their modules have no version.
type Need struct {
	Name      string
	Functions []abi.Import
}

// NeedsOf names those of the needs that a component has by its imports of a version, such as 0.2.
func NeedsOf(imports []abi.Import, version string, all []Need) (names []string) {
	for _, need := range all {
		if slices.ContainsFunc(imports, func(i abi.Import) bool {
			module, of, _ := strings.Cut(i.Module, "@")
			return strings.HasPrefix(of+".", version+".") && slices.Contains(need.Functions, abi.Import{Module: module, Name: i.Name})
		}) {
			names = append(names, need.Name)
		}
	}
	return names
}
