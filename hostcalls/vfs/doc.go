// Package vfs gives access to granted folders, and to nothing outside them.
//
// A [Dir] is a capability: every path it takes is resolved beneath it, whatever `..`, absolute
// paths, symbolic links or concurrent renames it meets, and a Dir opened read-only refuses every
// change. A [File] is an open regular file. Folders and regular files are all that can be opened:
// what a FIFO, a device or a socket does when it is opened or read is not the file system's to
// bound. The package knows nothing of WebAssembly; its vocabulary is that of openat(2).
//
// # How a path is resolved
//
// A path is split into a folder part and a last name. [os.Root] walks the folder part: it refuses
// what leaves the folder, one component at a time, on descriptors, so that there is no moment
// between a check and its use. What is left is a descriptor of the containing folder and one name
// without a slash, and on these two the operation is a single *at system call that never follows a
// symbolic link. If the name turns out to be a link that is to be followed, its target is put in
// its place and resolution starts again from the Dir, under the same rules. So the last step gives
// exactly the semantics asked for (no-follow, unlink as opposed to rmdir, rename onto an empty
// folder, ...), which os.Root's own methods do not offer, and the walk, which is the part that can
// go wrong, is os.Root's.
//
// # Concurrency
//
// Every method may block in the file system for as long as that pleases, so none may be called
// where blocking is not allowed, except [File.Tell] and the Close methods. All methods are safe for
// concurrent use; a Close does not wait for operations that run, it takes effect when the last of
// them returns. A File has one offset, which Read, Write and Seek share.
//
// # Errors
//
// Errors are [syscall.Errno] values as the system gave them, or [ErrEscapes]. Read and ReadAt report
// the end of a file as zero bytes and no error.
package vfs
