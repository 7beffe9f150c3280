package memory

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

var (
	errMappings = errors.New("the process has as many mappings as it may")
	errImages   = errors.New("the process has as many images as it may")
)

// Config bounds a pool.
type Config struct {
	// LimitBytes bounds what all accounts hold together; zero or less: no bound.
	LimitBytes int64
	// Mappings bounds how many mappings of the process images take; negative: none; zero: as many as the system allows,
	// less those that others need.
	Mappings int64
	// OnDataCopied, unless nil, is called once, when data that should be mapped has to be copied for the first time, with the
	// reason. It must not block. Systems that have no images are not told.
	OnDataCopied func(error)
	// OnReclaimed, unless nil, is called when Freeing has fallen. It must not block.
	OnReclaimed func()
}

// Pool holds the linear memories of one node.
type Pool struct {
	budget       budget
	accounts     atomic.Int64 // open ones
	classes      [classCount]slots
	reaper       reaper
	freeing      atomic.Int64 // bytes of abandoned accounts and of memories that the reaper has
	onReclaimed  func()
	onDataCopied func(error)
	copied       sync.Once

	hostPage     int64 // bytes of a page of the system
	pages        pageTable
	images       atomic.Int64
	mostImages   int64
	imageBytes   atomic.Int64
	mappings     atomic.Int64 // that images take
	mostMappings int64
}

// NewPool returns an empty pool. Address space is reserved when it is first needed.
func NewPool(config Config) *Pool {
	p := &Pool{
		onReclaimed: config.OnReclaimed, onDataCopied: config.OnDataCopied, mostMappings: config.Mappings,
		hostPage: int64(os.Getpagesize()), pages: openPageTable(),
	}
	if p.mostMappings == 0 {
		p.mostMappings = mostMappings()
	}
	p.mostImages = mostImages()
	p.budget.setLimit(config.LimitBytes)
	return p
}

// Used returns the bytes that all accounts hold now.
func (p *Pool) Used() int64 { return p.budget.used.Load() }

// Freeing returns the bytes of Used that belong to no account any more.
func (p *Pool) Freeing() int64 { return p.freeing.Load() }

// Images returns the bytes of all images. Each is in memory once, however many memories map it.
func (p *Pool) Images() int64 { return p.imageBytes.Load() }

// Limit returns the bound on Used; math.MaxInt64 if there is none.
func (p *Pool) Limit() int64 { return p.budget.limit }

// Close waits for the reaper and returns the address space to the system. It fails while accounts are open:
// a guest whose memory is unmapped would crash the process.
func (p *Pool) Close() error {
	if n := p.accounts.Load(); n != 0 {
		return fmt.Errorf("memory: close of a pool with %d open accounts", n)
	}
	p.reaper.running.Wait()
	for c := range p.classes {
		if err := p.classes[c].unmap(); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	return p.pages.close()
}

// acquire returns a zeroed slot for size bytes that may become ceiling bytes.
//
// Up to 4 MiB the slot has the smallest class that fits, since most memories stay small and moving costs a
// bounded copy. Beyond, the slot holds the whole ceiling, so that nothing larger than 4 MiB is ever copied;
// only if there is no address space left for that, it is smaller.
func (p *Pool) acquire(size, ceiling int64) (base *byte, c class, err error) {
	fits, ok := classFor(size)
	if !ok {
		return nil, 0, ErrAccountLimit // larger than any memory can be
	}
	want := fits
	if fits > copyClass {
		want = largest
		if c, ok := classFor(ceiling); ok {
			want = max(fits, c)
		}
	}
	for c = want; c >= fits; c-- {
		if base, err = p.classes[c].acquire(c); err == nil {
			return base, c, nil
		}
	}
	return nil, 0, err
}

// lay maps an image over an untouched slot. After an error the slot is as it was, or lost is set: it has parts of the
// image, and must not be given to another.
func (p *Pool) lay(image *Image, base *byte) (lost bool, err error) {
	n := image.mappings()
	if p.mappings.Add(n) > p.mostMappings {
		p.mappings.Add(-n)
		p.tellCopied(errMappings)
		return false, errMappings
	}
	if lost, err = image.lay(base); err == nil {
		return false, nil
	}
	p.tellCopied(err)
	if !lost {
		p.mappings.Add(-n)
	}
	return lost, err
}

// tellCopied tells why an image is not made or not mapped.
func (p *Pool) tellCopied(err error) {
	if p.onDataCopied != nil && !errors.Is(err, errors.ErrUnsupported) {
		p.copied.Do(func() { p.onDataCopied(err) })
	}
}

// clean takes back a slot. One that keeps its image is lost, but not its pages.
func (p *Pool) clean(v vacated) {
	discardAll(v.base, v.touched)
	if v.image != nil {
		if err := v.image.lift(v.base); err != nil {
			return
		}
		p.mappings.Add(-v.image.mappings())
	}
	p.classes[v.class].release(v.base)
}
