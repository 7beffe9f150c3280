package memory

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// everyPage has a few bytes every so many bytes.
func everyPage(n, apart int64) (segments []Segment) {
	for i := range n {
		segments = append(segments, Segment{i * apart, []byte("12345678")})
	}
	return segments
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestLayout(t *testing.T) {
	const page = 4096
	filledWith := func(at, n int64) Segment { return Segment{at, bytes.Repeat([]byte{1}, int(n))} }
	for _, tt := range []struct {
		name     string
		segments []Segment
		extents  []extent
		rest     []int // indices
	}{
		{name: "none"},
		{name: "empty", segments: []Segment{{0, nil}, {5 << 20, nil}}, rest: []int{0, 1}},
		{name: "small", segments: []Segment{filledWith(page, leastExtent-page)}, rest: []int{0}},
		{name: "large enough", segments: []Segment{filledWith(page, leastExtent)}, extents: []extent{{page, page + leastExtent, 0}}},
		{name: "pages are whole", segments: []Segment{filledWith(page+1, leastExtent)}, extents: []extent{{page, leastExtent + 2*page, 0}}},
		{name: "small gaps are closed",
			segments: []Segment{filledWith(0, leastExtent), filledWith(leastExtent+mergedGap, leastExtent)},
			extents:  []extent{{0, 2*leastExtent + mergedGap, 0}}},
		{name: "large gaps stay",
			segments: []Segment{filledWith(leastExtent+mergedGap+page, leastExtent), filledWith(0, leastExtent)},
			extents:  []extent{{0, leastExtent, 0}, {leastExtent + mergedGap + page, 2*leastExtent + mergedGap + page, leastExtent}}},
		{name: "overlapping", segments: []Segment{filledWith(0, leastExtent), filledWith(100, 10), filledWith(page, leastExtent)},
			extents: []extent{{0, leastExtent + page, 0}}},
		{name: "a few bytes on each page", segments: everyPage(sparseBytes/page, page),
			extents: []extent{{0, sparseBytes, 0}}},
		{name: "a few bytes on each of too many pages", segments: everyPage(sparseBytes/page+1, page), rest: upTo(sparseBytes/page + 1)},
		{name: "a few bytes on every second page", segments: everyPage(256, 2*page), extents: []extent{{0, 511 * page, 0}}},
		{name: "a few bytes on every third page", segments: everyPage(256, 3*page), rest: upTo(256)},
		{name: "the largest ones are mapped", segments: slices.Collect(func(yield func(Segment) bool) {
			for i := int64(0); i < 6 && yield(filledWith(i<<20, leastExtent+i*page)); i++ {
			}
		}), extents: []extent{
			{2 << 20, 2<<20 + leastExtent + 2*page, 0}, {3 << 20, 3<<20 + leastExtent + 3*page, leastExtent + 2*page},
			{4 << 20, 4<<20 + leastExtent + 4*page, 2*leastExtent + 5*page}, {5 << 20, 5<<20 + leastExtent + 5*page, 3*leastExtent + 9*page},
		}, rest: []int{0, 1}},
		{name: "the last page of 4 GiB", segments: []Segment{filledWith(4*gib-leastExtent, leastExtent)},
			extents: []extent{{4*gib - leastExtent, 4 * gib, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			extents, rest := layout(tt.segments, page)
			var want []Segment
			for _, i := range tt.rest {
				want = append(want, tt.segments[i])
			}
			if !slices.Equal(extents, tt.extents) || !reflect.DeepEqual(rest, want) {
				t.Errorf("extents %v, want %v; %d segments left, want %d", extents, tt.extents, len(rest), len(want))
			}
		})
	}
}

// TestLayoutOfPages: whatever the segments and the size of a page, extents are whole pages within the memory, apart from each
// other, and each segment lies in one of them or in none.
func TestLayoutOfPages(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := range 3000 {
		page := []int64{4 << 10, 16 << 10, 64 << 10}[n%3]
		size := (1 + rnd.Int64N(64)) * PageBytes
		var segments []Segment
		for range rnd.IntN(40) {
			at := rnd.Int64N(size)
			segments = append(segments, Segment{at, make([]byte, rnd.Int64N(min(size-at, 1<<rnd.IntN(19))+1))})
		}
		extents, rest := layout(segments, page)
		var last, at int64
		for _, e := range extents {
			if e.start%page != 0 || e.end%page != 0 || e.bytes() < leastExtent || e.start < last || e.end > size || e.at != at {
				t.Fatalf("extents %v with pages of %d in a memory of %d", extents, page, size)
			}
			last, at = e.end, at+e.bytes()
		}
		inside := (&Image{extents: extents}).within
		for _, s := range segments {
			parts := inside(s.Offset, s.Offset+int64(len(s.Bytes)))
			if left := slices.ContainsFunc(rest, func(r Segment) bool { return r.Offset == s.Offset && len(r.Bytes) == len(s.Bytes) }); len(s.Bytes) > 0 &&
				(left != (len(parts) == 0) || len(parts) > 1 || len(parts) == 1 && parts[0].bytes() != int64(len(s.Bytes))) {
				t.Fatalf("%d bytes at %d lie in %v, left %v, extents %v", len(s.Bytes), s.Offset, parts, left, extents)
			}
		}
	}
}

// newImage makes an image of random bytes at an offset, or skips where there are none.
func newImage(t testing.TB, p *Pool, offset, n int64) (*Image, []byte) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("there are no images here")
	}
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	m, rest, err := p.NewImage([]Segment{{offset, content}})
	if err != nil || m == nil || len(rest) > 0 {
		t.Fatalf("%v, %d segments left, %v", m, len(rest), err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, content
}

// imaged opens an account whose memory begins with an image.
func imaged(t testing.TB, p *Pool, m *Image, size int64) (*Account, []byte) {
	t.Helper()
	a := p.NewAccount(0, nil)
	view := a.NewMemory(64 * mib).Reallocate(uint64(size))
	if !a.first.Map(m) {
		t.Fatal("not mapped")
	}
	return a, view
}

// TestImageIsShared: what one memory writes, no other sees; the image stays what it is, and slots come back as zeroes.
func TestImageIsShared(t *testing.T) {
	const offset, n, size = 3000, 200_000, 1 << 20
	p := newPool(t, 0)
	m, content := newImage(t, p, offset, n)
	fresh := make([]byte, size)
	copy(fresh[offset:], content)
	hash := sha256.Sum256(m.file.content)
	for range 3 {
		var accounts []*Account
		var views [][]byte
		for range 10 {
			a, view := imaged(t, p, m, size)
			if !bytes.Equal(view, fresh) {
				t.Fatal("a memory does not begin with the image")
			}
			accounts, views = append(accounts, a), append(views, view)
		}
		for i := range views[:9] {
			for j := range views[i] {
				views[i][j] = byte(i)
			}
		}
		if !bytes.Equal(views[9], fresh) {
			t.Fatal("a memory has what others have written")
		}
		if sha256.Sum256(m.file.content) != hash {
			t.Fatal("the image has changed")
		}
		for _, a := range accounts {
			a.Close()
		}
		for range 10 {
			a := p.NewAccount(0, nil)
			defer a.Close()
			if view := a.NewMemory(64 * mib).Reallocate(size); !bytes.Equal(view, make([]byte, size)) {
				t.Fatal("a slot was given out with what was in it")
			}
		}
	}
	if used := p.mappings.Load(); used != 0 {
		t.Errorf("%d mappings are counted in the end", used)
	}
}

// TestImageMoves: a memory that outgrows its slot keeps its contents, and shares what it did not write.
func TestImageMoves(t *testing.T) {
	const n = 512 << 10
	p := newPool(t, 0)
	m, content := newImage(t, p, 0, n)
	a, view := imaged(t, p, m, 1<<20)
	defer a.Close()
	want := slices.Concat(content, make([]byte, 39<<20+n))
	for i := range 100 {
		at := i * 9973
		view[at], want[at] = 0, 0
		view[at+1], want[at+1] = 1, 1
	}
	first := &view[0]
	for _, size := range []uint64{2 << 20, 6 << 20, 40 << 20} {
		if view = a.first.Reallocate(size); !bytes.Equal(view, want[:size]) {
			t.Fatalf("its contents are lost when it grows to %d", size)
		}
	}
	if &view[0] == first {
		t.Error("it did not move, so this test shows nothing")
	}
	if used := p.mappings.Load(); used != m.mappings() {
		t.Errorf("%d mappings are counted, want %d", used, m.mappings())
	}
}

// TestImageBudget: when no mapping is left, memories have to be copied into, also one that moves.
func TestImageBudget(t *testing.T) {
	var told []error
	p := NewPool(Config{Mappings: 4, OnDataCopied: func(err error) { told = append(told, err) }})
	m, content := newImage(t, p, 0, 512<<10)
	a, _ := imaged(t, p, m, 1<<20)
	b, view := imaged(t, p, m, 1<<20)
	c := p.NewAccount(0, nil)
	untouched := c.NewMemory(64 * mib).Reallocate(1 << 20)
	if c.first.Map(m) {
		t.Error("a third memory has an image")
	}
	if !bytes.Equal(untouched, make([]byte, 1<<20)) {
		t.Error("it is not as it was")
	}
	view[5]++
	if moved := b.first.Reallocate(40 << 20); !bytes.Equal(moved[6:512<<10], content[6:]) || moved[5] != content[5]+1 {
		t.Error("a memory that moved without a mapping has lost its contents")
	}
	a.Close()
	if !c.first.Map(m) || !bytes.Equal(untouched[:512<<10], content) {
		t.Error("the mapping of a closed memory is not free")
	}
	b.Close()
	c.Close()
	if len(told) != 1 || !errors.Is(told[0], errMappings) {
		t.Errorf("told of %v", told)
	}
	if err := p.Close(); err != nil || p.mappings.Load() != 0 {
		t.Errorf("%d mappings are counted in the end (%v)", p.mappings.Load(), err)
	}
}

// TestClear: what is cleared reads as zeroes, again and again, also when the memory has moved and with or without a page table.
func TestClear(t *testing.T) {
	p := newPool(t, 0)
	image, content := newImage(t, p, 1<<19, 300<<10)
	blind := newPool(t, 0)
	if err := blind.pages.close(); err != nil {
		t.Fatal(err)
	}
	blind.pages = pageTable{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		pool  *Pool
		image *Image
	}{{p, nil}, {p, image}, {blind, nil}} {
		a := tt.pool.NewAccount(0, nil)
		defer a.Close()
		memory := a.NewMemory(64 * mib)
		size := 1 << 20
		view, want := memory.Reallocate(uint64(size)), make([]byte, size)
		if tt.image != nil && a.first.Map(tt.image) {
			copy(want[1<<19:], content)
		}
		for _, grown := range []int{size, 4 << 20, 5 << 20, 20 << 20} {
			view, want = memory.Reallocate(uint64(grown)), slices.Concat(want, make([]byte, grown-len(want)))
			for range 200 {
				at := rnd.IntN(grown)
				view[at], want[at] = 1, 1
				from := rnd.Int64N(int64(grown))
				n := rnd.Int64N(min(int64(grown)-from, 1<<rnd.IntN(21)+1))
				a.first.Clear(from, n)
				clear(want[from : from+n])
			}
			if !bytes.Equal(view, want) {
				t.Fatal("the memory is not what was written and cleared")
			}
		}
		a.first.Clear(0, int64(len(view)))
		a.first.Clear(0, 0)
		a.first.Clear(int64(len(view)), 0)
		if !bytes.Equal(view, make([]byte, len(view))) {
			t.Error("it is not zero after all of it was cleared")
		}
	}
}

// BenchmarkImage compares mapping with copying, for a guest that then writes some of the pages and ends.
func BenchmarkImage(b *testing.B) {
	for _, size := range []int64{16 << 10, 32 << 10, 64 << 10, 256 << 10, 1 << 20} {
		for _, written := range []int64{0, 25, 100} { // percent
			for _, mapped := range []bool{false, true} {
				b.Run(fmt.Sprintf("KiB=%d/written=%d/%s", size>>10, written, map[bool]string{false: "copied", true: "mapped"}[mapped]), func(b *testing.B) {
					p := newPool(b, 0)
					content := bytes.Repeat([]byte{1}, int(size))
					m := &Image{pool: p, extents: []extent{{0, size, 0}}}
					if err := m.file.create(size, maps.All(map[int64][]byte{0: content})); err != nil {
						b.Skip(err)
					}
					defer func() { _ = m.Close() }()
					for b.Loop() {
						a := p.NewAccount(0, nil)
						view := a.NewMemory(size).Reallocate(uint64(size))
						if !mapped {
							copy(view, content)
						} else if !a.first.Map(m) {
							b.Fatal("not mapped")
						}
						for at := int64(0); at < size*written/100; at += 4096 {
							view[at]++
						}
						a.Close()
					}
				})
			}
		}
	}
}
