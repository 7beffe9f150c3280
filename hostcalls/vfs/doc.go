// Package vfs gives access to granted folders, and to nothing outside them.
//
// A [Dir] is a capability: it resolves every path beneath itself, in spite of `..`, absolute paths,
// symbolic links and concurrent renames. A Dir opened read-only refuses every change. A [File] is an open
// regular file, or one of the devices that only produce or consume bytes: null, zero, full, random,
// urandom. Nothing else can be opened, except folders: not FIFOs, sockets and other devices, because even
// opening one can have side effects.
//
// Files on file systems that are interfaces of the kernel, such as procfs and sysfs, cannot be reached,
// although they have the type of regular files: they give access to the kernel and to this process. A
// folder on such a file system can be opened, but everything in it fails with ENOTSUP.
//
// The package does not know WebAssembly. Its vocabulary is that of openat(2).
//
// # How a path is resolved
//
// A path is split into a folder part and a last name. The walk along the folder part opens one component
// at a time, relative to the descriptor of the one before, and refuses to leave the Dir (see walker). It
// needs permission to search the folders, not to read them. The operation is one *at system call on the
// containing folder's descriptor and the last name, which has no slash; it never follows a symbolic link.
// If the last name is a link that is to be followed, its target replaces it, and resolution starts again
// from the Dir by the same rules. So the last step has exactly the semantics asked for (no-follow, unlink
// as opposed to rmdir, rename onto an empty folder, ...).
//
// # Concurrency
//
// Every method may block in the file system for any time, except [File.Tell] and the Close methods, so
// call it only where blocking is allowed. All methods are safe for concurrent use. Close does not
// wait for running operations; it takes effect when the last of them returns. A File has one offset,
// shared by Read, Write and Seek.
//
// # Errors
//
// Errors are [syscall.Errno] values of the system, or [ErrEscapes]. Read and ReadAt report the end of a
// file as zero bytes and no error.
package vfs
