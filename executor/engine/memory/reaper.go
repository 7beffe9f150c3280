package memory

import "sync"

// promptBytes is the largest memory whose pages are returned to the system by the goroutine that frees it.
// That takes a microsecond for a small guest and a quarter of a second for a gibibyte.
const promptBytes = int64(2) << 20

// vacated is a memory or an annex that its account has freed.
type vacated struct {
	class   class
	base    *byte  // nil if it never had a slot
	touched int64  // bytes that may have been written
	counted int64  // bytes that the pool's budget still counts
	image   *Image // mapped over it; nil: none
}

// vacate takes back the slot and the bytes of a memory. Large memories that may have many pages are left to the reaper, since the
// caller may be a worker; their bytes count against the pool's limit until their pages are returned.
func (p *Pool) vacate(v vacated) {
	if p.wipe(v) {
		p.budget.give(v.counted)
		return
	}
	if v.touched > promptBytes {
		p.reaper.add(p, v)
		return
	}
	p.reclaim(v)
}

func (p *Pool) reclaim(v vacated) {
	if v.base != nil {
		p.clean(v)
	}
	p.budget.give(v.counted)
}

// reclaimed subtracts n bytes from Freeing.
func (p *Pool) reclaimed(n int64) {
	p.freeing.Add(-n)
	if p.onReclaimed != nil {
		p.onReclaimed()
	}
}

// reaper reclaims memories one after the other, on a goroutine that exists while there are any.
type reaper struct {
	mu      sync.Mutex // guards queue and active
	queue   []vacated
	active  bool
	running sync.WaitGroup
}

func (r *reaper) add(p *Pool, v vacated) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.freeing.Add(v.counted)
	r.queue = append(r.queue, v)
	if !r.active {
		r.active = true
		r.running.Go(func() {
			for v, ok := r.next(); ok; v, ok = r.next() {
				p.reclaim(v)
				p.reclaimed(v.counted)
			}
		})
	}
}

// next returns the oldest entry. If ok is false none is left, and the goroutine must end.
func (r *reaper) next() (v vacated, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.active = false
		return vacated{}, false
	}
	v = r.queue[0]
	r.queue = r.queue[1:]
	return v, true
}
