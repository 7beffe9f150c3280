package wasip2

import (
	"errors"
	"io"
	"syscall"

	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// fileInput reads a file from an offset on. Like the file it is always ready.
type fileInput struct {
	always
	file *wasi.Entity
	at   int64
}

var _ input = (*fileInput)(nil)

func (s *fileInput) read(c call, n uint32) (files.Buffer, int, error) {
	buf, got, err := s.file.ReadAt(c.Call, n, s.at)
	if err == nil && got == 0 {
		buf.GiveBack()
		return files.Buffer{}, 0, io.EOF
	}
	s.at += int64(got)
	return buf, got, err
}

func (s *fileInput) close() { s.file.Drop() }

// fileOutput writes a file from an offset on, or appends to it.
type fileOutput struct {
	always
	file    *wasi.Entity
	at      int64
	appends bool
}

var _ output = (*fileOutput)(nil)

func (s *fileOutput) room(call) (int, error)   { return wasi.MaxPiece, nil }
func (s *fileOutput) flush(call) (bool, error) { return true, nil }
func (s *fileOutput) close()                   { s.file.Drop() }

func (s *fileOutput) write(c call, p []byte) error {
	if s.appends {
		return s.file.Append(c.Call, p)
	}
	for len(p) > 0 {
		n, err := s.file.WriteAt(c.Call, p, s.at)
		if err != nil {
			return err
		}
		s.at += int64(n)
		if n == len(p) {
			return nil
		}
		p = append([]byte(nil), p[n:]...) // p may not be kept while the call waits; a short write is rare
	}
	return nil
}

// readViaStream: [method]descriptor.read-via-stream.
func readViaStream(c call) {
	d, at := c.descriptor(), c.Args.U64()
	err := d.Readable(at)
	if d.IsFolder() && errors.Is(err, syscall.EBADF) {
		err = syscall.EISDIR
	}
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.inputs, &inputStream{from: &fileInput{file: d.Use(), at: int64(at)}}, nil))
}

// writeViaStream: [method]descriptor.write-via-stream.
func writeViaStream(c call) {
	d, at := c.descriptor(), c.Args.U64()
	if c.fsFailed(d.Writable(at)) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.outputs, &outputStream{to: &fileOutput{file: d.Use(), at: int64(at)}}, nil))
}

// appendViaStream: [method]descriptor.append-via-stream.
func appendViaStream(c call) {
	d := c.descriptor()
	if c.fsFailed(d.Writable(0)) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.outputs, &outputStream{to: &fileOutput{file: d.Use(), appends: true}}, nil))
}
