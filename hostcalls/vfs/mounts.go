package vfs

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Mounts knows which file system a path of the host lies on, without asking the file system, which might
// not answer. Its methods are for any goroutine. It tells by the path as it is written: a link to another
// file system is not followed.
type Mounts struct {
	points  atomic.Pointer[mountTable]
	read    atomic.Int64 // when that was read, in nanoseconds of Unix time
	reading atomic.Bool
}

// mountTable is what was read.
type mountTable struct {
	devices map[string]uint64   // of each mount point
	above   map[string]struct{} // the folders that contain mount points
}

func newMountTable(devices map[string]uint64) *mountTable {
	t := &mountTable{devices: devices, above: map[string]struct{}{}}
	for point := range devices {
		for point != "/" && point != "." {
			point = filepath.Dir(point)
			t.above[point] = struct{}{}
		}
	}
	return t
}

// mountsAge is for how long what was read of the mounts is good.
const mountsAge = time.Second

// NewMounts returns a Mounts that knows nothing: to it all paths lie on one file system until it is told
// to Read.
func NewMounts() *Mounts {
	m := new(Mounts)
	m.points.Store(newMountTable(nil))
	return m
}

// Stale tells whether it is time to Read. It says so to one at a time.
func (m *Mounts) Stale() bool {
	return time.Now().UnixNano()-m.read.Load() > int64(mountsAge) && m.reading.CompareAndSwap(false, true)
}

// Read reads the system's mounts. What cannot be read leaves what was known.
func (m *Mounts) Read() {
	defer m.reading.Store(false)
	if points := mountPoints(); points != nil {
		m.points.Store(newMountTable(points))
	}
	m.read.Store(time.Now().UnixNano())
}

// Version returns a number that changes before Device tells something else for long: what it told after
// Version is good as long as Version returns the same.
func (m *Mounts) Version() int64 { return m.read.Load() }

// Device returns a number of the file system that a path lies on; 0 if it is not known.
func (m *Mounts) Device(path string) uint64 {
	points := m.points.Load().devices
	for path = filepath.Clean(path); ; {
		if device, ok := points[path]; ok {
			return device
		}
		i := strings.LastIndexByte(path, '/')
		switch {
		case i > 0:
			path = path[:i]
		case path != "/":
			path = "/"
		default:
			return 0
		}
	}
}

// Contains tells whether another file system is mounted below a folder, so that links in it may lead there.
func (m *Mounts) Contains(dir string) bool {
	_, ok := m.points.Load().above[filepath.Clean(dir)]
	return ok
}
