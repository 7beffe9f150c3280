package wasi

import (
	"syscall"
	"unicode/utf8"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Listing lists a folder. It reads ahead, since each read is a job for the blocking pool.
type Listing struct {
	folder *Entity
	ahead  []Entry
	next   uint64 // the cookie of what comes after them
	ended  bool
}

// Entry is an entry of a folder.
type Entry struct {
	Type vfs.Type
	Name string
}

// Bounds of what is read ahead.
const (
	maxAheadEntries = 64
	maxAheadBytes   = 8 << 10
	// ListingBytes is about what a Listing takes of the host's memory.
	ListingBytes = ObjectBytes + maxAheadBytes + maxAheadEntries*32
)

// List begins to list a folder, which the Listing uses until it is dropped.
func (d *Descriptor) List() (*Listing, error) {
	if _, err := d.folder(); err != nil {
		return nil, err
	}
	return &Listing{folder: d.Use()}, nil
}

// Drop ends the use of the folder.
func (l *Listing) Drop() { l.folder.Drop() }

// Op is the operation that reads more entries.
func (l *Listing) Op() hostcalls.Op { return l.folder.Op(0) }

// Next returns the next entry; ok is false at the end. A name that is no UTF-8 is an error, after which the listing goes on.
func (l *Listing) Next(c *component.Call) (e Entry, ok bool, err error) {
	err = l.folder.Usable()
	for err == nil && len(l.ahead) == 0 && !l.ended {
		err = l.readAhead(c)
	}
	if err != nil || len(l.ahead) == 0 {
		return Entry{}, false, err
	}
	e, l.ahead = l.ahead[0], l.ahead[1:]
	if !utf8.ValidString(e.Name) {
		return Entry{}, false, syscall.EILSEQ
	}
	return e, true, nil
}

// readAhead reads more entries of the folder.
func (l *Listing) readAhead(c *component.Call) error {
	job := l.job()
	if err := l.folder.do(c, l.Op(), job.read); err != nil {
		return err
	}
	l.take(job)
	return nil
}

// job is what reads more entries, which may outlive the call.
func (l *Listing) job() *Listing { return &Listing{folder: l.folder, next: l.next, ended: true} }

// read reads more entries of the folder. It is a job for the blocking pool.
func (l *Listing) read() error {
	bytes := 0
	return l.folder.dir.List(l.next, func(e vfs.Entry) bool {
		if len(l.ahead) == maxAheadEntries || bytes >= maxAheadBytes {
			l.ended = false
			return false
		}
		l.next = e.Next
		if name := string(e.Name); name != "." && name != ".." {
			l.ahead = append(l.ahead, Entry{e.Type, name})
			bytes += len(name)
		}
		return true
	})
}

// take takes what a job has read.
func (l *Listing) take(job *Listing) { l.ahead, l.next, l.ended = job.ahead, job.next, job.ended }
