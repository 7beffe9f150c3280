package memory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestImageBeyondFileSize: where files may not be as large as an image, there is none, and the process goes on.
func TestImageBeyondFileSize(t *testing.T) {
	const inside = "IMAGE_BEYOND_FILE_SIZE"
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImageBeyondFileSize$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	limit := unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, 0)
	segments := []Segment{{0, bytes.Repeat([]byte{1}, 1<<20)}}
	m, rest, err := p.NewImage(segments)
	if err == nil || m != nil || len(rest) != 1 || p.Images() != 0 {
		t.Errorf("%v, %d segments left, images of %d bytes, %v", m, len(rest), p.Images(), err)
	}
}

// countMappings returns how many mappings of the process have slots of a pool.
func countMappings(t *testing.T, p *Pool) (n int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var start, end uintptr
		if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
			t.Fatal(err)
		}
		for c := range p.classes {
			if slices.ContainsFunc(p.classes[c].arenas, func(arena []byte) bool {
				begin := uintptr(unsafe.Pointer(unsafe.SliceData(arena)))
				return begin < end && start < begin+uintptr(len(arena))
			}) {
				n++
				break
			}
		}
	}
	return n
}

// TestMappingsAreGivenBack: memories with images that have come and gone leave no mappings behind, in whatever order their
// pages are touched.
func TestMappingsAreGivenBack(t *testing.T) {
	p := newPool(t, 0)
	for round := range int64(20) {
		m, _ := newImage(t, p, round*20<<10, 64<<10+round*8<<10)
		var accounts []*Account
		var views [][]byte
		for range 100 {
			a, view := imaged(t, p, m, 1<<20)
			accounts, views = append(accounts, a), append(views, view)
		}
		if now := countMappings(t, p); now < 100 {
			t.Fatalf("%d mappings with 100 images: this test shows nothing", now)
		}
		for _, view := range views { // after all were mapped, so that none is next to another that was touched
			for at := 0; at < len(view); at += 4096 {
				view[at] = 1
			}
		}
		for i := range accounts {
			accounts[i*37%100].Close()
		}
	}
	if now := countMappings(t, p); now > 3 {
		t.Errorf("%d mappings are left of 2,000 memories with images", now)
	}
}

// TestImageFile: the file of an image can't be changed or executed, and has all its pages from the start, also those of gaps.
func TestImageFile(t *testing.T) {
	p := newPool(t, 0)
	m, rest, err := p.NewImage([]Segment{{0, make([]byte, 64<<10)}, {80 << 10, make([]byte, 64<<10)}})
	if err != nil || len(rest) > 0 {
		t.Fatalf("%d segments left, %v", len(rest), err)
	}
	defer m.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(m.file.file.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Size != 144<<10 || stat.Blocks*512 != stat.Size {
		t.Errorf("%d bytes in %d blocks", stat.Size, stat.Blocks)
	}
	for name, change := range map[string]func() error{
		"write":    func() error { _, err := m.file.file.WriteAt([]byte{1}, 0); return err },
		"lengthen": func() error { return m.file.file.Truncate(stat.Size + 4096) },
		"shorten":  func() error { return m.file.file.Truncate(0) },
	} {
		if err := change(); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestImageIsLaidInParts: an image of which a part can't be mapped leaves the memory as it was.
func TestImageIsLaidInParts(t *testing.T) {
	p := newPool(t, 0)
	whole, content := newImage(t, p, 0, 128<<10)
	a := p.NewAccount(0, nil)
	defer a.Close()
	view := a.NewMemory(64 * mib).Reallocate(1 << 20)
	// The second extent can't be mapped, since the file does not begin there at a page.
	broken := &Image{pool: p, extents: []extent{{0, 64 << 10, 0}, {128 << 10, 192 << 10, 1}}, file: whole.file}
	if a.first.Map(broken) || !bytes.Equal(view, make([]byte, 1<<20)) || p.mappings.Load() != 0 {
		t.Error("something is left of an image that could not be mapped")
	}
	if !a.first.Map(whole) || !bytes.Equal(view[:128<<10], content) {
		t.Error("another image can't be mapped then")
	}
}

// TestImagesAreBounded: modules do not take all descriptors of the process.
func TestImagesAreBounded(t *testing.T) {
	p := newPool(t, 0)
	if most := p.mostImages; most < 1 || most > 4096 {
		t.Errorf("there may be %d images", most)
	}
	p.mostImages = 2
	newImage(t, p, 0, 64<<10)
	second, _, err := p.NewImage([]Segment{{0, make([]byte, 64<<10)}})
	if err != nil {
		t.Fatal(err)
	}
	if third, rest, err := p.NewImage([]Segment{{0, make([]byte, 64<<10)}}); err == nil || third != nil || len(rest) != 1 {
		t.Errorf("a third image: %d segments left, %v", len(rest), err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	newImage(t, p, 0, 64<<10)
}

// TestImageIsNotInherited: a process that is started does not get the file of an image.
func TestImageIsNotInherited(t *testing.T) {
	p := newPool(t, 0)
	newImage(t, p, 0, 1<<20)
	out, err := exec.CommandContext(t.Context(), "ls", "-l", "/proc/self/fd").CombinedOutput()
	if err != nil || strings.Contains(string(out), "image") {
		t.Errorf("%v\n%s", err, out)
	}
}
