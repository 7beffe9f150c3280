package wasip1

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/files"
)

// pieces moves v's bytes by move, at most files.MaxBuffer at a time, until move fails or moves fewer bytes than
// asked. An error after the first piece is not returned: the guest's next call meets it. before is the number
// of bytes moved before the piece.
func pieces(v iovecs, move func(piece iovecs, before int64) (uint32, errno)) (uint32, errno) {
	moved := uint32(0)
	for v.total > 0 {
		piece := v.front(files.MaxBuffer)
		n, e := move(piece, int64(moved))
		if e != errnoSuccess && moved == 0 {
			return 0, e
		}
		moved += n
		if e != errnoSuccess || n < piece.total {
			break
		}
		v = v.after(n)
	}
	return moved, errnoSuccess
}

// readFile reads until v is full or the file ends.
func (p *Process) readFile(f *file, v iovecs, read func(buf []byte, before int64) (int, error)) (uint32, errno) {
	return pieces(v, func(piece iovecs, before int64) (uint32, errno) {
		p.charge(int64(piece.count) * iovecCost)
		return p.readPiece(f, piece, func(buf []byte) (int, error) { return read(buf, before) })
	})
}

// readPiece reads once, on the blocking pool, and copies the bytes to the guest.
func (p *Process) readPiece(f *file, v iovecs, read func([]byte) (int, error)) (uint32, errno) {
	var buf files.Buffer // borrowed when the job runs, not while it is queued
	var n int
	var err error
	if e := p.blocking(f.grant.Lease(), f.op(v.total), func() {
		buf = files.Borrow(v.total)
		n, err = read(buf.Bytes)
	}, func() { buf.GiveBack() }); e != errnoSuccess {
		return 0, e
	}
	defer buf.GiveBack()
	if err != nil {
		return 0, fileErrno(err)
	}
	p.charge(copyCost(n))
	return uint32(v.scatter(buf.Bytes[:n])), errnoSuccess
}

// writeFile writes the guest's buffers. Appended bytes stay together even if they take several writes: appends
// of other guests go before or after them.
func (p *Process) writeFile(f *file, v iovecs, write func(buf []byte, before int64) (int, error)) (uint32, errno) {
	if f.flags&fdflagAppend != 0 {
		return p.appendFile(f, v, write)
	}
	return pieces(v, func(piece iovecs, before int64) (uint32, errno) {
		p.chargePiece(piece)
		return p.writePiece(f, piece, func(buf []byte) (int, error) { return write(buf, before) }, func() {})
	})
}

// appendFile is writeFile for a file in append mode. If the guest is cancelled or the file revoked, no further piece is
// written, and its turn ends when the current piece has been written.
func (p *Process) appendFile(f *file, v iovecs, write func(buf []byte, before int64) (int, error)) (uint32, errno) {
	turn := p.granted.abi.appends.Queue(f.ID())
	writing, givenUp := false, false
	defer func() {
		if !givenUp && (!writing || p.Err() == nil) {
			turn.End()
		}
	}()
	for !turn.Ready() {
		if revoked(f) {
			return 0, errnoNotcapable
		}
		p.await(time.Time{}, hostcalls.Wait{Op: f.op(v.total), On: turn})
	}
	return pieces(v, func(piece iovecs, before int64) (uint32, errno) {
		p.chargePiece(piece) // which may end the guest
		writing = true
		n, e := p.writePiece(f, piece, func(buf []byte) (int, error) { return write(buf, before) }, turn.End)
		writing, givenUp = false, e == errnoNotcapable
		return n, e
	})
}

// chargePiece charges for copying a piece from the guest's buffers.
func (p *Process) chargePiece(v iovecs) {
	p.charge(int64(v.count)*iovecCost + copyCost(int(v.total)))
}

// writePiece writes once, on the blocking pool. If the guest is cancelled meanwhile, onAbandoned is called
// when the write has ended.
func (p *Process) writePiece(f *file, v iovecs, write func([]byte) (int, error), onAbandoned func()) (uint32, errno) {
	buf := files.Borrow(v.total)
	size := v.gather(buf.Bytes)
	var n int
	var err error
	if e := p.blocking(f.grant.Lease(), f.op(v.total), func() { n, err = write(buf.Bytes[:size]) }, func() {
		buf.GiveBack()
		onAbandoned()
	}); e != errnoSuccess {
		return 0, e
	}
	buf.GiveBack()
	return uint32(n), fileErrno(err)
}
