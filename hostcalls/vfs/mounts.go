package vfs

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Mounts knows on which file system a path of the host is, without asking the file system, which might not answer.
// It goes by the text of the path and does not follow links to other file systems. Its methods may be called from
// any goroutine.
type Mounts struct {
	points  atomic.Pointer[mountTable]
	read    atomic.Int64 // when points was read, in nanoseconds of Unix time
	reading atomic.Bool
}

// mountTable holds the mount points of the system.
type mountTable struct {
	devices map[string]uint64   // by mount point
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

// mountsAge is the age at which the mounts are stale.
const mountsAge = time.Second

// NewMounts returns a Mounts without mount points: until Read, all paths are on one file system.
func NewMounts() *Mounts {
	m := new(Mounts)
	m.points.Store(newMountTable(nil))
	return m
}

// Stale reports whether the caller should call Read. It returns true to one caller at a time.
func (m *Mounts) Stale() bool {
	return time.Now().UnixNano()-m.read.Load() > int64(mountsAge) && m.reading.CompareAndSwap(false, true)
}

// Read reads the system's mounts. If it fails, the mounts read before are kept.
func (m *Mounts) Read() {
	defer m.reading.Store(false)
	if points := mountPoints(); points != nil {
		m.points.Store(newMountTable(points))
	}
	m.read.Store(time.Now().UnixNano())
}

// Version returns a number that changes with each Read. A result of Device may be used as long as Version returns
// the same as before the call of Device.
func (m *Mounts) Version() int64 { return m.read.Load() }

// Device returns the device number of the file system that a path is on, or 0 if it is not known.
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

// Contains reports whether another file system is mounted below a folder, so that links in it may lead there.
func (m *Mounts) Contains(dir string) bool {
	_, ok := m.points.Load().above[filepath.Clean(dir)]
	return ok
}
