package capability

import (
	"fmt"
	"net/netip"
)

// Grant is one capability handed to a guest. What kinds there are is for who hands them out; here a grant
// only opens itself, in terms that every ABI has.
type Grant interface {
	// String names the grant to people, as in: listener on ":80".
	String() string
	// Handle is what the guest finds the grant as.
	Handle() Handle
	// Open has the opener open what the grant is for. It runs on the guest's fiber, and waits there.
	Open(o Opener) error
}

// Handle is what a guest finds a grant as once it is open.
type Handle uint8

// The handles.
const (
	NoHandle     Handle = iota // it only says what host calls may do
	FolderHandle               // a folder
	SocketHandle               // a socket that listens, or is connected
)

// Handles counts the grants that a guest finds as something.
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

// Opener opens what grants ask it for and hands it to a guest that is about to start. Every ABI has one. Its
// methods are for the guest's fiber, which waits in them; they open what the daemon's [Permit] allows. An
// error may be the cause of a cancel.
type Opener interface {
	// OpenFolder opens a folder of the host.
	OpenFolder(f Folder) error
	// Listen opens a socket that listens on a TCP address, HOST:PORT. Port 0 takes a free one.
	Listen(address string) error
	// Connect opens a connection to a TCP address, HOST:PORT.
	Connect(address string) error
}

// Folder is a folder of the host, and how a guest sees it.
type Folder struct {
	HostPath  string // absolute, on the host
	GuestPath string // the name the guest sees it under
	ReadOnly  bool   // refuse every change below it
}

// Permit says whether a grant may be given, at the moment when it is opened. Whether it might be has
// been looked at before; links and names may lead elsewhere by now.
type Permit interface {
	// Dir returns where the folder of the host at path really is: a path with no links, which is opened
	// without following any. It may block.
	Dir(path string) (string, error)
	// Listen is asked for the address that is about to be listened at. It does not block.
	Listen(at netip.AddrPort) error
	// Connect is asked for each address about to be connected to that host stands for. It does not
	// block.
	Connect(host string, to netip.AddrPort) error
}

// Error says that a grant could not be given.
type Error struct {
	Grant Grant
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("%v: %v", e.Grant, e.Err) }

func (e *Error) Unwrap() error { return e.Err }
