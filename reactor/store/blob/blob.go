package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Digest names a blob.
type Digest = [sha256.Size]byte

var (
	// ErrFull is reported when the bound on the bytes of all blobs would be passed.
	ErrFull = errors.New("the bound on the bytes of all blobs is reached")
	// ErrMismatch is reported for bytes that do not have their digest.
	ErrMismatch = errors.New("the bytes do not have the digest they are stored under")
	// ErrTooLong is reported for bytes beyond the announced size.
	ErrTooLong = errors.New("there are more bytes than announced")
	// ErrStalled is reported by an upload whose room was given to another.
	ErrStalled = errors.New("the upload made no progress and gave way to another")
)

const (
	// Stall is how long an upload may be without a new byte before it gives way to others that
	// need its room.
	Stall = 10 * time.Second
	// Expiry is how long an upload that broke off is kept.
	Expiry = 24 * time.Hour
)

// Dir is a directory of blobs.
type Dir struct {
	blobs, uploads string

	mu       sync.Mutex
	owners   map[Digest]chan struct{} // closed when the owner lets go
	verified map[Digest]fs.FileInfo   // how a blob's file looked when its bytes were last verified
	room     room
}

// Open opens the directory, making it if it does not exist. Blobs and uploads together stay below
// bound bytes.
func Open(dir string, bound int64) (*Dir, error) {
	d := &Dir{
		blobs:    filepath.Join(dir, "blobs"),
		uploads:  filepath.Join(dir, "uploads"),
		owners:   make(map[Digest]chan struct{}),
		verified: make(map[Digest]fs.FileInfo),
		room:     newRoom(bound),
	}
	for _, sub := range []string{d.blobs, d.uploads} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return nil, err
		}
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	err := scan(d.blobs, func(digest Digest, info fs.FileInfo) {
		d.room.store(digest, info.Size())
	})
	if err != nil {
		return nil, err
	}
	err = scan(d.uploads, func(digest Digest, info fs.FileInfo) {
		d.room.leave(&part{
			digest: digest, path: filepath.Join(d.uploads, info.Name()), size: info.Size(), last: info.ModTime(),
		})
	})
	if err != nil {
		return nil, err
	}
	return d, d.Expire(time.Now())
}

// scan calls each for the files of a directory whose name begins with a digest.
func scan(dir string, each func(Digest, fs.FileInfo)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		digest, ok := parseName(entry.Name())
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		each(digest, info)
	}
	return nil
}

// parseName reads the digest that a file name consists of, or begins with up to a hyphen.
func parseName(name string) (digest Digest, ok bool) {
	name, _, _ = strings.Cut(name, "-")
	if len(name) != hex.EncodedLen(len(digest)) {
		return digest, false
	}
	_, err := hex.Decode(digest[:], []byte(name))
	return digest, err == nil
}

func (d *Dir) blobPath(digest Digest) string {
	return filepath.Join(d.blobs, hex.EncodeToString(digest[:]))
}

// own waits until nobody owns the digest, and owns it.
func (d *Dir) own(ctx context.Context, digest Digest) error {
	for {
		d.mu.Lock()
		released, taken := d.owners[digest]
		if !taken {
			d.owners[digest] = make(chan struct{})
			d.mu.Unlock()
			return nil
		}
		d.mu.Unlock()
		select {
		case <-released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Dir) release(digest Digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.owners[digest])
	delete(d.owners, digest)
}

// Read returns a blob, verified: ErrMismatch if it has decayed, an error that is fs.ErrNotExist if
// there is none.
func (d *Dir) Read(digest Digest) ([]byte, error) {
	f, err := os.Open(d.blobPath(digest))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	return data, d.note(digest, info, sha256.Sum256(data))
}

// Sound reports whether the blob is there with the bytes it should have. They are read unless the
// file looks as it did when that was last done.
func (d *Dir) Sound(ctx context.Context, digest Digest) (bool, error) {
	if err := d.own(ctx, digest); err != nil {
		return false, err
	}
	defer d.release(digest)
	return d.sound(digest)
}

// sound is Sound for who owns the digest. What the disk does not give back is not sound.
func (d *Dir) sound(digest Digest) (bool, error) {
	f, err := os.Open(d.blobPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || d.looksVerified(digest, info) {
		return err == nil, err
	}
	found, err := digestOf(f)
	if errors.Is(err, syscall.EIO) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return d.note(digest, info, found) == nil, nil
}

// looksVerified reports whether a blob's file is as it was when it was last verified.
func (d *Dir) looksVerified(digest Digest, info fs.FileInfo) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return looksTheSame(d.verified[digest], info)
}

// looksTheSame reports whether a file is as it was before; nil: it was not looked at.
func looksTheSame(before, info fs.FileInfo) bool {
	return before != nil && os.SameFile(before, info) && before.Size() == info.Size() && before.ModTime().Equal(info.ModTime())
}

// note keeps how the file of a blob looked when its bytes had the digest found, or returns
// ErrMismatch.
func (d *Dir) note(digest Digest, info fs.FileInfo, found Digest) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found != digest {
		delete(d.verified, digest)
		return ErrMismatch
	}
	d.verified[digest] = info
	return nil
}

// Delete removes a blob, if there is one, after forget has returned nil. Nobody commits the digest
// meanwhile.
func (d *Dir) Delete(ctx context.Context, digest Digest, forget func() error) error {
	if err := d.own(ctx, digest); err != nil {
		return err
	}
	defer d.release(digest)
	if err := forget(); err != nil {
		return err
	}
	if err := os.Remove(d.blobPath(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.remove(digest)
	delete(d.verified, digest)
	return nil
}

// Sweep removes the blobs that keep does not want.
func (d *Dir) Sweep(ctx context.Context, keep func(Digest) bool) error {
	d.mu.Lock()
	var stray []Digest
	for digest := range d.room.stored {
		if !keep(digest) {
			stray = append(stray, digest)
		}
	}
	d.mu.Unlock()
	for _, digest := range stray {
		if err := d.Delete(ctx, digest, func() error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// Expire removes what broke off longer than Expiry ago.
func (d *Dir) Expire(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room.expire(now.Add(-Expiry))
}

// Bytes is what blobs and uploads cost on disk.
func (d *Dir) Bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room.total
}

// syncDir makes the entries of a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// digestOf reads everything and returns its digest.
func digestOf(r io.Reader) (digest Digest, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return digest, err
	}
	return Digest(h.Sum(nil)), nil
}
