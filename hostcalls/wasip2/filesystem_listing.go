package wasip2

import (
	"syscall"
	"unicode/utf8"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/vfs"
)

func listingFunctions() []component.Function {
	return []component.Function{
		function("[method]descriptor.read-directory", "func(self: borrow<descriptor>) -> result<directory-entry-stream, error-code>", readDirectory),
		function("[method]directory-entry-stream.read-directory-entry",
			"func(self: borrow<directory-entry-stream>) -> result<option<directory-entry>, error-code>", readDirectoryEntry),
	}
}

// listing is a directory-entry-stream. It reads ahead, since each read is a job for the blocking pool.
type listing struct {
	component.Object
	folder *node
	ahead  []entry
	next   uint64 // the cookie of what comes after them
	ended  bool
}

type entry struct {
	kind int
	name string
}

// Bounds of what is read ahead.
const (
	maxAheadEntries = 64
	maxAheadBytes   = 8 << 10
)

// Drop implements component.Dropper.
func (l *listing) Drop() { l.folder.drop() }

// readDirectory: [method]descriptor.read-directory.
func readDirectory(c call) {
	d := c.descriptor()
	if _, err := d.folder(); c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.listings, &listing{folder: d.use()}, nil))
}

// readDirectoryEntry: [method]directory-entry-stream.read-directory-entry. A name that is no UTF-8 is an error, after which the
// stream goes on.
func readDirectoryEntry(c call) {
	l := c.listings.Get(c.Args.Borrow())
	err := l.folder.grant.Lease().Err()
	for err == nil && len(l.ahead) == 0 && !l.ended {
		err = c.readAhead(l)
	}
	if c.fsFailed(err) {
		return
	}
	if len(l.ahead) == 0 {
		c.Results.OK()
		c.Results.None()
		return
	}
	e := l.ahead[0]
	l.ahead = l.ahead[1:]
	if !utf8.ValidString(e.name) {
		c.fsFailed(syscall.EILSEQ)
		return
	}
	c.Results.OK()
	c.Results.Some()
	out := c.Results.Record()
	out.Enum(e.kind)
	out.String(e.name)
}

// readAhead reads more entries of a folder.
func (c call) readAhead(l *listing) error {
	job := listing{folder: l.folder, next: l.next, ended: true} // of the job, which may outlive the call
	bytes := 0
	err := c.do(l.folder, l.folder.op(0), func() error {
		return job.folder.dir.List(job.next, func(e vfs.Entry) bool {
			if len(job.ahead) == maxAheadEntries || bytes >= maxAheadBytes {
				job.ended = false
				return false
			}
			job.next = e.Next
			if name := string(e.Name); name != "." && name != ".." {
				job.ahead = append(job.ahead, entry{typeOf(e.Type), name})
				bytes += len(name)
			}
			return true
		})
	})
	if err != nil {
		return err
	}
	l.ahead, l.next, l.ended = job.ahead, job.next, job.ended
	return nil
}
