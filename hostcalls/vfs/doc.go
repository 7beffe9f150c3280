// Package vfs gives access to granted folders, and to nothing outside them.
//
// A [Dir] is a capability: every path it takes is resolved beneath it, whatever `..`, absolute
// paths, symbolic links or concurrent renames it meets, and a Dir opened read-only refuses every
// change. A [File] is an open regular file, or one of the devices that are no more than a source or a
// sink of bytes: null, zero, full, random, urandom. Nothing else can be opened but folders: what a FIFO,
// another device or a socket does when it is opened or read is not the file system's to bound. The
// package knows nothing of WebAssembly; its vocabulary is that of openat(2).
//
// What is on a file system of the kernel's own, such as procfs and sysfs, can't be reached, though it
// says that it is regular files: it is a way to talk to the kernel, and into this process. A folder of
// such a file system can be opened, and that is all; the error for what is in it is ENOTSUP.
//
// # How a path is resolved
//
// A path is split into a folder part and a last name. The walk along the folder part refuses what
// leaves the folder, one component at a time, on descriptors (see walker). It asks for permission to
// search the folders, not to read them. What is left is a descriptor of the containing folder and one
// name without a slash, and on these two the operation is a single *at system call that never follows a
// symbolic link. If the name turns out to be a link that is to be followed, its target is put in
// its place and resolution starts again from the Dir, under the same rules. So the last step gives
// exactly the semantics asked for (no-follow, unlink as opposed to rmdir, rename onto an empty
// folder, ...).
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
