// Package grant defines the kinds of capabilities that a workload can be granted. A kind is a type, in a file of its
// own, with everything that depends on the kind:
//
//   - its name in the API, in stored specs and in the paths of faults (Kind);
//   - what makes a grant valid ([Check]);
//   - whether the operator allows it ([Authorize]);
//   - how it is stored: as JSON, by its exported fields, whose names do not change ([List]);
//   - how the command line has it (Flag);
//   - how it is opened for a guest ([capability.Grant]);
//   - which failures to open it pass ([Trouble]).
//
// The package is pure, except that [Rules] looks up whether a folder or a secret may be granted. Grants are plain values, which
// never change; everything here may be used from any goroutine.
package grant
