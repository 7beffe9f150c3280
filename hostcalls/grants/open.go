package grants

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
)

// opener is the capability.Opener of a process, for one grant.
type opener struct {
	*Set
	call   *hostcalls.Call
	to     Receiver
	permit capability.Permit // nil permits everything
	lease  *lease.Lease      // of what is opened
}

// open opens a grant. If that is revoked, now or meanwhile, what the guest gets stands for nothing.
func (o opener) open(g capability.Grant) error {
	if !o.lease.Revoked() {
		if err := g.Open(o); err == nil || !o.lease.Revoked() || o.call.Err() != nil {
			return err
		}
	}
	return g.Open(revokedOpener{o})
}

// OpenFolder implements capability.Opener.
func (o opener) OpenFolder(f capability.Folder) error {
	dir, err := o.Folders.OpenGranted(o.call, f, o.permit)
	if err != nil {
		return err
	}
	return o.to.Folder(f, dir, o.lease)
}

// SetEnv implements capability.Opener.
func (o opener) SetEnv(name string, secret capability.Reference) error {
	value, err := o.secret(secret)
	if err != nil {
		return err
	}
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		return errors.New("it is no text, as a variable has to be")
	}
	if !o.config.Memory.Hold(int64(len(value))) {
		return errors.New("the workload's memory has no room for it")
	}
	o.to.Variable(name, string(value))
	return nil
}

// secret reads a secret on the blocking pool.
func (o opener) secret(ref capability.Reference) (value []byte, err error) {
	if o.permit == nil {
		return nil, errors.New("there is nobody to permit it")
	}
	op := files.Op(strings.TrimPrefix(string(ref), "file:"), 0)
	var failure error
	err = o.call.Blocking(op, o.Folders.Lane(o.call, op), func() { value, failure = o.permit.Secret(ref) }, func() {})
	return value, errors.Join(err, failure)
}

// laneSocket is the lane of jobs for sockets that do not wait for the network.
var laneSocket = driver.Lane{Kind: "socket"}

// grant returns what is opened by, nil if that is never revoked.
func (o opener) grant() network.Grant {
	if o.lease == nil {
		return nil
	}
	return o.lease
}

// revokedOpener opens grants that were revoked before the process started.
type revokedOpener struct{ opener }

// OpenFolder implements capability.Opener.
func (o revokedOpener) OpenFolder(f capability.Folder) error { return o.to.Folder(f, nil, o.lease) }

// Listen implements capability.Opener.
func (o revokedOpener) Listen(l capability.Listener) error {
	o.listening = append(o.listening, "")
	return o.to.RevokedSocket(l.Name, o.lease, true)
}

// Connect implements capability.Opener.
func (o revokedOpener) Connect(c capability.Connection) error {
	return o.to.RevokedSocket(c.Name, o.lease, false)
}

// Link implements capability.Opener. What was imported traps when it is called.
func (o revokedOpener) Link(l capability.Link) error {
	o.to.Linked(l.Interface, link.New(o.links, l.Workload, nil), o.lease)
	return nil
}

// SetEnv implements capability.Opener.
func (revokedOpener) SetEnv(string, capability.Reference) error { return nil }
