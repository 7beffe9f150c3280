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
	// ErrFull is returned when the bytes of all blobs would exceed their bound.
	ErrFull = errors.New("the bound on the bytes of all blobs is reached")
	// ErrMismatch is returned for bytes that do not have their digest.
	ErrMismatch = errors.New("the bytes do not have the digest they are stored under")
	// ErrTooLong is returned for more bytes than were announced.
	ErrTooLong = errors.New("there are more bytes than announced")
	// ErrStalled is returned by an upload whose space was given to another.
	ErrStalled = errors.New("the upload made no progress and gave way to another")
)

const (
	// Stall is how long an upload may go without a new byte before it gives way to others that need its
	// space.
	Stall = 10 * time.Second
	// Expiry is how long an interrupted upload is kept.
	Expiry = 24 * time.Hour
)

// Dir is a directory of blobs.
type Dir struct {
	blobs, uploads string

	mu       sync.Mutex
	owners   map[Digest]chan struct{} // closed when the owner releases the digest
	verified map[Digest]fs.FileInfo   // the state of a blob's file when its bytes were last verified
	room     room
}

// blobsName is the folder of the complete blobs, in that of a Dir.
const blobsName = "blobs"

// Open opens the directory, creating it if it does not exist. Blobs and uploads together stay below bound
// bytes.
func Open(dir string, bound int64) (*Dir, error) {
	d := &Dir{
		blobs:    filepath.Join(dir, blobsName),
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
		d.room.addBroken(&part{
			digest: digest, path: filepath.Join(d.uploads, info.Name()), size: info.Size(), last: info.ModTime(),
		})
	})
	if err != nil {
		return nil, err
	}
	return d, d.Expire(time.Now())
}

// scan calls each for every file of a directory whose name begins with a digest.
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

// parseName parses the digest that a file name consists of, or begins with up to a hyphen.
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

// own waits until nobody owns the digest, and then takes it.
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

// Read returns a blob's verified bytes. It fails with ErrMismatch if they are damaged, and with fs.ErrNotExist
// if there is no such blob.
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
	return data, d.noteVerified(digest, info, sha256.Sum256(data))
}

// Sound reports whether the blob exists with the right bytes. It reads them, unless the file is unchanged since
// they were last verified.
func (d *Dir) Sound(ctx context.Context, digest Digest) (bool, error) {
	if err := d.own(ctx, digest); err != nil {
		return false, err
	}
	defer d.release(digest)
	return d.sound(digest)
}

// sound is Sound for the owner of the digest. A blob that the disk fails to return is not sound.
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
	return d.noteVerified(digest, info, found) == nil, nil
}

// looksVerified reports whether a blob's file is unchanged since it was last verified.
func (d *Dir) looksVerified(digest Digest, info fs.FileInfo) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return looksTheSame(d.verified[digest], info)
}

// looksTheSame reports whether a file is unchanged; before is nil if it was never inspected.
func looksTheSame(before, info fs.FileInfo) bool {
	return before != nil && os.SameFile(before, info) && before.Size() == info.Size() && before.ModTime().Equal(info.ModTime())
}

// noteVerified records the state of a blob's file whose bytes had the digest found. It returns ErrMismatch if
// that is another digest.
func (d *Dir) noteVerified(digest Digest, info fs.FileInfo, found Digest) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found != digest {
		delete(d.verified, digest)
		return ErrMismatch
	}
	d.verified[digest] = info
	return nil
}

// Delete calls forget, and if it returns nil removes the blob, if there is one. Nobody commits the digest
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

// Sweep removes the blobs that keep does not want to keep.
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

// Expire removes uploads that were interrupted longer than Expiry ago.
func (d *Dir) Expire(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room.expire(now.Add(-Expiry))
}

// Bytes returns what blobs and uploads take on disk.
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

// digestOf reads everything from r and returns its digest.
func digestOf(r io.Reader) (digest Digest, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return digest, err
	}
	return Digest(h.Sum(nil)), nil
}
