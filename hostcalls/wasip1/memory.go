package wasip1

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/tetratelabs/wazero/api"
)

var le = binary.LittleEndian

// Bounds on one call. A short read or write is legal, so bytes beyond a bound are left for the guest's next
// call; what can't be shortened is refused.
const (
	// maxTransfer is the most bytes that one call moves, piece by piece, between guest and host
	// (MAX_RW_COUNT on Linux).
	maxTransfer = 0x7ffff000
	// maxIovecs is the most buffers that a scatter or gather list may have (IOV_MAX on Linux).
	maxIovecs = 1024
	// maxPath is the longest path in bytes (PATH_MAX on Linux, without its final NUL).
	maxPath = 4095
)

// memory is a guest's linear memory, for one host call. The zero memory, which is that of a module without
// memory, has no bytes: every access is a fault.
//
// Each access checks the memory again, so a memory may be kept while the fiber is parked, but the slices that
// it returns may not.
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

// path returns a copy of the path of n bytes at ptr. It is UTF-8, as all strings of preview 1, and has no NUL,
// but may be unclean or absolute.
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

// writable checks that n bytes may be written at ptr. A call that has effects first checks where its results
// go, so that it does not fail afterwards.
func (m memory) writable(ptr, n uint32) errno {
	_, e := m.bytes(ptr, n)
	return e
}

// iovecs is a checked scatter or gather list in guest memory: each of its buffers was in bounds when it was
// decoded, and a linear memory never shrinks.
type iovecs struct {
	mem   memory
	ptr   uint32
	count uint32
	skip  uint32 // bytes at the front that were moved already
	total uint32 // bytes that are left, at most maxTransfer
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

// all yields the non-empty buffers in order, cut to v.total bytes together.
//
// The list is in guest memory, where a read may overwrite it, so each record is checked again when it is used.
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

// whole returns v's bytes if they are in one buffer.
func (v iovecs) whole() (buf []byte, ok bool) {
	for b := range v.all {
		return b, uint32(len(b)) == v.total
	}
	return nil, false
}

// front returns the first bytes of v, at most n.
func (v iovecs) front(n uint32) iovecs {
	v.total = min(v.total, n)
	return v
}

// after returns the rest of v after n bytes.
func (v iovecs) after(n uint32) iovecs {
	n = min(n, v.total)
	v.skip += n
	v.total -= n
	for v.count > 0 { // drop the buffers that were moved
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

// gather copies the guest's buffers to buf and returns the number of bytes.
func (v iovecs) gather(buf []byte) int {
	n := 0
	for b := range v.all {
		n += copy(buf[n:], b)
	}
	return n
}

// scatter copies buf to the guest's buffers and returns the number of bytes copied.
func (v iovecs) scatter(buf []byte) int {
	n := 0
	for b := range v.all {
		n += copy(b, buf[n:])
	}
	return n
}
