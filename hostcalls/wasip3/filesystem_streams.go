package wasip3

import (
	"errors"
	"sync/atomic"
	"syscall"
	"unicode/utf8"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func streamFunctions() []component.Function {
	const self, outcomeType = "func(self: borrow<descriptor>", "future<result<_, error-code>>"
	return []component.Function{
		function("[method]descriptor.read-via-stream", self+", offset: filesize) -> tuple<stream<u8>, "+outcomeType+">", readViaStream),
		function("[method]descriptor.write-via-stream", self+", data: stream<u8>, offset: filesize) -> "+outcomeType, func(c call) {
			d, data, at := c.descriptor(), c.Args.Stream(), c.Args.U64()
			c.writeViaStream(d, data, int64(at), d.Writable(at))
		}),
		function("[method]descriptor.append-via-stream", self+", data: stream<u8>) -> "+outcomeType, func(c call) {
			d, data := c.descriptor(), c.Args.Stream()
			c.writeViaStream(d, data, appends, d.Writable(0))
		}),
		function("[method]descriptor.read-directory", self+") -> tuple<stream<directory-entry>, "+outcomeType+">", readDirectory),
	}
}

// readViaStream: [method]descriptor.read-via-stream.
func readViaStream(c call) {
	d, at := c.descriptor(), c.Args.U64()
	s := &fileSource{outcome: c.outcomeOfStream(putFileCode), at: int64(at), failed: d.Readable(at)}
	if d.IsFolder() && errors.Is(s.failed, syscall.EBADF) {
		s.failed = syscall.EISDIR
	}
	if s.failed == nil {
		s.file = d.Use()
	}
	s.end = s.produce(c, s, s.failed)
}

// fileSource reads a file from an offset on.
type fileSource struct {
	*outcome
	end    *component.HostEnd
	file   *wasi.Entity // nil: failed says why
	failed error
	at     int64
	piece  *wasi.Piece // that is or was read; nil: none
	used   int         // bytes of it
}

var _ component.Producer = (*fileSource)(nil)

// Produce implements component.Producer.
func (s *fileSource) Produce(to *component.Items) (more bool) {
	c := to.Call()
	c.Charge(wasi.StreamCost)
	if s.failed != nil {
		return false
	}
	if s.piece == nil {
		s.piece = s.file.StartRead(to.Len(), s.at, s.end.Wake)
		s.end.Await(s.file.Op(to.Len()), nil)
		return true
	}
	over, err := s.piece.Over()
	switch {
	case !over:
		s.end.Await(s.file.Op(to.Len()), nil)
		return true
	case err != nil || len(s.piece.Bytes()) == 0:
		s.resolve(err)
		return false
	}
	n := copy(to.Bytes(), s.piece.Bytes()[s.used:])
	c.Charge(wasi.CopyCost(n))
	to.Moved(n)
	s.at += int64(n)
	if s.used += n; s.used == len(s.piece.Bytes()) {
		s.piece.Drop()
		s.piece, s.used = nil, 0
	}
	return true
}

// Stop implements component.Producer.
func (s *fileSource) Stop() {
	if s.piece != nil {
		s.piece.Drop()
	}
	if s.file != nil {
		s.file.Drop()
	}
	s.resolve(nil)
	s.release()
}

// appends is the offset of a fileSink that appends.
const appends = -1

// writeViaStream answers write-via-stream and append-via-stream.
func (c call) writeViaStream(d *wasi.Descriptor, data uint64, at int64, failed error) {
	s := &fileSink{outcome: c.outcomeOfStream(putFileCode), at: at, failed: failed}
	if failed == nil {
		s.file = d.Use()
	}
	s.end = s.consume(c, data, s, failed)
}

// fileSink writes to a file from an offset on, or appends to it.
type fileSink struct {
	*outcome
	end     *component.HostEnd
	file    *wasi.Entity // nil: failed says why
	failed  error
	at      int64
	piece   *wasi.Piece  // that is or was written; nil: none
	pending atomic.Int32 // 1 while a piece is written, or while there may be others
	ending  atomic.Bool
}

var _ component.Consumer = (*fileSink)(nil)

// Consume implements component.Consumer.
func (s *fileSink) Consume(from *component.Items) (more bool) {
	c := from.Call()
	c.Charge(wasi.StreamCost)
	if s.failed != nil {
		return false
	}
	if s.piece != nil {
		over, err := s.piece.Over()
		if !over {
			s.end.Await(s.file.Op(from.Len()), nil)
			return true
		}
		s.piece = nil
		if err != nil {
			s.resolve(err)
			return false
		}
	}
	bytes := from.Bytes()
	bytes = bytes[:min(len(bytes), wasi.MaxPiece)]
	s.pending.Add(1)
	if s.piece = s.file.StartWrite(bytes, s.at, s.end.Wake, s.written); s.piece == nil {
		s.pending.Add(-1)
		s.end.Await(s.file.Op(len(bytes)), nil)
		return true
	}
	c.Charge(wasi.CopyCost(len(bytes)))
	from.Moved(len(bytes))
	if s.at != appends {
		s.at += int64(len(bytes))
	}
	return true
}

// written is called on the blocking pool when a piece is written.
func (s *fileSink) written(err error) {
	if err != nil {
		s.resolve(err)
	}
	if s.pending.Add(-1) == 0 && s.ending.Load() {
		s.resolve(nil)
	}
	s.end.Wake()
}

// Stop implements component.Consumer. A piece that is being written is written to its end, and only then the outcome is known.
func (s *fileSink) Stop(bool) {
	if s.file != nil {
		s.file.Drop()
	}
	s.ending.Store(true)
	if s.pending.Load() == 0 {
		s.resolve(nil)
	}
	s.release()
}

// readDirectory: [method]descriptor.read-directory.
func readDirectory(c call) {
	s := &listing{outcome: c.outcomeOfStream(putFileCode)}
	c.hold(wasi.ListingBytes, "another listing of a folder") // before the folder is used: a trap would leave it so
	if s.from, s.failed = c.descriptor().List(); s.failed != nil {
		c.store.Free(wasi.ListingBytes)
	}
	s.end = s.produce(c, s, s.failed)
}

// listing is a stream of the entries of a folder.
type listing struct {
	*outcome
	end    *component.HostEnd
	from   *wasi.Listing // nil: failed says why
	failed error
	piece  *wasi.Piece // that is read; nil: none
}

var _ component.Producer = (*listing)(nil)

// entryCost is the cost of an entry.
const entryCost = 100

// Produce implements component.Producer. A name that is no UTF-8 ends the stream.
func (s *listing) Produce(to *component.Items) (more bool) {
	to.Call().Charge(wasi.StreamCost)
	if s.failed != nil {
		return false
	}
	if s.piece != nil {
		over, err := s.piece.Over()
		if !over {
			s.end.Await(s.from.Op(), nil)
			return true
		}
		if err != nil {
			s.resolve(err)
			return false
		}
		s.from.Ahead(s.piece)
		s.piece = nil
	}
	ready := s.from.Ready()
	switch {
	case len(ready) == 0 && s.from.Ended():
		s.resolve(nil)
		return false
	case len(ready) == 0:
		s.piece = s.from.StartList(s.end.Wake)
		s.end.Await(s.from.Op(), nil)
		return true
	case !utf8.ValidString(ready[0].Name):
		s.resolve(syscall.EILSEQ)
		return false
	}
	n := 0
	for n < min(len(ready), to.Len()) && utf8.ValidString(ready[n].Name) {
		n++
	}
	to.Call().Charge(int64(n) * entryCost)
	w := to.Writer(n)
	for _, e := range ready[:n] {
		out := w.Record()
		putType(out, e.Type)
		out.String(e.Name)
	}
	s.from.Skip(n)
	return true
}

// Stop implements component.Producer.
func (s *listing) Stop() {
	if s.from != nil {
		s.from.Drop()
		s.host.store.Free(wasi.ListingBytes)
	}
	s.resolve(nil)
	s.release()
}
