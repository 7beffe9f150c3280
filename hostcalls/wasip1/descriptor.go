package wasip1

import (
	"math/bits"

	"github.com/reactord/reactord/hostcalls"
)

// descriptor is an entry of the descriptor table. Its types embed an fdstat, which provides the stat method.
// They implement reader, writer, poller, sizer, flagSetter or statter for what else they can do. Functions that
// work on one type only (path_*, sock_*) assert the concrete type.
//
// A descriptor belongs to one process and is used on its fiber only.
type descriptor interface {
	stat() *fdstat
	// close releases what the descriptor holds. It never waits: a release that may block runs on the
	// driver's blocking pool. It is called once, and the descriptor is not used afterwards. onClosed is
	// called when everything has been released, from any goroutine.
	close(p *Process, onClosed func())
}

// reader is a descriptor that fd_read reads from.
type reader interface {
	// read fills v from the front and returns the number of bytes read. It may park. Zero bytes and success
	// mean the end of the input. v.total is zero for datagrams only.
	read(p *Process, v iovecs) (uint32, errno)
}

// writer is a descriptor that fd_write writes to.
type writer interface {
	// write writes bytes from the front of v and returns the number written. It may park. v.total is zero for
	// datagrams only.
	write(p *Process, v iovecs) (uint32, errno)
}

// poller is a descriptor that is not always ready. Descriptors that do not implement it (files, folders) are
// always ready.
type poller interface {
	// notifier notifies of readiness for t, which is eventFdRead or eventFdWrite. It is nil if the
	// descriptor can never be ready for t.
	notifier(t eventtype) hostcalls.Notifier
	// level returns the bytes that can be read or written now (1 if the number is not known) and whether the peer has
	// gone. 0 and false mean that the descriptor is not ready for t after all. It does not wait.
	level(t eventtype) (nbytes uint64, hangup bool)
	// op is the operation that waits for t.
	op(p *Process, t eventtype) hostcalls.Op
	// waitStart is when the process began to wait for t, for which there is a notifier.
	waitStart(t eventtype) *hostcalls.WaitStart
}

// sizer is a descriptor that is always ready and knows how many bytes can be read (for polls).
type sizer interface {
	readable(p *Process) uint64
}

// flagSetter is a descriptor for which setting flags takes more than storing them. fd_fdstat_set_flags has
// checked that there are no unknown bits, and stores the flags if setFlags succeeds.
type flagSetter interface {
	setFlags(p *Process, f fdflags) errno
}

// statter is a descriptor with more attributes than its type (for fd_filestat_get).
type statter interface {
	filestat(p *Process) (filestat, errno)
}

// table maps the guest's descriptor numbers to descriptors. New descriptors get the lowest free number. It is
// used on the fiber only.
type table struct {
	entries []descriptor  // nil where a number is free
	stdio   [3]descriptor // the memory of entries until more than three are open
	used    []uint64      // a bit for each entry, so that a free one is found quickly
	free    int           // no lower number is free
	limit   int           // bound on the length of entries
	budget  *hostcalls.Budget
	guest   *hostcalls.Guest // its owner is the key in the budget
}

// hostDescriptors returns the number of the daemon's own descriptors that d holds.
func hostDescriptors(d descriptor) int64 {
	switch d.(type) {
	case *stdin, *stdout:
		return 0
	}
	return 1
}

// init makes an empty table of at most limit descriptors, which take the share of the guest's owner in the budget.
func (t *table) init(limit int, budget *hostcalls.Budget, guest *hostcalls.Guest) {
	t.limit, t.budget, t.guest = limit, budget, guest
	t.entries = t.stdio[:0]
}

// get returns the descriptor fd, for a use of what it stands for: that fails if its grant was revoked.
func (t *table) get(fd uint32) (descriptor, errno) {
	d, e := t.at(fd)
	if e == errnoSuccess && revoked(d) {
		return nil, errnoNotcapable
	}
	return d, e
}

// at returns the descriptor fd, revoked or not.
func (t *table) at(fd uint32) (descriptor, errno) {
	if uint64(fd) >= uint64(len(t.entries)) || t.entries[fd] == nil {
		return nil, errnoBadf
	}
	return t.entries[fd], errnoSuccess
}

// full reports whether no number is free, so that add would fail with errnoMfile.
func (t *table) full() bool {
	for t.free < len(t.entries) {
		free := ^t.used[t.free/64] >> (t.free % 64)
		if free != 0 {
			t.free += bits.TrailingZeros64(free)
			break
		}
		t.free = t.free/64*64 + 64
	}
	t.free = min(t.free, len(t.entries))
	return t.free >= t.limit
}

// set puts d under the number fd, or with nil frees the number.
func (t *table) set(fd int, d descriptor) {
	t.entries[fd] = d
	if d == nil {
		t.used[fd/64] &^= 1 << (fd % 64)
		t.free = min(t.free, fd)
	} else {
		t.used[fd/64] |= 1 << (fd % 64)
	}
}

// hostFull reports whether the owner's share of the budget is spent, so that add would fail with errnoNfile.
func (t *table) hostFull() bool { return !t.budget.Allows(t.guest.Owner(), 1) }

// add puts d under the lowest free number. It fails with errnoMfile if the table is full, and with errnoNfile
// if the owner's share of the budget is spent; then the caller still has to close d.
//
// returnBudget gives d's share of the budget back, when d has been closed.
func (t *table) add(d descriptor) (uint32, errno) {
	if t.full() {
		return 0, errnoMfile
	}
	if !t.budget.Take(t.guest.Owner(), hostDescriptors(d)) {
		return 0, errnoNfile
	}
	fd := t.free
	if fd == len(t.entries) {
		t.entries = append(t.entries, nil)
		if fd/64 == len(t.used) {
			t.used = append(t.used, 0)
		}
	}
	t.set(fd, d)
	t.free++
	return uint32(fd), errnoSuccess
}

// remove frees the number fd and returns its descriptor, which the caller closes.
func (t *table) remove(fd uint32) (descriptor, errno) {
	d, e := t.at(fd)
	if e != errnoSuccess {
		return nil, e
	}
	t.set(int(fd), nil)
	return d, errnoSuccess
}

// returnBudget gives a descriptor's share of the budget back. It may be called from any goroutine.
func (t *table) returnBudget(d descriptor) { t.budget.Give(t.guest.Owner(), hostDescriptors(d)) }

// renumber moves the descriptor from to the number to, which must be in use. It returns the descriptor that
// was there, which the caller closes, or nil if the two numbers are the same.
func (t *table) renumber(from, to uint32) (descriptor, errno) {
	d, e := t.at(from)
	if e != errnoSuccess {
		return nil, e
	}
	old, e := t.at(to)
	if e != errnoSuccess || from == to {
		return nil, e
	}
	t.set(int(to), d)
	t.set(int(from), nil)
	return old, errnoSuccess
}

// descriptor returns the descriptor fd if it has all the rights need. Otherwise it returns errnoNotcapable, or
// errnoBadf for a missing right to read or write, as POSIX says and programs expect.
func (p *Process) descriptor(fd uint32, need rights) (descriptor, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	switch missing := need &^ d.stat().base; {
	case missing == 0:
		return d, errnoSuccess
	case missing&(rightFdRead|rightFdWrite) != 0:
		return nil, errnoBadf
	default:
		return nil, errnoNotcapable
	}
}
