package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Upload receives the bytes of one blob. It must be closed.
type Upload struct {
	dir    *Dir
	digest Digest
	size   int64
	offset int64
	part   *part
	file   *os.File // nil before the first byte, and once gone is set
	gone   bool     // the bytes were dropped, or have become the blob
	closed bool

	verified fs.FileInfo // the state of the file when its bytes were verified
}

// Upload starts an upload, or resumes an interrupted one. It fails with ErrFull if the blob would not fit even if
// all other uploads gave way.
func (d *Dir) Upload(digest Digest, size int64, resume Resume) (*Upload, error) {
	if size < 0 {
		return nil, fmt.Errorf("the size is negative: %d", size)
	}
	d.mu.Lock()
	err := d.room.fits(digest, size)
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	u := &Upload{dir: d, digest: digest, size: size, part: &part{digest: digest, sender: resume.Sender}}
	u.resume(resume)
	return u, nil
}

// Offset returns the number of bytes received by this upload and the ones it resumes.
func (u *Upload) Offset() int64 { return u.offset }

// Write appends p. It appends nothing and fails with ErrTooLong if that is more than was announced, with ErrFull
// if there is no space, and with ErrStalled if the upload had to give way.
func (u *Upload) Write(p []byte) (int, error) {
	switch {
	case u.gone || u.closed:
		return 0, fs.ErrClosed
	case int64(len(p)) > u.size-u.offset:
		return 0, ErrTooLong
	case len(p) == 0:
		return 0, nil
	}
	if err := u.open(); err != nil {
		return 0, err
	}
	if err := u.dir.grow(u.part, int64(len(p))); err != nil {
		return 0, err
	}
	n, err := u.file.Write(p)
	u.offset += int64(n)
	u.dir.shrink(u.part, int64(len(p)-n))
	return n, err
}

// open creates the file, unless it exists.
func (u *Upload) open() (err error) {
	if u.file != nil {
		return nil
	}
	u.file, err = os.CreateTemp(u.dir.uploads, hex.EncodeToString(u.digest[:])+"-*")
	if err != nil {
		return err
	}
	u.part.path, u.part.last = u.file.Name(), time.Now()
	u.dir.addOpen(u.part)
	return nil
}

// Bytes returns all the bytes, verified as by Commit. From now on the upload does not give way to others.
func (u *Upload) Bytes() ([]byte, error) {
	if err := u.complete(); err != nil {
		return nil, err
	}
	info, err := u.file.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, u.size)
	if _, err := u.file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, u.check(info, sha256.Sum256(data))
}

// Commit verifies the bytes (unless Bytes did so and the file is unchanged), makes them the blob (unless a sound
// one exists), and calls record, which records elsewhere that the blob exists. It fails with io.ErrUnexpectedEOF if
// bytes are missing. If they do not have the digest it drops them and fails with ErrMismatch.
func (u *Upload) Commit(ctx context.Context, record func() error) error {
	if err := u.complete(); err != nil {
		return err
	}
	if err := u.file.Sync(); err != nil {
		return err
	}
	if err := u.verify(); err != nil {
		return err
	}
	if err := u.dir.own(ctx, u.digest); err != nil {
		return err
	}
	defer u.dir.release(u.digest)
	if err := u.place(); err != nil {
		return err
	}
	return record()
}

// place makes the file the blob. The caller owns the digest.
func (u *Upload) place() error {
	sound, err := u.dir.sound(u.digest)
	if err != nil || sound {
		return errors.Join(err, u.drop())
	}
	info, err := u.file.Stat()
	if err != nil {
		return err
	}
	if err := os.Rename(u.part.path, u.dir.blobPath(u.digest)); err != nil {
		return err
	}
	u.dir.place(u.part, info)
	u.gone = true
	return errors.Join(u.file.Close(), syncDir(u.dir.blobs))
}

// complete fails if bytes are missing, and otherwise keeps the upload from giving way.
func (u *Upload) complete() error {
	switch {
	case u.gone || u.closed:
		return fs.ErrClosed
	case u.offset < u.size:
		return fmt.Errorf("%w: %d bytes of %d have arrived", io.ErrUnexpectedEOF, u.offset, u.size)
	}
	if err := u.open(); err != nil { // an empty blob has no file yet
		return err
	}
	return u.dir.pin(u.part)
}

// verify reads and verifies the bytes, unless the file is unchanged since that was last done.
func (u *Upload) verify() error {
	info, err := u.file.Stat()
	if err != nil || looksTheSame(u.verified, info) {
		return err
	}
	digest, err := digestOf(io.NewSectionReader(u.file, 0, u.size))
	if err != nil {
		return err
	}
	return u.check(info, digest)
}

// check compares the digest of the file's bytes with the upload's; info is the file's state when they were read.
func (u *Upload) check(info fs.FileInfo, digest Digest) error {
	if digest == u.digest {
		u.verified = info
		return nil
	}
	return errors.Join(ErrMismatch, u.drop())
}

// drop deletes the received bytes.
func (u *Upload) drop() error {
	if u.gone {
		return nil
	}
	u.gone = true
	if u.file == nil {
		return nil
	}
	return errors.Join(u.file.Close(), u.dir.drop(u.part))
}

// Discard deletes the received bytes and ends the upload.
func (u *Upload) Discard() error {
	if u.closed {
		return nil
	}
	return errors.Join(u.drop(), u.Close())
}

// Close ends the upload. Received bytes that were not committed are kept, to be resumed.
func (u *Upload) Close() error {
	if u.closed {
		return nil
	}
	u.closed = true
	switch {
	case u.gone || u.file == nil:
		return nil
	case u.offset == 0:
		return u.drop()
	}
	u.dir.breakOff(u.part)
	return u.file.Close()
}
