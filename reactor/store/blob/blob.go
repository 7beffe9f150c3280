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
	"path/filepath"
	"slices"
	"sync"
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
)

// block is what a file costs on disk beside its bytes, roughly: it keeps many tiny blobs from
// costing nothing.
const block = 4096

func cost(size int64) int64 { return size + block }

// Dir is a directory of blobs.
type Dir struct {
	blobs, uploads string
	bound          int64

	mu     sync.Mutex
	owners map[Digest]chan struct{} // closed when the owner lets go
	// What blobs and uploads cost. An open upload counts with its announced size, under its own
	// entry in open; a broken-off one with what it has.
	stored map[Digest]int64
	broken map[Digest]brokenOff
	open   map[Digest]int64
	total  int64 // the sum of all three
}

type brokenOff struct {
	cost int64
	last time.Time
}

// Open opens the directory, making it if it does not exist. Blobs and uploads together stay below
// bound bytes; to make room for an upload, those go that broke off longest ago.
func Open(dir string, bound int64) (*Dir, error) {
	d := &Dir{
		blobs:   filepath.Join(dir, "blobs"),
		uploads: filepath.Join(dir, "uploads"),
		bound:   bound,
		owners:  make(map[Digest]chan struct{}),
		stored:  make(map[Digest]int64),
		broken:  make(map[Digest]brokenOff),
		open:    make(map[Digest]int64),
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
		d.stored[digest] = cost(info.Size())
		d.total += cost(info.Size())
	})
	if err != nil {
		return nil, err
	}
	return d, scan(d.uploads, func(digest Digest, info fs.FileInfo) {
		d.broken[digest] = brokenOff{cost: cost(info.Size()), last: info.ModTime()}
		d.total += cost(info.Size())
	})
}

// scan calls each for the files of a directory that are named by a digest.
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

func parseName(name string) (digest Digest, ok bool) {
	if len(name) != hex.EncodedLen(len(digest)) {
		return digest, false
	}
	_, err := hex.Decode(digest[:], []byte(name))
	return digest, err == nil
}

func (d *Dir) blobPath(digest Digest) string {
	return filepath.Join(d.blobs, hex.EncodeToString(digest[:]))
}

func (d *Dir) uploadPath(digest Digest) string {
	return filepath.Join(d.uploads, hex.EncodeToString(digest[:]))
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
	data, err := os.ReadFile(d.blobPath(digest))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(data) != digest {
		return nil, ErrMismatch
	}
	return data, nil
}

// Delete removes a blob, if there is one, after forget has returned nil. Nobody uploads the digest
// meanwhile.
func (d *Dir) Delete(ctx context.Context, digest Digest, forget func() error) error {
	if err := d.own(ctx, digest); err != nil {
		return err
	}
	defer d.release(digest)
	if err := forget(); err != nil {
		return err
	}
	return d.remove(digest)
}

// remove deletes the file of a blob. The caller owns the digest.
func (d *Dir) remove(digest Digest) error {
	if err := os.Remove(d.blobPath(digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total -= d.stored[digest]
	delete(d.stored, digest)
	return nil
}

// Sweep removes the blobs that keep does not want.
func (d *Dir) Sweep(ctx context.Context, keep func(Digest) bool) error {
	d.mu.Lock()
	var stray []Digest
	for digest := range d.stored {
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

// Bytes is what blobs and uploads cost on disk, the announced sizes of open uploads included.
func (d *Dir) Bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}

// reserve makes room for an upload of the digest, which the caller owns.
func (d *Dir) reserve(digest Digest, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	need := cost(size) - d.broken[digest].cost
	victims, gain := d.longestBroken()
	if d.total+need-gain > d.bound {
		return fmt.Errorf("%w: %d bytes of %d are taken", ErrFull, d.total-gain, d.bound)
	}
	for _, victim := range victims {
		if d.total+need <= d.bound {
			break
		}
		if err := os.Remove(d.uploadPath(victim)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		d.total -= d.broken[victim].cost
		delete(d.broken, victim)
	}
	delete(d.broken, digest)
	d.open[digest] = cost(size)
	d.total += need
	return nil
}

// settle ends the reservation of an upload, whose file now has that size; -1 means that it is
// gone. The caller owns the digest.
func (d *Dir) settle(digest Digest, size int64, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total -= d.open[digest]
	delete(d.open, digest)
	if size >= 0 {
		d.broken[digest] = brokenOff{cost: cost(size), last: now}
		d.total += cost(size)
	}
}

// place turns the reservation of an upload into a blob. The caller owns the digest.
func (d *Dir) place(digest Digest, size int64) {
	d.settle(digest, -1, time.Time{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stored[digest] = cost(size)
	d.total += cost(size)
}

// longestBroken returns the uploads that broke off and are nobody's, the oldest first, and what
// they cost.
func (d *Dir) longestBroken() (victims []Digest, bytes int64) {
	for digest, b := range d.broken {
		if _, owned := d.owners[digest]; !owned {
			victims = append(victims, digest)
			bytes += b.cost
		}
	}
	slices.SortFunc(victims, func(a, b Digest) int {
		return d.broken[a].last.Compare(d.broken[b].last)
	})
	return victims, bytes
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
