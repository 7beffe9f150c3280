package blob

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// block is what a file costs on disk beside its bytes, roughly: it keeps many tiny blobs from
// costing nothing.
const block = 4096

func cost(size int64) int64 { return size + block }

// maxParts bounds what broke off of one digest: the latest are kept.
const maxParts = 4

// part is what has come of an upload, and lies in a file of its own.
type part struct {
	digest Digest
	path   string
	size   int64
	sender string    // who sent it; empty if that is not known
	last   time.Time // of the last byte
	pinned bool      // it is being committed
	lost   bool      // its room was taken away, and its file removed
}

// room counts what blobs and uploads cost on disk, and makes room. It is guarded by Dir.mu.
type room struct {
	bound  int64
	stored map[Digest]int64   // blobs, by what they cost
	open   map[*part]struct{} // of uploads that are under way, and have had bytes
	broken map[Digest][]*part // of uploads that broke off
	blobs  int64              // the cost of stored
	total  int64              // the cost of all three
}

func newRoom(bound int64) room {
	return room{
		bound:  bound,
		stored: make(map[Digest]int64),
		open:   make(map[*part]struct{}),
		broken: make(map[Digest][]*part),
	}
}

// store counts a blob in place of what was counted under its name.
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

// fits refuses what could not become a blob whatever else gave way.
func (r *room) fits(digest Digest, size int64) error {
	if others := r.blobs - r.stored[digest]; others+cost(size) > r.bound {
		return fmt.Errorf("%w: blobs take %d bytes of %d", ErrFull, others, r.bound)
	}
	return nil
}

// begin counts a part that is under way.
func (r *room) begin(p *part) {
	r.open[p] = struct{}{}
	r.total += cost(p.size)
}

// end counts it no more.
func (r *room) end(p *part) {
	if _, ok := r.open[p]; ok {
		delete(r.open, p)
		r.total -= cost(p.size)
	}
}

// leave counts a part that broke off.
func (r *room) leave(p *part) {
	parts := append(r.broken[p.digest], p)
	slices.SortFunc(parts, func(a, b *part) int { return a.last.Compare(b.last) })
	r.broken[p.digest] = parts
	r.total += cost(p.size)
	if len(parts) > maxParts {
		_ = r.drop(parts[0]) // what is left of it is found when the directory is opened again
	}
}

// take counts a part that broke off no more.
func (r *room) take(p *part) {
	parts := slices.DeleteFunc(r.broken[p.digest], func(q *part) bool { return q == p })
	if r.broken[p.digest] = parts; len(parts) == 0 {
		delete(r.broken, p.digest)
	}
	r.total -= cost(p.size)
}

// drop removes a part, wherever it is counted.
func (r *room) drop(p *part) error {
	if _, ok := r.open[p]; ok {
		r.end(p)
		p.lost = true
	} else {
		r.take(p)
	}
	// Its upload may have it open, so removing alone would not free the disk.
	if err := os.Truncate(p.path, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// grow takes room for n bytes more of a part that is under way, making it if that helps.
func (r *room) grow(p *part, n int64, now time.Time) error {
	if p.lost {
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

// makeRoom drops parts that cost need together, or none if they do not.
func (r *room) makeRoom(p *part, need int64, now time.Time) error {
	victims := r.victims(p, now)
	n, gain := 0, int64(0)
	for ; n < len(victims) && gain < need; n++ {
		gain += cost(victims[n].size)
	}
	if gain < need {
		return fmt.Errorf("%w: %d bytes of %d are taken", ErrFull, r.total, r.bound)
	}
	for _, victim := range victims[:n] {
		if err := r.drop(victim); err != nil {
			return err
		}
	}
	return nil
}

// victims returns whose room may be taken for p, those first that go first: what broke off, the
// oldest first, then the uploads that stall, the longest first.
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

// expire removes what broke off before that time.
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

// These are what uploads do with the room, and how they take it.

// take returns the longest part that broke off of a digest and is wanted, or nil. It is counted no
// more.
func (d *Dir) take(digest Digest, wanted func(*part) bool) *part {
	d.mu.Lock()
	defer d.mu.Unlock()
	var best *part
	for _, p := range d.room.broken[digest] {
		if wanted(p) && (best == nil || p.size > best.size) {
			best = p
		}
	}
	if best != nil {
		d.room.take(best)
	}
	return best
}

func (d *Dir) begin(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.begin(p)
}

func (d *Dir) leave(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.leave(p)
}

func (d *Dir) grow(p *part, n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room.grow(p, n, time.Now())
}

func (d *Dir) shrink(p *part, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !p.lost {
		p.size -= n
		d.room.total -= n
	}
}

// pin keeps a part from giving way.
func (d *Dir) pin(p *part) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.lost {
		return ErrStalled
	}
	p.pinned = true
	return nil
}

// breakOff is the end of an upload that was not committed.
func (d *Dir) breakOff(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.lost {
		return
	}
	p.pinned = false
	d.room.end(p)
	d.room.leave(p)
}

func (d *Dir) drop(p *part) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.lost {
		return nil
	}
	return d.room.drop(p)
}

// place counts a part as the blob that it has become.
func (d *Dir) place(p *part, info fs.FileInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.end(p)
	d.room.store(p.digest, p.size)
	d.verified[p.digest] = info
}
