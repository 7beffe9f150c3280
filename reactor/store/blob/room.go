package blob

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
)

// block is about what a file costs on disk besides its bytes. It keeps many tiny blobs from costing
// nothing.
const block = 4096

func cost(size int64) int64 { return size + block }

// maxParts bounds the interrupted uploads of one digest: the latest are kept.
const maxParts = 4

// part is the received bytes of an upload, in a file of its own.
type part struct {
	digest  Digest
	path    string
	size    int64
	sender  string    // empty if it is unknown
	last    time.Time // when the last byte came
	pinned  bool      // it is being committed
	evicted bool      // its space was given away and its file removed
}

// room accounts for the disk space of blobs and uploads, and frees space. Guarded by Dir.mu.
type room struct {
	bound  int64
	stored map[Digest]int64   // what each blob costs
	open   map[*part]struct{} // the parts of running uploads
	broken map[Digest][]*part // the parts of interrupted uploads
	blobs  int64              // the cost of stored
	total  int64              // the cost of stored, open and broken
}

func newRoom(bound int64) room {
	return room{
		bound:  bound,
		stored: make(map[Digest]int64),
		open:   make(map[*part]struct{}),
		broken: make(map[Digest][]*part),
	}
}

// store adds a blob, replacing what was counted for its digest.
func (r *room) store(digest Digest, size int64) {
	r.remove(digest)
	r.stored[digest] = cost(size)
	r.blobs += cost(size)
	r.total += cost(size)
}

func (r *room) remove(digest Digest) {
	r.blobs -= r.stored[digest]
	r.total -= r.stored[digest]
	delete(r.stored, digest)
}

// fits returns an error for a size that could not be stored even if all uploads gave way.
func (r *room) fits(digest Digest, size int64) error {
	if others := r.blobs - r.stored[digest]; others+cost(size) > r.bound {
		return fmt.Errorf("%w: blobs take %s of %s", ErrFull, humanize.IBytes(uint64(others)), humanize.IBytes(uint64(r.bound)))
	}
	return nil
}

// addOpen counts the part of a running upload.
func (r *room) addOpen(p *part) {
	r.open[p] = struct{}{}
	r.total += cost(p.size)
}

// removeOpen stops counting it.
func (r *room) removeOpen(p *part) {
	if _, ok := r.open[p]; ok {
		delete(r.open, p)
		r.total -= cost(p.size)
	}
}

// addBroken counts the part of an interrupted upload.
func (r *room) addBroken(p *part) {
	parts := append(r.broken[p.digest], p)
	slices.SortFunc(parts, func(a, b *part) int { return a.last.Compare(b.last) })
	r.broken[p.digest] = parts
	r.total += cost(p.size)
	if len(parts) > maxParts {
		_ = r.drop(parts[0]) // its remains are found when the directory is next opened
	}
}

// removeBroken stops counting it.
func (r *room) removeBroken(p *part) {
	parts := slices.DeleteFunc(r.broken[p.digest], func(q *part) bool { return q == p })
	if r.broken[p.digest] = parts; len(parts) == 0 {
		delete(r.broken, p.digest)
	}
	r.total -= cost(p.size)
}

// drop removes a part, open or broken.
func (r *room) drop(p *part) error {
	if _, ok := r.open[p]; ok {
		r.removeOpen(p)
		p.evicted = true
	} else {
		r.removeBroken(p)
	}
	// Its upload may have the file open, so removing it alone would not free the disk.
	if err := os.Truncate(p.path, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// grow takes space for n more bytes of an open part, freeing some if that is enough.
func (r *room) grow(p *part, n int64, now time.Time) error {
	if p.evicted {
		return ErrStalled
	}
	if r.total+n > r.bound {
		if err := r.makeRoom(p, r.total+n-r.bound, now); err != nil {
			return err
		}
	}
	p.size += n
	p.last = now
	r.total += n
	return nil
}

// makeRoom drops parts that free need bytes together, or none if they cannot.
func (r *room) makeRoom(p *part, need int64, now time.Time) error {
	victims := r.victims(p, now)
	n, gain := 0, int64(0)
	for ; n < len(victims) && gain < need; n++ {
		gain += cost(victims[n].size)
	}
	if gain < need {
		return fmt.Errorf("%w: %s of %s are taken", ErrFull, humanize.IBytes(uint64(r.total)), humanize.IBytes(uint64(r.bound)))
	}
	for _, victim := range victims[:n] {
		if err := r.drop(victim); err != nil {
			return err
		}
	}
	return nil
}

// victims returns the parts whose space may be taken for p, in the order in which they go: interrupted uploads,
// the oldest first, then stalled ones, the longest first.
func (r *room) victims(p *part, now time.Time) []*part {
	var broken, stalled []*part
	for _, parts := range r.broken {
		broken = append(broken, parts...)
	}
	for q := range r.open {
		if q != p && !q.pinned && now.Sub(q.last) >= Stall {
			stalled = append(stalled, q)
		}
	}
	age := func(a, b *part) int { return cmp.Or(a.last.Compare(b.last), cmp.Compare(a.path, b.path)) }
	slices.SortFunc(broken, age)
	slices.SortFunc(stalled, age)
	return append(broken, stalled...)
}

// expire removes the parts that were interrupted before the given time.
func (r *room) expire(before time.Time) error {
	var faults []error
	var old []*part
	for _, parts := range r.broken {
		for _, p := range parts {
			if p.last.Before(before) {
				old = append(old, p)
			}
		}
	}
	for _, p := range old {
		faults = append(faults, r.drop(p))
	}
	return errors.Join(faults...)
}

// What follows is how uploads use the room, under Dir.mu.

// takeBroken returns the longest wanted part of the digest's interrupted uploads, or nil, and stops counting
// it.
func (d *Dir) takeBroken(digest Digest, wanted func(*part) bool) *part {
	d.mu.Lock()
	defer d.mu.Unlock()
	var best *part
	for _, p := range d.room.broken[digest] {
		if wanted(p) && (best == nil || p.size > best.size) {
			best = p
		}
	}
	if best != nil {
		d.room.removeBroken(best)
	}
	return best
}

func (d *Dir) addOpen(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.addOpen(p)
}

func (d *Dir) addBroken(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.addBroken(p)
}

func (d *Dir) grow(p *part, n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room.grow(p, n, time.Now())
}

func (d *Dir) shrink(p *part, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !p.evicted {
		p.size -= n
		d.room.total -= n
	}
}

// pin keeps a part from being dropped.
func (d *Dir) pin(p *part) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.evicted {
		return ErrStalled
	}
	p.pinned = true
	return nil
}

// breakOff is called when an upload ends without a commit.
func (d *Dir) breakOff(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.evicted {
		return
	}
	p.pinned = false
	d.room.removeOpen(p)
	d.room.addBroken(p)
}

func (d *Dir) drop(p *part) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.evicted {
		return nil
	}
	return d.room.drop(p)
}

// place counts a part as the blob that it has become.
func (d *Dir) place(p *part, info fs.FileInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.removeOpen(p)
	d.room.store(p.digest, p.size)
	d.verified[p.digest] = info
}
