package wasip1

import (
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// Where the tests of files put things in memory.
const (
	atPath    = 1 << 10
	atPath2   = 6 << 10
	atIovec   = 11 << 10
	atResult  = 12 << 10
	atResult2 = 13 << 10
	atBuffer  = 32 << 10
)

// The grants' descriptors.
const (
	fdData  = 3
	fdFixed = 4
)

const allRights = folderRights | fileRights

// withFiles runs body on a process that has /data and, read-only, /fixed.
func withFiles(t *testing.T, body func(c *caller, data, fixed string)) {
	t.Helper()
	data, fixed := newGrants(t)
	withProcess(t, abi.Config{Grants: grantsOf(data, fixed)}, func(c *caller) { body(c, data, fixed) })
}

func grantsOf(data, fixed string) []capability.Grant {
	return []capability.Grant{
		folderGrant{HostPath: data, GuestPath: "/data"},
		folderGrant{HostPath: fixed, GuestPath: "/fixed", ReadOnly: true},
	}
}

// str puts a string at ptr and returns both as arguments.
func (c *caller) str(ptr uint32, s string) (at, n uint64) {
	copy(c.mem.bytes[ptr:], s)
	return uint64(ptr), uint64(len(s))
}

// open calls path_open and returns the new descriptor.
func (c *caller) open(dir uint64, path string, o oflags, base rights, f fdflags) (uint64, errno) {
	c.t.Helper()
	ptr, n := c.str(atPath, path)
	e := c.call("path_open", dir, lookupFollow, ptr, n, uint64(o), uint64(base), uint64(allRights), uint64(f), atResult)
	return uint64(c.u32(atResult)), e
}

// mustOpen is open, but fails the test if the call fails.
func (c *caller) mustOpen(dir uint64, path string, o oflags, base rights, f fdflags) uint64 {
	c.t.Helper()
	fd, e := c.open(dir, path, o, base, f)
	if e != errnoSuccess {
		c.t.Fatalf("path_open %q: errno %d", path, e)
	}
	return fd
}

// wantPath calls a function on fd and a path, any further arguments after these.
func (c *caller) wantPath(e errno, name string, fd uint64, path string, more ...uint64) {
	c.t.Helper()
	ptr, n := c.str(atPath, path)
	params := append([]uint64{fd, ptr, n}, more...)
	if got := c.call(name, params...); got != e {
		c.t.Errorf("%s %q = errno %d, want %d", name, path, got, e)
	}
}

// buffer makes a list of one buffer and returns its arguments.
func (c *caller) buffer(s string) (list, count uint64) {
	copy(c.mem.bytes[atBuffer:], s)
	c.iovec(atIovec, atBuffer, uint32(len(s)))
	return atIovec, 1
}
