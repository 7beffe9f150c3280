package wasip1

import (
	"math/bits"

	"github.com/reactord/reactord/hostcalls"
)

// descriptor is what an entry of the descriptor table refers to. It embeds an fdstat, which is its
// stat method. What else a kind of descriptor can do it says by implementing reader, writer,
// poller, flagSetter or statter; the functions that work on one kind only (path_*, sock_*) assert
// the concrete type.
//
// A descriptor belongs to one process and is used on its fiber only.
type descriptor interface {
	stat() *fdstat
	// close gives up what the descriptor holds. It never waits: a release that may block is
	// handed to the driver's blocking pool. It is called once, after which the descriptor is
	// not used. closed is called when it has been given up, from any goroutine.
	close(p *Process, closed func())
}

// reader is a descriptor that fd_read reads from.
type reader interface {
	// read fills v from the front and returns how many bytes it read. It may park. Zero bytes
	// and success are the end of the input. v.total is not zero.
	read(p *Process, v iovecs) (uint32, errno)
}

// writer is a descriptor that fd_write writes to.
type writer interface {
	// write takes bytes from the front of v and returns how many it took. It may park.
	// v.total is not zero.
	write(p *Process, v iovecs) (uint32, errno)
}

// poller is a descriptor that is not always ready. What does not implement it (a file, a folder)
// is ready at any time.
type poller interface {
	// notifier tells of readiness for t, one of eventFdRead and eventFdWrite; nil if the
	// descriptor can never be waited for in that way.
	notifier(t eventtype) hostcalls.Notifier
	// level returns what is known, without waiting, of a descriptor that is ready for t: the
	// bytes that can be read or written (1 where only that there are some is known) and
	// whether the peer has gone.
	level(t eventtype) (nbytes uint64, hangup bool)
	// target names the descriptor to those who ask what a guest waits for.
	target() string
}

// sizer is a descriptor that is always ready and knows how many bytes can be read (for polls).
type sizer interface {
	readable(p *Process) uint64
}

// flagSetter is a descriptor for which setting flags takes more than remembering them.
// fd_fdstat_set_flags has checked that there are no unknown bits, and stores the flags if the
// answer is success.
type flagSetter interface {
	setFlags(p *Process, f fdflags) errno
}

// statter is a descriptor that has more to tell fd_filestat_get than its type.
type statter interface {
	filestat(p *Process) (filestat, errno)
}

// table maps the guest's descriptor numbers to descriptors. New ones get the lowest free number.
// It is used on the fiber only.
type table struct {
	entries []descriptor  // nil where a number is free
	stdio   [3]descriptor // backs entries until more than three are open
	used    []uint64      // a bit for each entry, so that a free one is found by looking at few words
	free    int           // no number below is free
	limit   int           // entries never grows beyond
	budget  *hostcalls.Budget
	owner   string // whose share of the budget it takes
}

// hostDescriptors is how many of the daemon's own descriptors d may hold: a socket has one more while it
// is waited for.
func hostDescriptors(d descriptor) int64 {
	switch d.(type) {
	case *stdin, *stdout:
		return 0
	case *file, *folder:
		return 1
	}
	return 2
}

// init makes an empty table of at most limit descriptors, within an owner's share of the budget of all
// guests.
func (t *table) init(limit int, budget *hostcalls.Budget, owner string) {
	t.limit, t.budget, t.owner = limit, budget, owner
	t.entries = t.stdio[:0]
}

// get returns the descriptor fd.
func (t *table) get(fd uint32) (descriptor, errno) {
	if uint64(fd) >= uint64(len(t.entries)) || t.entries[fd] == nil {
		return nil, errnoBadf
	}
	return t.entries[fd], errnoSuccess
}

// full tells whether add would refuse.
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

// set gives the number fd to d, or with nil frees it.
func (t *table) set(fd int, d descriptor) {
	t.entries[fd] = d
	if d == nil {
		t.used[fd/64] &^= 1 << (fd % 64)
		t.free = min(t.free, fd)
	} else {
		t.used[fd/64] |= 1 << (fd % 64)
	}
}

// add puts d under the lowest free number. If the table is full it refuses with errnoMfile, if the
// owner's share of the budget is spent with errnoNfile, and d is still the caller's to close.
//
// What d takes of the budget is given back by forget, when d has been closed.
func (t *table) add(d descriptor) (uint32, errno) {
	if t.full() {
		return 0, errnoMfile
	}
	if !t.budget.Take(t.owner, hostDescriptors(d)) {
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

// remove frees the number fd and returns the descriptor it had, which the caller closes.
func (t *table) remove(fd uint32) (descriptor, errno) {
	d, e := t.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	t.set(int(fd), nil)
	return d, errnoSuccess
}

// forget gives back what a descriptor took of the budget. Any goroutine may call it.
func (t *table) forget(d descriptor) { t.budget.Give(t.owner, hostDescriptors(d)) }

// renumber moves the descriptor from to the number to, which must be in use, and returns the
// descriptor that was there for the caller to close; nil if the two are the same.
func (t *table) renumber(from, to uint32) (descriptor, errno) {
	d, e := t.get(from)
	if e != errnoSuccess {
		return nil, e
	}
	old, e := t.get(to)
	if e != errnoSuccess || from == to {
		return nil, e
	}
	t.set(int(to), d)
	t.set(int(from), nil)
	return old, errnoSuccess
}

// descriptor returns the descriptor fd if it has all the rights need, else errnoNotcapable; a
// missing right to read or write is errnoBadf, which is what POSIX says and programs look for.
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
