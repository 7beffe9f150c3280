package hostcalls

import (
	"fmt"
	"net/netip"
)

// Grant is one capability handed to a guest: a Dir, a Listener or a Conn.
type Grant interface{ grant() }

// Dir opens a folder of the host to the guest.
type Dir struct {
	HostPath  string // absolute, on the host
	GuestPath string // the name the guest sees it under
	ReadOnly  bool   // refuse every change below it
}

// Listener hands the guest a socket that listens on a TCP address, HOST:PORT. Port 0 takes a free
// one.
type Listener struct{ Address string }

// Conn hands the guest one open connection to a TCP address, HOST:PORT, which is dialled for it.
type Conn struct{ Address string }

func (Dir) grant()      {}
func (Listener) grant() {}
func (Conn) grant()     {}

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

// GrantError says that a grant could not be given.
type GrantError struct {
	Grant Grant
	Err   error
}

func (e *GrantError) Error() string {
	switch g := e.Grant.(type) {
	case Dir:
		return fmt.Sprintf("directory %q: %v", g.HostPath, e.Err)
	case Listener:
		return fmt.Sprintf("listener on %q: %v", g.Address, e.Err)
	case Conn:
		return fmt.Sprintf("connection to %q: %v", g.Address, e.Err)
	default:
		return e.Err.Error()
	}
}

func (e *GrantError) Unwrap() error { return e.Err }
