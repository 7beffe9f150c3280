package wasi

import (
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Entity is an open file or folder. Descriptors and streams share it; it is closed when the last of them is dropped. (A stream is
// no part of its descriptor: the specification does not say so, and programs drop them in any order.)
type Entity struct {
	host  *Host
	file  *vfs.File // or
	dir   *vfs.Dir  // or neither: its grant was revoked before the store began
	path  string    // as the component would write it; shown to its owner
	grant lease.Hold
	uses  int

	jobs atomic.Int32 // that use what is open, and 1 until the last use ends: who makes it 0 closes it
}

// Preopen is a granted folder. It stays open until the store is closed.
type Preopen struct {
	*Entity
	Name string
}

// node returns the file or folder.
func (e *Entity) node() vfs.Node {
	if e.file != nil {
		return e.file
	}
	return e.dir
}

// Use counts another user.
func (e *Entity) Use() *Entity {
	e.uses++
	return e
}

// Drop ends a use. The last one closes what is open, without waiting.
func (e *Entity) Drop() {
	if e.uses--; e.uses > 0 {
		return
	}
	e.grant.GiveUp()
	e.host.Handles.Closed()
	if e.file == nil && e.dir == nil {
		e.host.Handles.GiveBack()
		return
	}
	if e.jobs.Add(-1) == 0 {
		e.host.Grants.Folders.Close(e.host.hostcall(), e.path, e.node(), e.host.Handles.GiveBack)
	}
}

// start runs a job on the blocking pool, and does not wait for it. What is open stays open until then, but if the grant is
// revoked, and then the job is skipped. done is called afterwards, on the pool.
func (e *Entity) start(size uint32, job func() error, done func(error)) { e.starter(size, job, done)() }

// starter returns what start does, to be called once, from any goroutine.
func (e *Entity) starter(size uint32, job func() error, done func(error)) func() {
	e.jobs.Add(1)
	call, by, op := e.host.hostcall(), e.grant.Lease(), e.Op(int(size))
	lane := e.host.Grants.Folders.Lane(call, op)
	run := func() {
		err := by.Err()
		if err == nil {
			err = job()
		}
		if e.jobs.Add(-1) == 0 {
			_ = e.node().Close()
			e.host.Handles.GiveBack()
		}
		done(err)
	}
	return func() { call.Release(op, lane, run) }
}

// Usable returns an error if the grant was revoked.
func (e *Entity) Usable() error { return e.grant.Lease().Err() }

// Op is an operation on the file or folder, which moves size bytes, at most MaxPiece.
func (e *Entity) Op(size int) hostcalls.Op {
	return files.OpBy(e.grant.Lease(), e.path, uint32(min(size, MaxPiece)))
}

// do runs a job on the blocking pool. If the grant is revoked meanwhile the job's results are not there.
func (e *Entity) do(c *component.Call, op hostcalls.Op, job func() error) error {
	var err error
	if revoked := e.host.Grants.Folders.Do(c.Waits(), e.grant.Lease(), op, func() { err = job() }, nil); revoked != nil {
		return revoked
	}
	return err
}

// opened makes the Entity of what was opened, and takes a descriptor for it. By the grant it is closed if that is revoked.
func (h *Host) opened(node vfs.Node, path string, by *lease.Lease) (*Entity, error) {
	if err := h.Handles.Take(); err != nil {
		return nil, err
	}
	e := &Entity{host: h, path: path, uses: 1}
	e.jobs.Store(1)
	switch node := node.(type) {
	case *vfs.File:
		e.file = node
	case *vfs.Dir:
		e.dir = node
	}
	if node == nil {
		e.grant.Take(by, nil)
	} else {
		h.Grants.Folders.Hold(h.hostcall(), &e.grant, by, path, node)
	}
	return e, nil
}
