package wasip2

import (
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// descriptor is a descriptor: a handle of a file or folder.
type descriptor struct {
	component.Object
	*node
	flags uint32
}

// node is an open file or folder. Descriptors and streams share it; it is closed when the last of them is dropped. (A stream is
// no part of its descriptor: the specification does not say so, and programs drop them in any order.)
type node struct {
	host  *host
	file  *vfs.File // or
	dir   *vfs.Dir  // or neither: its grant was revoked before the store began
	path  string    // as the component would write it; shown to its owner
	grant lease.Hold
	uses  int
}

// entity returns the file or folder.
func (n *node) entity() vfs.Node {
	if n.file != nil {
		return n.file
	}
	return n.dir
}

// use counts another user.
func (n *node) use() *node {
	n.uses++
	return n
}

// drop ends a use. The last one closes the node, without waiting.
func (n *node) drop() {
	if n.uses--; n.uses > 0 {
		return
	}
	n.grant.GiveUp()
	n.host.handles.closed()
	if n.file == nil && n.dir == nil {
		n.host.handles.giveBack()
		return
	}
	n.host.grants.Folders.Close(n.host.hostcall(), n.path, n.entity(), n.host.handles.giveBack)
}

// Drop implements component.Dropper.
func (d *descriptor) Drop() { d.drop() }

// op is an operation on the node, with a buffer of a size.
func (n *node) op(size uint32) hostcalls.Op { return files.OpBy(n.grant.Lease(), n.path, size) }

// descriptor reads a handle of a descriptor.
func (c call) descriptor() *descriptor { return c.descriptors.Get(c.Args.Borrow()) }

// do runs a job on a node on the blocking pool. If the grant is revoked meanwhile the job's results are not there.
func (c call) do(n *node, op hostcalls.Op, job func() error) error {
	var err error
	if revoked := c.grants.Folders.Do(c.hostcall(), n.grant.Lease(), op, func() { err = job() }, nil); revoked != nil {
		return revoked
	}
	return err
}

// folder returns the folder of a descriptor.
func (d *descriptor) folder() (*vfs.Dir, error) {
	switch {
	case d.grant.Lease().Revoked():
		return nil, network.ErrRevoked
	case d.dir == nil:
		return nil, syscall.ENOTDIR
	}
	return d.dir, nil
}

// regular returns the file of a descriptor.
func (d *descriptor) regular() (*vfs.File, error) {
	switch {
	case d.grant.Lease().Revoked():
		return nil, network.ErrRevoked
	case d.file == nil:
		return nil, syscall.EBADF
	}
	return d.file, nil
}

// readable returns an error unless the descriptor is of a file that may be read. What was opened neither for reading nor for
// writing may.
func (d *descriptor) readable() error {
	_, err := d.regular()
	if err == nil && d.flags&(flagRead|flagWrite) == flagWrite {
		return syscall.EBADF
	}
	return err
}

// writable returns the file of a descriptor if that may be written.
func (d *descriptor) writable() (*vfs.File, error) {
	f, err := d.regular()
	if err == nil && d.flags&flagWrite == 0 {
		return nil, syscall.EBADF
	}
	return f, err
}

// opened makes the node of what was opened, and takes a descriptor for it. By the grant it is closed if that is revoked.
func (h *host) opened(entity vfs.Node, path string, by *lease.Lease) (*node, error) {
	if err := h.handles.take(); err != nil {
		return nil, err
	}
	n := &node{host: h, path: path, uses: 1}
	switch entity := entity.(type) {
	case *vfs.File:
		n.file = entity
	case *vfs.Dir:
		n.dir = entity
	}
	if entity == nil {
		n.grant.Take(by, nil)
	} else {
		h.grants.Folders.Hold(h.hostcall(), &n.grant, by, path, entity)
	}
	return n, nil
}
