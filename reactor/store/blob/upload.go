package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Upload receives the bytes of one blob. It owns the digest until Close, which must be called.
type Upload struct {
	dir    *Dir
	digest Digest
	size   int64
	offset int64
	file   *os.File // nil once the bytes are dropped
	placed bool     // the file is the blob
	closed bool
}

// Upload starts or resumes an upload, once no other one of that digest is open. If the blob is
// there already it is an upload that has all its bytes.
func (d *Dir) Upload(ctx context.Context, digest Digest, size int64) (*Upload, error) {
	if size < 0 {
		return nil, fmt.Errorf("the size is negative: %d", size)
	}
	if err := d.own(ctx, digest); err != nil {
		return nil, err
	}
	u := &Upload{dir: d, digest: digest, size: size}
	if err := u.start(); err != nil {
		d.release(digest)
		return nil, err
	}
	return u, nil
}

func (u *Upload) start() (err error) {
	u.file, err = os.Open(u.dir.blobPath(u.digest))
	switch {
	case err == nil:
		info, err := u.file.Stat()
		if err != nil {
			return errors.Join(err, u.file.Close())
		}
		u.placed, u.size, u.offset = true, info.Size(), info.Size()
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := u.dir.reserve(u.digest, u.size); err != nil {
		return err
	}
	u.file, err = os.OpenFile(u.dir.uploadPath(u.digest), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		u.dir.settle(u.digest, -1, time.Time{})
		return err
	}
	u.offset, err = u.file.Seek(0, io.SeekEnd)
	if err == nil && u.offset > u.size {
		// Someone announced another size for this digest. One of the two is wrong; start over.
		err = u.restart()
	}
	if err != nil {
		return errors.Join(err, u.end())
	}
	return nil
}

func (u *Upload) restart() error {
	if err := u.file.Truncate(0); err != nil {
		return err
	}
	u.offset = 0
	_, err := u.file.Seek(0, io.SeekStart)
	return err
}

// Offset is the number of bytes received, by this upload and the ones it resumes.
func (u *Upload) Offset() int64 { return u.offset }

// Write appends bytes: none of them, with ErrTooLong, if there are more than were announced.
func (u *Upload) Write(p []byte) (int, error) {
	if u.file == nil {
		return 0, fs.ErrClosed
	}
	if int64(len(p)) > u.size-u.offset {
		return 0, ErrTooLong
	}
	n, err := u.file.Write(p)
	u.offset += int64(n)
	return n, err
}

// Bytes returns all the bytes, verified as by Commit.
func (u *Upload) Bytes() ([]byte, error) {
	if err := u.complete(); err != nil {
		return nil, err
	}
	data := make([]byte, u.size)
	if _, err := u.file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, u.check(sha256.Sum256(data))
}

// Commit verifies the bytes and makes them a blob. It fails with io.ErrUnexpectedEOF if some are
// missing, and with ErrMismatch, dropping what was received, if they do not have the digest.
func (u *Upload) Commit() error {
	if err := u.complete(); err != nil {
		return err
	}
	if err := u.file.Sync(); err != nil {
		return err
	}
	digest, err := digestOf(io.NewSectionReader(u.file, 0, u.size))
	if err != nil {
		return err
	}
	if err := u.check(digest); err != nil || u.placed {
		return err
	}
	if err := os.Rename(u.dir.uploadPath(u.digest), u.dir.blobPath(u.digest)); err != nil {
		return err
	}
	u.placed = true
	u.dir.place(u.digest, u.size)
	return syncDir(u.dir.blobs)
}

func (u *Upload) complete() error {
	if u.file == nil {
		return fs.ErrClosed
	}
	if u.offset < u.size {
		return fmt.Errorf("%w: %d bytes of %d have arrived", io.ErrUnexpectedEOF, u.offset, u.size)
	}
	return nil
}

func (u *Upload) check(digest Digest) error {
	if digest == u.digest {
		return nil
	}
	return errors.Join(ErrMismatch, u.drop())
}

// drop deletes what was received.
func (u *Upload) drop() error {
	if u.file == nil {
		return nil
	}
	err := u.file.Close()
	u.file = nil
	if u.placed {
		return errors.Join(err, u.dir.remove(u.digest))
	}
	err = errors.Join(err, os.Remove(u.dir.uploadPath(u.digest)))
	u.dir.settle(u.digest, -1, time.Time{})
	return err
}

// Discard deletes what was received and ends the upload.
func (u *Upload) Discard() error {
	if u.closed {
		return nil
	}
	return errors.Join(u.drop(), u.Close())
}

// Close ends the upload. What was received and not committed is kept, to be resumed.
func (u *Upload) Close() error {
	if u.closed {
		return nil
	}
	u.closed = true
	defer u.dir.release(u.digest)
	return u.end()
}

// end closes the file and the reservation.
func (u *Upload) end() error {
	if u.file == nil {
		return nil
	}
	err := u.file.Close()
	u.file = nil
	if !u.placed {
		u.dir.settle(u.digest, u.offset, time.Now())
	}
	return err
}

// Placed reports whether the blob is in its place already.
func (u *Upload) Placed() bool { return u.placed }
