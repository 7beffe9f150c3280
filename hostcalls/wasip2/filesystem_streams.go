package wasip2

import (
	"errors"
	"io"
	"math"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
)

// fileInput reads a file from an offset on. Like the file it is always ready.
type fileInput struct {
	always
	file *node
	at   int64
}

var _ input = (*fileInput)(nil)

func (s *fileInput) read(c call, n uint32) (files.Buffer, int, error) {
	buf, got, err := c.readPiece(s.file, n, s.at)
	if err == nil && got == 0 {
		buf.GiveBack()
		return files.Buffer{}, 0, io.EOF
	}
	s.at += int64(got)
	return buf, got, err
}

func (s *fileInput) close() { s.file.drop() }

// fileOutput writes a file from an offset on, or appends to it.
type fileOutput struct {
	always
	file    *node
	at      int64
	appends bool
}

var _ output = (*fileOutput)(nil)

func (s *fileOutput) room(call) (int, error)   { return maxPiece, nil }
func (s *fileOutput) flush(call) (bool, error) { return true, nil }
func (s *fileOutput) close()                   { s.file.drop() }

func (s *fileOutput) write(c call, p []byte) error {
	write := func(p []byte) (int, error) { return s.file.file.WriteAt(p, s.at) }
	if s.appends {
		turn := c.node.appends.Queue(s.file.file.ID())
		return c.append(s.file, turn, p)
	}
	for len(p) > 0 {
		n, err := c.writeJob(s.file, p, write)
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

// append appends bytes to a file when it is the component's turn. The job ends the turn, even if the component is gone by then.
func (c call) append(f *node, turn *files.Turn, p []byte) error {
	buf := files.Borrow(uint32(len(p)))
	copy(buf.Bytes, p)
	writing := false
	defer func() {
		if !writing {
			turn.End()
			buf.GiveBack()
		}
	}()
	for !turn.Ready() {
		if f.grant.Lease().Revoked() {
			return network.ErrRevoked
		}
		c.Await(time.Time{}, hostcalls.Wait{Op: f.op(uint32(len(p))), On: turn})
	}
	var err error
	writing = true
	revoked := c.grants.Folders.Do(c.hostcall(), f.grant.Lease(), f.op(uint32(len(p))), func() {
		_, err = f.file.Append(buf.Bytes)
	}, func() {
		turn.End()
		buf.GiveBack()
	})
	if revoked != nil {
		return revoked
	}
	turn.End()
	buf.GiveBack()
	return err
}

// readViaStream: [method]descriptor.read-via-stream.
func readViaStream(c call) {
	d, at := c.descriptor(), c.Args.U64()
	err := d.readable()
	switch {
	case d.dir != nil && errors.Is(err, syscall.EBADF):
		err = syscall.EISDIR
	case err == nil && at > math.MaxInt64:
		err = syscall.EINVAL
	}
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.inputs, &inputStream{from: &fileInput{file: d.use(), at: int64(at)}}, nil))
}

// writeViaStream: [method]descriptor.write-via-stream.
func writeViaStream(c call) {
	d, at := c.descriptor(), c.Args.U64()
	_, err := d.writable()
	if err == nil && at > math.MaxInt64 {
		err = syscall.EINVAL
	}
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.outputs, &outputStream{to: &fileOutput{file: d.use(), at: int64(at)}}, nil))
}

// appendViaStream: [method]descriptor.append-via-stream.
func appendViaStream(c call) {
	d := c.descriptor()
	if _, err := d.writable(); c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.outputs, &outputStream{to: &fileOutput{file: d.use(), appends: true}}, nil))
}
