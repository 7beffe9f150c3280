package wasip1

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/tetratelabs/wazero/api"
)

var le = binary.LittleEndian

// Bounds on what one call may ask for. A short read or write is legal, so what is beyond a bound
// of bytes is left for the guest's next call; what can't be shortened is refused.
const (
	// maxTransfer is the most bytes one call moves between the guest and the host (MAX_RW_COUNT on
	// Linux). It moves them piece by piece.
	maxTransfer = 0x7ffff000
	// maxIovecs is the most buffers a scatter or gather list may have (IOV_MAX on Linux).
	maxIovecs = 1024
	// maxPath is the longest path in bytes (PATH_MAX on Linux, without its final NUL).
	maxPath = 4095
)

// memory is a guest's linear memory as one host call sees it. The zero memory has no bytes: every
// access is a fault, which is what a module without a memory gets.
//
// Each access looks the memory up anew, so a memory may be kept while the fiber is parked; the
// slices that it hands out may not.
type memory struct{ linear api.Memory }

// bytes returns the n bytes at ptr. The last byte of a memory of the full 4 GiB can't be reached:
// wazero's arithmetic on it wraps around.
func (m memory) bytes(ptr, n uint32) ([]byte, errno) {
	if m.linear == nil || uint64(ptr)+uint64(n) > math.MaxUint32 {
		return nil, errnoFault
	}
	b, ok := m.linear.Read(ptr, n)
	if !ok {
		return nil, errnoFault
	}
	return b, errnoSuccess
}

// array returns the bytes of count records of size bytes each at ptr.
func (m memory) array(ptr, count, size uint32) ([]byte, errno) {
	n := uint64(count) * uint64(size)
	if n > math.MaxUint32 {
		return nil, errnoFault
	}
	return m.bytes(ptr, uint32(n))
}

// path returns a copy of the path of n bytes at ptr. It need not be clean or relative; it is
// UTF-8, as preview 1 strings are, and holds no NUL.
func (m memory) path(ptr, n uint32) (string, errno) {
	if n > maxPath {
		return "", errnoNametoolong
	}
	b, e := m.bytes(ptr, n)
	if e != errnoSuccess {
		return "", e
	}
	if !utf8.Valid(b) {
		return "", errnoIlseq
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return "", errnoInval
	}
	return string(b), errnoSuccess
}

func (m memory) putUint16(ptr uint32, v uint16) errno {
	b, e := m.bytes(ptr, 2)
	if e == errnoSuccess {
		le.PutUint16(b, v)
	}
	return e
}

func (m memory) putUint32(ptr, v uint32) errno {
	b, e := m.bytes(ptr, 4)
	if e == errnoSuccess {
		le.PutUint32(b, v)
	}
	return e
}

func (m memory) putUint64(ptr uint32, v uint64) errno {
	b, e := m.bytes(ptr, 8)
	if e == errnoSuccess {
		le.PutUint64(b, v)
	}
	return e
}

// writable tells whether n bytes may be written at ptr. A call that has effects checks the places
// of its results first, so that it does not fail after the fact.
func (m memory) writable(ptr, n uint32) errno {
	_, e := m.bytes(ptr, n)
	return e
}

// iovecs is a scatter or gather list in guest memory, checked: each of its buffers was in bounds
// when it was decoded, and a linear memory never shrinks.
type iovecs struct {
	mem   memory
	ptr   uint32
	count uint32
	skip  uint32 // bytes at the front that are done with
	total uint32 // the bytes that are left, maxTransfer at most
}

// iovecs decodes the list of count records at ptr.
func (m memory) iovecs(ptr, count uint32) (iovecs, errno) {
	if count > maxIovecs {
		return iovecs{}, errnoInval
	}
	list, e := m.array(ptr, count, sizeIovec)
	if e != errnoSuccess {
		return iovecs{}, e
	}
	var total uint64
	for ; len(list) > 0; list = list[sizeIovec:] {
		n := le.Uint32(list[4:])
		if e := m.writable(le.Uint32(list), n); e != errnoSuccess {
			return iovecs{}, e
		}
		total += uint64(n)
	}
	return iovecs{mem: m, ptr: ptr, count: count, total: uint32(min(total, maxTransfer))}, errnoSuccess
}

// all yields the buffers in order, cut so that they hold v.total bytes together. Empty ones are left
// out.
//
// The list lies in guest memory, and a read may be told to overwrite it: so each record is checked
// again as it is used.
func (v iovecs) all(yield func([]byte) bool) {
	skip, left := v.skip, v.total
	for i := uint32(0); i < v.count && left > 0; i++ {
		record, e := v.mem.bytes(v.ptr+i*sizeIovec, sizeIovec)
		if e != errnoSuccess {
			return
		}
		ptr, n := le.Uint32(record), le.Uint32(record[4:])
		done := min(skip, n)
		skip -= done
		buf, e := v.mem.bytes(ptr+done, min(n-done, left))
		if e != errnoSuccess {
			return
		}
		left -= uint32(len(buf))
		if len(buf) > 0 && !yield(buf) {
			return
		}
	}
}

// whole returns v's bytes if they lie in one buffer.
func (v iovecs) whole() (buf []byte, ok bool) {
	for b := range v.all {
		return b, uint32(len(b)) == v.total
	}
	return nil, false
}

// front returns the first bytes of v, n at most.
func (v iovecs) front(n uint32) iovecs {
	v.total = min(v.total, n)
	return v
}

// after returns what is left of v after n bytes.
func (v iovecs) after(n uint32) iovecs {
	n = min(n, v.total)
	v.skip += n
	v.total -= n
	for v.count > 0 { // leave out the buffers that are done with
		record, e := v.mem.bytes(v.ptr, sizeIovec)
		if e != errnoSuccess || le.Uint32(record[4:]) > v.skip {
			break
		}
		v.skip -= le.Uint32(record[4:])
		v.ptr += sizeIovec
		v.count--
	}
	return v
}

// gather copies from the guest's buffers into buf and returns how many bytes there were.
func (v iovecs) gather(buf []byte) int {
	n := 0
	for b := range v.all {
		n += copy(buf[n:], b)
	}
	return n
}

// scatter copies buf into the guest's buffers and returns how many bytes they took.
func (v iovecs) scatter(buf []byte) int {
	n := 0
	for b := range v.all {
		n += copy(b, buf[n:])
	}
	return n
}
