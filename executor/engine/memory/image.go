package memory

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
)

// Segment is a piece of what a memory begins with.
type Segment struct {
	Offset int64
	Bytes  []byte
}

// Image is what the memories of one module begin with: files in memory that are mapped copy-on-write, so that
// memories share the pages that they do not write. It never changes.
//
// Methods of an image may be called concurrently, but not after Close. Memories keep what is mapped.
type Image struct {
	pool    *Pool
	extents []extent // ascending, apart from each other
	file    imageFile
}

// extent is a part of an image without large gaps. It consists of whole pages.
type extent struct {
	start, end int64 // in the memory
	at         int64 // in the file
}

func (e extent) bytes() int64 { return e.end - e.start }

const (
	// leastExtent is the size from which an extent is mapped. Below, copying is faster. (BenchmarkImage)
	leastExtent = 64 << 10
	// mostExtents bounds the mappings of a memory.
	mostExtents = 4
	// mergedGap is the size up to which a gap becomes part of an extent.
	mergedGap = 16 << 10
	// sparsest is the least part of an extent that has to be content, as a fraction: the file has the pages of gaps, too.
	// In an extent of up to sparseBytes, a page with any content counts as a whole, since each instance would have it: so
	// the memory of a program that has run is mapped, and a small module still can't have a huge image.
	sparsest    = 2
	sparseBytes = 4 << 20
)

// NewImage makes an image of segments that are written in that order. It returns those that are not worth it, which
// the caller has to write. If all are such, the image is nil. The image has copies of the segments.
func (p *Pool) NewImage(segments []Segment) (*Image, []Segment, error) {
	extents, rest := layout(segments, p.hostPage)
	if len(extents) == 0 {
		return nil, segments, nil
	}
	if p.images.Add(1) > p.mostImages {
		p.images.Add(-1)
		p.tellCopied(errImages)
		return nil, segments, errImages
	}
	m := &Image{pool: p, extents: extents}
	size := extents[len(extents)-1].at + extents[len(extents)-1].bytes()
	err := m.file.create(size, func(yield func(int64, []byte) bool) {
		for _, s := range segments {
			if e, ok := m.find(s.Offset); ok && len(s.Bytes) > 0 && !yield(e.at+s.Offset-e.start, s.Bytes) {
				return
			}
		}
	})
	if err != nil {
		p.images.Add(-1)
		p.tellCopied(err)
		return nil, segments, err
	}
	p.imageBytes.Add(size)
	return m, rest, nil
}

// layout chooses the extents of an image of segments, and returns the segments that lie in none.
func layout(segments []Segment, page int64) (extents []extent, rest []Segment) {
	extents = worthwhile(merged(segments, page))
	for _, s := range segments {
		if _, ok := (&Image{extents: extents}).find(s.Offset); !ok {
			rest = append(rest, s)
		}
	}
	return extents, rest
}

// filled is an extent, with the size of its segments and of the pages that they lie in.
type filled struct {
	extent
	content int64
	pages   int64
}

// dense reports whether enough of it is content.
func (f filled) dense() bool {
	content := f.content
	if f.bytes() <= sparseBytes {
		content = f.pages
	}
	return f.bytes() <= sparsest*content
}

// merged returns the pages that segments lie in, as extents.
func merged(segments []Segment, page int64) []filled {
	all := make([]filled, 0, len(segments))
	for _, s := range segments {
		if n := int64(len(s.Bytes)); n > 0 {
			e := extent{start: s.Offset / page * page, end: (s.Offset + n + page - 1) / page * page}
			all = append(all, filled{e, n, e.bytes()})
		}
	}
	slices.SortFunc(all, func(a, b filled) int { return cmp.Compare(a.start, b.start) })
	out := all[:0]
	for _, f := range all {
		if len(out) == 0 || f.start > out[len(out)-1].end+mergedGap {
			out = append(out, f)
			continue
		}
		last := &out[len(out)-1]
		last.pages += max(0, f.end-max(f.start, last.end))
		last.end = max(last.end, f.end)
		last.content += f.content
	}
	return out
}

// worthwhile returns the extents to map, in their order in the memory.
func worthwhile(all []filled) (extents []extent) {
	all = slices.DeleteFunc(all, func(f filled) bool {
		return f.bytes() < leastExtent || !f.dense()
	})
	slices.SortStableFunc(all, func(a, b filled) int { return cmp.Compare(b.bytes(), a.bytes()) })
	for _, f := range all[:min(len(all), mostExtents)] {
		extents = append(extents, f.extent)
	}
	slices.SortFunc(extents, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	at := int64(0)
	for i := range extents {
		extents[i].at = at
		at += extents[i].bytes()
	}
	return extents
}

// find returns the extent that has an offset of the memory.
func (m *Image) find(offset int64) (extent, bool) {
	for _, e := range m.extents {
		if e.start <= offset && offset < e.end {
			return e, true
		}
	}
	return extent{}, false
}

// within returns the parts of extents that lie between two offsets of the memory. m may be nil.
func (m *Image) within(start, end int64) (parts []extent) {
	if m == nil {
		return nil
	}
	for _, e := range m.extents {
		if part := (extent{start: max(start, e.start), end: min(end, e.end)}); part.start < part.end {
			parts = append(parts, part)
		}
	}
	return parts
}

// Bytes returns the size of the image.
func (m *Image) Bytes() int64 { return int64(len(m.file.content)) }

// Extents yields the parts of the image, at their offsets in a memory. They must not be written.
func (m *Image) Extents() iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		for _, e := range m.extents {
			if !yield(e.start, m.content(e)) {
				return
			}
		}
	}
}

func (m *Image) content(e extent) []byte { return m.file.content[e.at : e.at+e.bytes()] }

// Close frees the image, except what is mapped.
func (m *Image) Close() error {
	m.pool.imageBytes.Add(-m.Bytes())
	m.pool.images.Add(-1)
	return m.file.close()
}

// end returns the size that a memory has at least.
func (m *Image) end() int64 { return m.extents[len(m.extents)-1].end }

// mappings returns by how many the mappings of the process may grow when the image is mapped: each splits another.
func (m *Image) mappings() int64 { return 2 * int64(len(m.extents)) }

// page returns n bytes of what a memory began with, or nil if those are zeroes. m may be nil.
func (m *Image) page(offset, n int64) []byte {
	if m == nil {
		return nil
	}
	e, ok := m.find(offset)
	if !ok {
		return nil
	}
	return m.content(e)[offset-e.start:][:n]
}

// copyChanged copies src to dst, both of which began with the image, which may be nil. It skips the pages that are
// still as they began: they must not become resident in dst.
func (m *Image) copyChanged(dst, src []byte) {
	var zeroes [4096]byte
	for at := 0; at < len(src); at += len(zeroes) {
		was := m.page(int64(at), int64(len(zeroes)))
		if was == nil {
			was = zeroes[:]
		}
		if page := src[at : at+len(zeroes)]; !bytes.Equal(page, was) {
			copy(dst[at:], page)
		}
	}
}
