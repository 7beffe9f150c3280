package memory

import "unsafe"

// Clear writes n zeroes to the memory at an offset, within its size. Pages that nobody has touched are zero, and stay
// out of memory.
func (a *Account) Clear(offset, n int64) {
	m, page := &a.memory, a.pool.hostPage
	b := m.bytes()[offset : offset+n]
	head := min(n, (page-offset%page)%page)
	clear(b[:head])
	tail := n - (n-head)%page
	clear(b[tail:])
	for at := head; at < tail; {
		piece := b[at:min(at+seenPages*page, tail)]
		a.pool.eachTouched(piece, func(from, to int64) { clear(piece[from:to]) })
		at += int64(len(piece))
	}
	for _, e := range m.image.within(offset+head, offset+tail) {
		clear(m.bytes()[e.start:e.end]) // an untouched page has what is in the image
	}
}

// seenPages is the number of pages that are looked at together.
const seenPages = 64

// eachTouched calls yield for the parts of b, in whole pages, that were written or read since they were reserved; for all
// of it if that is not known.
func (p *Pool) eachTouched(b []byte, yield func(from, to int64)) {
	var seen [seenPages]bool
	if !p.pages.touched(unsafe.Pointer(unsafe.SliceData(b)), p.hostPage, seen[:int64(len(b))/p.hostPage]) {
		yield(0, int64(len(b)))
		return
	}
	for i, touched := range seen[:int64(len(b))/p.hostPage] {
		if touched {
			yield(int64(i)*p.hostPage, int64(i+1)*p.hostPage)
		}
	}
}
