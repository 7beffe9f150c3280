package memory

import "unsafe"

// Clear writes n zeroes to the memory at an offset, within its size. Pages that nobody has touched are zero, and stay
// out of memory, the first time that they are cleared. A page that is cleared again is in use, and to look at it each time would
// take longer than to clear it.
func (m *Memory) Clear(offset, n int64) {
	at, end := offset, offset+n
	for _, e := range m.image.within(at, end) {
		m.clearAnonymous(at, e.start)
		clear(m.bytes()[e.start:e.end]) // an untouched page has what is in the image
		at = e.end
	}
	m.clearAnonymous(at, end)
}

// clearAnonymous is Clear where the memory began with zeroes.
func (m *Memory) clearAnonymous(at, end int64) {
	pool := m.account.pool
	page := pool.hostPage
	for at < end {
		first := at / page
		next, again := m.cleared.run(first, min((end+page-1)/page, first+seenPages))
		part := m.bytes()[at:min(next*page, end)]
		var seen [seenPages]bool
		pages := seen[:next-first]
		if again || !pool.pages.touched(unsafe.Add(unsafe.Pointer(m.base), first*page), page, pages) {
			clear(part)
		} else {
			m.cleared.add(first, next)
			for i := range pages {
				if from, to := (first+int64(i))*page-at, (first+int64(i)+1)*page-at; pages[i] {
					clear(part[max(from, 0):min(to, int64(len(part)))])
				}
			}
		}
		at += int64(len(part))
	}
}

// seenPages is the number of pages that are looked at together.
const seenPages = 64

// pageSet is a set of the pages of a memory.
type pageSet []uint64

// run returns the end of the pages from first on that are all in the set, or all not, up to last.
func (s pageSet) run(first, last int64) (end int64, in bool) {
	in = s.has(first)
	for end = first + 1; end < last && s.has(end) == in; end++ {
	}
	return end, in
}

func (s pageSet) has(page int64) bool {
	return page/64 < int64(len(s)) && s[page/64]>>(page%64)&1 != 0
}

// add adds the pages from first up to last, which is not among them.
func (s *pageSet) add(first, last int64) {
	if more := (last+63)/64 - int64(len(*s)); more > 0 {
		*s = append(*s, make([]uint64, more)...)
	}
	for ; first < last; first++ {
		(*s)[first/64] |= 1 << (first % 64)
	}
}
