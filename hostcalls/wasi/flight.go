package wasi

import (
	"sync"

	"github.com/reactord/reactord/hostcalls/files"
)

// maxFlight bounds the pieces of files that a store has under way for streams, whose buffers are the host's.
const maxFlight = 16

// flight counts them. Its methods may be called from any goroutine.
type flight struct {
	mu      sync.Mutex
	pieces  int
	waiting []func()
}

// take counts another piece, or calls room when there may be room for it.
func (f *flight) take(room func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pieces == maxFlight {
		f.waiting = append(f.waiting, room)
		return false
	}
	f.pieces++
	return true
}

func (f *flight) giveBack() {
	f.mu.Lock()
	waiting := f.waiting
	f.pieces--
	f.waiting = nil
	f.mu.Unlock()
	for _, room := range waiting {
		room()
	}
}

// Piece is a piece of a file or folder that is read or written for a stream, while the component goes on. It is used on the
// store's fiber.
type Piece struct {
	mu   sync.Mutex
	over bool
	gone bool // nobody wants what was read
	err  error
	buf  files.Buffer
	got  int
	list *Listing
}

// Over reports whether the piece is read or written, and why it is not if that has failed.
func (p *Piece) Over() (over bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over, p.err
}

// Bytes are what was read.
func (p *Piece) Bytes() []byte { return p.buf.Bytes[:p.got] }

// Drop gives up what was read, or will be.
func (p *Piece) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone = true; p.over {
		p.buf.GiveBack()
		p.buf = files.Buffer{}
	}
}

// end ends the job.
func (p *Piece) end(err error, done func(error)) {
	p.mu.Lock()
	p.over, p.err = true, err
	if p.gone || err != nil {
		p.buf.GiveBack()
		p.buf, p.got = files.Buffer{}, 0
	}
	p.mu.Unlock()
	done(err)
}

// StartRead begins to read up to n bytes of a file, at most MaxPiece. wake is called from any goroutine when it is over. It returns
// nil if there is no room for another piece; then wake is called when there is.
func (e *Entity) StartRead(n int, at int64, wake func()) *Piece {
	f := &e.host.flight
	if !f.take(wake) {
		return nil
	}
	p := &Piece{}
	n = min(n, MaxPiece)
	e.start(uint32(n), func() (err error) {
		p.buf = files.Borrow(uint32(n))
		p.got, err = e.file.ReadAt(p.buf.Bytes, at)
		return err
	}, func(err error) {
		f.giveBack()
		p.end(err, func(error) { wake() })
	})
	return p
}

// StartWrite begins to write bytes, at most MaxPiece, to a file from an offset on, or at its end if that is negative. They are
// copied first. done is called from any goroutine when it is over. It returns nil if there is no room for another piece; then room
// is called when there is.
func (e *Entity) StartWrite(bytes []byte, at int64, room func(), done func(error)) *Piece {
	f := &e.host.flight
	if !f.take(room) {
		return nil
	}
	p := &Piece{buf: files.Borrow(uint32(len(bytes))), gone: true}
	copy(p.buf.Bytes, bytes)
	over := func(err error) {
		f.giveBack()
		p.end(err, done)
	}
	if at < 0 {
		e.startAppend(p, over)
		return p
	}
	e.start(uint32(len(bytes)), func() error { return e.writeAll(p.buf.Bytes, at) }, over)
	return p
}

// writeAll writes all of the bytes, in several writes if need be.
func (e *Entity) writeAll(bytes []byte, at int64) error {
	for len(bytes) > 0 {
		n, err := e.file.WriteAt(bytes, at)
		if err != nil {
			return err
		}
		bytes, at = bytes[n:], at+int64(n)
	}
	return nil
}

// startAppend appends when it is the store's turn, which the job ends.
func (e *Entity) startAppend(p *Piece, over func(error)) {
	turn := e.host.Node.appends.Queue(e.file.ID())
	size := uint32(len(p.buf.Bytes))
	begin := sync.OnceFunc(e.starter(size, func() error {
		_, err := e.file.Append(p.buf.Bytes)
		return err
	}, func(err error) {
		turn.End()
		over(err)
	}))
	turn.Notify(begin)
}

// StartList begins to read more of a folder's entries, as StartRead reads a file.
func (l *Listing) StartList(wake func()) *Piece {
	f := &l.folder.host.flight
	if !f.take(wake) {
		return nil
	}
	p := &Piece{list: l.job()}
	l.folder.start(0, p.list.read, func(err error) {
		f.giveBack()
		p.end(err, func(error) { wake() })
	})
	return p
}

// Ahead takes the entries that a piece has read, of which there are none at the end.
func (l *Listing) Ahead(p *Piece) { l.take(p.list) }

// Ready returns the entries that are read.
func (l *Listing) Ready() []Entry { return l.ahead }

// Skip leaves out entries that are read.
func (l *Listing) Skip(n int) { l.ahead = l.ahead[n:] }

// Ended reports whether there are no others.
func (l *Listing) Ended() bool { return l.ended }
