// Package grant declares the kinds of capabilities that a workload can be granted. A kind is a type, in a
// file of its own, which says all that there is to say of the kind:
//
//   - what it is called, in the API, in stored specs and in the paths of faults (Kind);
//   - what makes one valid ([Check]);
//   - whether the operator allows it ([Authorize]);
//   - how it is stored: as JSON, by its exported fields, whose names do not change ([List]);
//   - how it is opened for a guest ([capability.Grant]);
//   - which failures to open it pass ([Trouble]).
//
// The package is pure but for [Rules], through which whether a folder may be granted is looked up. Grants are
// plain values, which do not change and can be compared; everything here may be used from any goroutine.
package grant
