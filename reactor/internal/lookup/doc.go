// Package lookup looks up what clients name of the host's files, on file systems that might never answer: a
// network's whose server is gone, a FUSE daemon's that is stuck. A call of the system that waits there can't
// be ended, and keeps its thread.
//
//  1. Each step of a lookup is counted at the file system that it touches, which is found in the list of
//     mounts, not asked. Steps never touch what is behind a link: Resolve follows links itself.
//     (TestStepsCountWhereTheyAre)
//  2. A file system has a few places; a step without one waits. So threads that wait for it are as many at
//     most, whatever clients do and when they go. (TestPlacesAreBounded)
//  3. Who asked has an answer when the lookup ends, when its context does, or when the patience does. What
//     has not ended goes on without it, to the end of its step. (TestPatience, TestClientLeaves)
//  4. Where all places have been taken for longer than the patience, the answer is there at once.
//     (TestPlacesAreBounded)
//
// Lookups is for any goroutine; so is Resolve, which has no state.
package lookup
