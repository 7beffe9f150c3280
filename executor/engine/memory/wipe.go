package memory

import "unsafe"

const (
	// wipedPages bounds the pages of the system that are cleared in a slot, instead of being returned. To clear one takes less
	// than to return it and to fault it in again, as long as they are few.
	wipedPages = 32
	// wipedBytes is the largest memory in which such pages are looked for: in a page table that was used earlier the system looks
	// at each entry, which takes a nanosecond or two.
	wipedBytes = int64(32) << 20
	// mostWarm bounds the slots of a class that are free and have pages.
	mostWarm = 16
)

// wipe clears the pages of a slot of which its guest has touched few, and frees the slot with them. It returns false, and leaves the
// slot to others, if they are many, or if it is not known which. It takes some microseconds at most, however large the slot is:
// where nobody has touched anything, the system has no page table.
func (p *Pool) wipe(v vacated) bool {
	class := &p.classes[v.class]
	if v.base == nil || v.image != nil || v.touched > wipedBytes || !class.hasRoomForWarm() {
		return false
	}
	whole := (v.touched + p.hostPage - 1) / p.hostPage * p.hostPage
	return p.pages.clear(unsafe.Pointer(v.base), whole) && class.releaseWarm(v.base)
}
