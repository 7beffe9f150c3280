// Package blob keeps byte strings as files that are named by their SHA-256 digest.
//
// A blob is written under another name, synced, verified, renamed, and its directory synced:
//
//  1. Bytes arrive in uploads/<hex>, in order; an upload that breaks off leaves them there, and
//     the next upload of the same digest goes on behind them.
//  2. Commit syncs that file and then reads it back to verify the digest.
//  3. It renames the file to blobs/<hex> and syncs the directory.
//  4. Only then may the caller record, elsewhere, that the blob exists.
//
// A crash before step 3 leaves an upload to be resumed, one before step 4 a blob that nobody
// knows of; Sweep removes those. A name under blobs never has other bytes than its own, but for
// decay of the disk, which Read finds. Verifying before the rename, not while bytes arrive, means
// that what was verified is what was written, resumed parts included.
//
// # Concurrency
//
// A Dir may be used from any number of goroutines. Per digest there is one owner at a time: an
// Upload from its start to its Close, or a Delete. All others wait for it, or for the end of
// their context. Calls do file I/O; none of them starts a goroutine. Two Dirs must not share a
// directory; the caller's lock sees to it.
package blob
