package vfs

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDevice(t *testing.T) {
	m := NewMounts()
	m.points.Store(newMountTable(map[string]uint64{"/": 1, "/mnt/dead": 2, "/mnt/dead/under": 3}))
	for path, want := range map[string]uint64{
		"/":                      1,
		"/etc":                   1,
		"/mnt":                   1,
		"/mnt/deadly":            1,
		"/mnt/dead":              2,
		"/mnt/dead/a/b":          2,
		"/mnt/dead/../other":     1,
		"/etc/../mnt/dead/x":     2,
		"/mnt/dead/under/a":      3,
		"/mnt/dead/under/../a//": 2,
		"relative":               1,
	} {
		if got := m.Device(path); got != want {
			t.Errorf("Device(%q) = %d, want %d", path, got, want)
		}
	}
}

func TestContains(t *testing.T) {
	m := NewMounts()
	m.points.Store(newMountTable(map[string]uint64{"/": 1, "/mnt/dead": 2, "/mnt/dead/a/under": 3}))
	for path, want := range map[string]bool{
		"/": true, "/mnt": true, "/mnt/": true, "/mnt/dead": true, "/mnt/dead/a": true,
		"/mnt/dead/a/under": false, "/mnt/dead/b": false, "/mnt/deadly": false, "/etc": false,
	} {
		if got := m.Contains(path); got != want {
			t.Errorf("Contains(%q) = %t, want %t", path, got, want)
		}
	}
}

// The devices of the mount table agree with those of files' attributes.
func TestMountsOfThisSystem(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("mounts are not known")
	}
	synctest.Test(t, func(t *testing.T) { // or it could be stale at once
		m := NewMounts()
		if m.Device("/proc") != 0 || !m.Stale() || m.Stale() {
			t.Error("before anything was read something is known, or not just one is told to read")
		}
		m.Read()
		if m.Stale() {
			t.Error("what was just read is stale")
		}
		if time.Sleep(mountsAge + 1); !m.Stale() {
			t.Error("what was read long ago is not stale")
		}
		info, err := os.Stat("/proc/self")
		if err != nil {
			t.Skip(err)
		}
		if got, want := m.Device("/proc/self"), uint64(info.Sys().(*syscall.Stat_t).Dev); got != want { //nolint:unconvert // elsewhere it is no uint64
			t.Errorf("/proc is on %d, its files say %d", got, want)
		}
	})
}
