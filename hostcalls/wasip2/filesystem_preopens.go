package wasip2

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/grants"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

func filesystemPreopens() component.Interface {
	return component.Interface{
		Name: "wasi:filesystem/preopens", Version: version,
		Types: `use wasi:filesystem/types.{descriptor};`,
		Functions: []component.Function{
			function("get-directories", "func() -> list<tuple<descriptor, string>>", getDirectories),
		},
	}
}

// preopen is a granted folder. It stays open until the store is closed.
type preopen struct {
	*node
	name string
}

// getDirectories: get-directories. Each call gives handles of their own, of the same folders.
func getDirectories(c call) {
	list := c.Results.List(len(c.preopens))
	for _, p := range c.preopens {
		pair := list.Record()
		pair.Own(give(c, &c.host.descriptors, &descriptor{node: p.use(), flags: flagRead | flagMutateDirectory}, nil))
		pair.String(p.name)
	}
}

// receiver is the grants.Receiver of a host.
type receiver struct{ *host }

var _ grants.Receiver = receiver{}

// Folder implements grants.Receiver: the folder is a preopen.
func (r receiver) Folder(f capability.Folder, dir *vfs.Dir, by *lease.Lease) error {
	var entity vfs.Node
	if dir != nil {
		entity = dir
	}
	if cause := r.hostcall().Err(); cause != nil {
		r.discard(f, entity)
		return cause
	}
	n, err := r.opened(entity, f.GuestPath, by)
	if err != nil {
		r.discard(f, entity)
		return grantError(err)
	}
	r.preopens = append(r.preopens, preopen{n, f.GuestPath})
	return nil
}

// discard closes a folder that was not handed over.
func (r receiver) discard(f capability.Folder, entity vfs.Node) {
	if entity != nil {
		r.grants.Folders.Close(r.hostcall(), f.GuestPath, entity, func() {})
	}
}

// grantError is the error of a grant for which there is no descriptor left.
func grantError(err error) error {
	if errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("all guests together: %w", syscall.ENFILE)
	}
	return errors.New("more descriptors than the workload's limit")
}

// Stream implements grants.Receiver. There is no handle for the socket in WASI 0.2. A listener stays open, so that a socket which
// the component binds to its address stands for it; see network.Network.Adopt. A connection has nothing to stand for it.
func (r receiver) Stream(name string, tcp network.TCP, listens bool) error {
	switch {
	case !listens:
		_ = tcp.Close()
		return fmt.Errorf("WASI 0.2 can't hand an open connection to a program: grant the address to dial instead of the connection %q", name)
	case !tcp.LocalAddr().IsValid():
		_ = tcp.Close()
		return fmt.Errorf("WASI 0.2 can't hand a listener for other workloads to a program (%q)", name)
	}
	return r.keep(tcp)
}

// Datagrams implements grants.Receiver, as Stream does for a listener.
func (r receiver) Datagrams(_ string, udp network.UDP, _ network.Family) error { return r.keep(udp) }

// keep keeps a socket open until the store is closed.
func (r receiver) keep(s network.Socket) error {
	if err := r.handles.take(); err != nil {
		_ = s.Close()
		return grantError(err)
	}
	r.granted = append(r.granted, s)
	return nil
}

// RevokedSocket implements grants.Receiver. There is no place to keep.
func (receiver) RevokedSocket(string, *lease.Lease) error { return nil }

// Variable implements grants.Receiver.
func (r receiver) Variable(name, value string) {
	r.env = append(r.env[:len(r.env):len(r.env)], name+"="+value)
}
