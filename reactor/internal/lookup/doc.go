// Package lookup looks up host paths that clients name, on file systems that might never answer, such as a network
// file system whose server is gone, or a FUSE file system whose daemon hangs. A system call that waits there can't be
// ended, and keeps its thread.
//
//  1. Each step of a lookup is counted against the file system that it touches. That file system is found in the
//     list of mounts, without asking it. A step never touches what is behind a link: Resolve follows links itself.
//     (TestStepsCountWhereTheyAre)
//  2. At most a few steps may run in one file system; others wait. So the number of threads that wait for a file
//     system is bounded, whatever clients do and whenever they leave. (TestPlacesAreBounded)
//  3. The caller gets an answer when the lookup ends, its context ends, or its patience (three seconds in the
//     daemon) runs out. A lookup that has not ended continues without its caller to the end of its step.
//     (TestPatience, TestClientLeaves)
//  4. If every step that runs in a file system has run for longer than the patience, the caller of the next one gets
//     its answer at once: the file system hangs. (TestPlacesAreBounded)
//
// A Lookups may be used from any goroutine; so may Resolve, which has no state.
package lookup
