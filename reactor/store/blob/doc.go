// Package blob keeps byte strings as files that are named by their SHA-256 digest.
//
// A blob is written under another name, synced, verified, renamed, and its directory synced:
//
//  1. Bytes arrive in a file of their upload's own, uploads/<hex>-<n>, in order.
//  2. Commit syncs that file and then reads it back to verify the digest.
//  3. It renames the file to blobs/<hex> and syncs the directory. What was there under that name
//     is replaced, unless it is sound.
//  4. Only then does it have the caller record, elsewhere, that the blob exists.
//
// A crash before step 3 leaves bytes to be gone on with, one before step 4 a blob that nobody
// knows of; Sweep removes those. A name under blobs never has other bytes than its own, but for
// decay of the disk, which Read and Sound find. Verifying before the rename, not while bytes
// arrive, means that what was verified is what was written, resumed parts included.
//
// # What uploads owe each other
//
//   - Any number of uploads of one digest go on at a time; the first that is complete makes the blob.
//   - An upload takes room for the bytes that have come, not for those it has announced.
//   - Where there is no more room, it is made: of what broke off, the oldest first, then of the
//     uploads that have not had a byte for Stall, the longest first. These report ErrStalled.
//   - What broke off is gone on with by who sent it, or as far as the next one's Prefixes agree
//     with it; so a wrong beginning harms nobody but its author. It expires after Expiry.
//
// # Concurrency
//
// A Dir may be used from any number of goroutines, an Upload from one at a time. Commit, Delete and
// Sound of one digest wait for each other, or for the end of their context. Calls do file I/O; none
// of them starts a goroutine. Two Dirs must not share a directory; the caller's lock sees to it.
package blob
