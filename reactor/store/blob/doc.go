// Package blob keeps byte strings in files that are named by their SHA-256 digest.
//
// A blob is written under another name, synced, verified and renamed, and its directory is synced:
//
//  1. Bytes arrive, in order, in a file of their upload's own, uploads/<hex>-<n>.
//  2. Commit syncs that file and then reads it back to verify the digest.
//  3. It renames the file to blobs/<hex> and syncs the directory. An existing file of that name is
//     replaced, unless it is sound.
//  4. Only then does it call its caller to record elsewhere that the blob exists.
//
// A crash before step 3 leaves bytes that a later upload can resume with. A crash before step 4 leaves a blob
// that nobody knows of; Sweep removes those. The bytes of a file in blobs match the digest in its name, unless the
// disk has damaged them, which Read and Sound detect. The digest is verified before the rename, not while
// bytes arrive, so that it covers what was really written, resumed parts included.
//
// # How uploads share space
//
//   - Any number of uploads of one digest run at a time; the first complete one makes the blob.
//   - An upload takes space for the bytes received, not for those announced.
//   - If there is no space left, interrupted uploads are removed, the oldest first, then uploads that received
//     nothing for Stall, the longest stalled first. The latter fail with ErrStalled.
//   - An interrupted upload is resumed by its own sender, or by others as far as its bytes agree with their
//     Prefixes; so wrong bytes harm nobody but their sender. It expires after Expiry.
//
// # Concurrency
//
// A Dir may be used from any number of goroutines, an Upload from one at a time. Commit, Delete and
// Sound of one digest wait for each other, or for the end of their context. Calls do file I/O; none
// of them starts a goroutine. Two Dirs must not share a directory; the caller's lock prevents that.
package blob
