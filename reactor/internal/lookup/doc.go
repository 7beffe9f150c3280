// Package lookup looks up host paths that clients name, on file systems that might never answer: one of a network
// whose server is gone, one of a FUSE daemon that hangs. A system call that waits there can't be ended, and keeps
// its thread.
//
//  1. Each step of a lookup is counted at the file system that it touches. That file system is found in the list
//     of mounts, without asking it. A step never touches what is behind a link: Resolve follows links itself.
//     (TestStepsCountWhereTheyAre)
//  2. A file system has a few places; a step without a place waits. So the number of threads that wait for a
//     file system is bounded, whatever clients do and whenever they leave. (TestPlacesAreBounded)
//  3. The caller gets an answer when the lookup ends, its context ends, or the patience is over. A lookup that
//     has not ended continues without its caller to the end of its step. (TestPatience, TestClientLeaves)
//  4. If all places have been taken for longer than the patience, the caller gets the answer at once.
//     (TestPlacesAreBounded)
//
// A Lookups may be used from any goroutine; so may Resolve, which has no state.
package lookup
