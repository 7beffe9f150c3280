package wasi

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
)

// ReadAt reads up to n bytes of a file at an offset, at most MaxPiece, into a buffer, which is the caller's. No bytes mean the end
// of the file.
func (e *Entity) ReadAt(c *component.Call, n uint32, at int64) (files.Buffer, int, error) {
	var buf files.Buffer // borrowed when the job runs, not while it is queued
	var got int
	var err error
	revoked := e.host.Grants.Folders.Do(c.Waits(), e.grant.Lease(), e.Op(int(n)), func() {
		buf = files.Borrow(n)
		got, err = e.file.ReadAt(buf.Bytes, at)
	}, func() { buf.GiveBack() })
	if revoked != nil {
		return files.Buffer{}, 0, revoked
	}
	if err != nil {
		buf.GiveBack()
		return files.Buffer{}, 0, err
	}
	c.Charge(CopyCost(got))
	return buf, got, nil
}

// WriteAt writes bytes, at most MaxPiece, to a file at an offset. They are copied first, since the job may outlive the component
// and its memory. It may write fewer.
func (e *Entity) WriteAt(c *component.Call, p []byte, at int64) (int, error) {
	buf := files.Borrow(uint32(len(p)))
	copy(buf.Bytes, p)
	var n int
	var err error
	revoked := e.host.Grants.Folders.Do(c.Waits(), e.grant.Lease(), e.Op(len(p)),
		func() { n, err = e.file.WriteAt(buf.Bytes, at) }, func() { buf.GiveBack() })
	if revoked != nil {
		return 0, revoked
	}
	buf.GiveBack()
	return n, err
}

// Append appends bytes, at most MaxPiece, to a file when it is the component's turn. The job ends the turn, even if the component
// is gone by then.
func (e *Entity) Append(c *component.Call, p []byte) error {
	turn := e.host.Node.appends.Queue(e.file.ID())
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
		if e.grant.Lease().Revoked() {
			return network.ErrRevoked
		}
		c.Await(time.Time{}, hostcalls.Wait{Op: e.Op(len(p)), On: turn})
	}
	var err error
	writing = true
	revoked := e.host.Grants.Folders.Do(c.Waits(), e.grant.Lease(), e.Op(len(p)), func() {
		_, err = e.file.Append(buf.Bytes)
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
