package capability

import (
	"errors"
	"testing"
)

// found is a grant with that handle.
type found Handle

func (found) String() string    { return "the grant" }
func (f found) Handle() Handle  { return Handle(f) }
func (found) Open(Opener) error { return nil }

func TestHandles(t *testing.T) {
	if n := Handles([]Grant{found(NoHandle), found(FolderHandle), found(SocketHandle), found(NoHandle), nil, found(SocketHandle)}); n != 3 {
		t.Errorf("there are %d handles, want 3", n)
	}
}

func TestError(t *testing.T) {
	cause := errors.New("cause")
	err := error(&Error{Grant: found(NoHandle), Err: cause})
	if err.Error() != "the grant: cause" || !errors.Is(err, cause) {
		t.Errorf("%q", err)
	}
}
