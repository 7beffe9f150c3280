package capability

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/reactord/reactord/hostcalls/network"
)

// Grant is one capability handed to a guest. Package grant of the reactor has the kinds; here a grant only
// opens itself, in terms that every ABI has.
type Grant interface {
	// String describes the grant for people, as in: listener on ":80".
	String() string
	// Handle returns the form in which the guest gets the grant.
	Handle() Handle
	// Open opens the grant through the opener. It runs on the guest's fiber, which waits in it.
	Open(o Opener) error
}

// Handle is the form in which a guest gets an open grant.
type Handle uint8

// The handles.
const (
	NoHandle     Handle = iota // none: the grant only allows host calls, or is a variable
	FolderHandle               // a folder
	SocketHandle               // a socket that listens or is connected
)

// Handles returns the number of grants that have a handle.
func Handles[G interface {
	comparable
	Grant
}](grants []G) int {
	n := 0
	var none G
	for _, g := range grants {
		if g != none && g.Handle() != NoHandle {
			n++
		}
	}
	return n
}

// Opener opens what grants ask for and hands it to a guest that is about to start. Every ABI has one. Its
// methods are called on the guest's fiber, which waits in them. They open only what the daemon's [Permit]
// allows. An error may be the cause of a cancel.
type Opener interface {
	// OpenFolder opens a folder of the host.
	OpenFolder(f Folder) error
	// Listen opens a socket that listens.
	Listen(l Listener) error
	// Connect opens a connection.
	Connect(c Connection) error
	// Link has another guest give what a component imports.
	Link(l Link) error
	// SetEnv sets a variable of the guest's environment to a secret. It waits for the file that the secret is in.
	SetEnv(name string, secret Reference) error
}

// Link is what another guest gives a component that imports it.
type Link struct {
	Interface string // that is imported, such as "ns:pkg/iface@1.0.0", or a function that is imported by itself
	Workload  string // the id of the other guest
}

// Folder is a folder of the host that is handed to a guest.
type Folder struct {
	HostPath  string // absolute path on the host
	GuestPath string // its path for the guest
	ReadOnly  bool   // refuse every change below it
}

// Listener is a socket that listens at an address.
type Listener struct {
	Name     string // for the guest
	Address  string // HOST:PORT, where port 0 takes a free one; or "workload", for the connections of other guests
	Protocol network.Protocol
}

// Connection is an open connection.
type Connection struct {
	Name    string // for the guest
	Address string // HOST:PORT; or "workload:ID" or "workload:ID/NAME", the listener of another guest
	TLS     *TLS   // nil: plain bytes
	Accept  bool   // listen at the address, and take the first connection that comes
}

// TLS says how the host speaks TLS on a connection, as a client. Empty fields take defaults.
type TLS struct {
	ServerName  string    // the name that the server's certificate must have; the host of the address
	CA          Reference // certificates that sign the server's; those that the system trusts
	Certificate Reference // the client's certificate; none
	Key         Reference // the certificate's key
	ALPN        []string  // protocols to offer, the preferred one first
}

// Reference says where a secret of the daemon is: "file:/PATH" or "env:NAME". It is no secret itself.
type Reference string

// Permit decides whether a grant may be opened, at the moment when it is opened. It was checked at submission
// too, but links and names may lead elsewhere by now.
type Permit interface {
	// Dir returns the path of the host's folder at path, with all links resolved. It is opened without
	// following links. Dir may block.
	Dir(path string) (string, error)
	// Listen decides about an address, before a socket listens on it. It does not block.
	Listen(at netip.AddrPort) error
	// Connect decides about one of the addresses of host, before it is connected to. It does not block.
	Connect(host string, to netip.AddrPort) error
	// Secret returns the secret at a reference. It may block.
	Secret(ref Reference) ([]byte, error)
}

// Error means that a grant could not be opened.
type Error struct {
	Grant Grant
	Err   error
}

// Error names the grant and the cause. What package net adds to the cause only repeats the grant.
func (e *Error) Error() string {
	cause := e.Err
	if call, ok := errors.AsType[*os.SyscallError](cause); ok {
		cause = call.Err
	}
	return fmt.Sprintf("%v: %v", e.Grant, cause)
}

func (e *Error) Unwrap() error { return e.Err }
