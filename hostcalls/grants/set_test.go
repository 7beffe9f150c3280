package grants

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// grant is a grant of a test.
type grant struct {
	handle capability.Handle
	open   func(capability.Opener) error
}

func (grant) String() string                   { return "a grant" }
func (g grant) Handle() capability.Handle      { return g.handle }
func (g grant) Open(o capability.Opener) error { return g.open(o) }

// received tells what a Receiver got, in order.
type received struct {
	what  []string
	close []func() error
	err   error // of Folder
	held  int64
}

func (r *received) Hold(bytes int64) bool {
	r.held += bytes
	return true
}

func (r *received) Free(bytes int64) { r.held -= bytes }

func (r *received) note(format string, a ...any) { r.what = append(r.what, fmt.Sprintf(format, a...)) }

func (r *received) Folder(f capability.Folder, dir *vfs.Dir, _ *lease.Lease) error {
	r.note("folder %s %t", f.GuestPath, dir != nil)
	if dir != nil {
		r.close = append(r.close, dir.Close)
	}
	return r.err
}

func (r *received) Stream(name string, tcp network.TCP, listens bool) error {
	r.note("stream %s %t", name, listens)
	r.close = append(r.close, tcp.Close)
	return nil
}

func (r *received) Datagrams(name string, udp network.UDP, family network.Family) error {
	r.note("datagrams %s %d", name, family)
	r.close = append(r.close, udp.Close)
	return nil
}

func (r *received) RevokedSocket(name string, _ *lease.Lease, _ bool) error {
	r.note("revoked %s", name)
	return nil
}

func (r *received) Imports(name string) []link.Function {
	if name != "a:b/c" {
		return nil
	}
	return []link.Function{{Interface: name, Name: "f", Type: &types.Func{}}}
}

func (r *received) Linked(name string, to *link.Link, _ *lease.Lease) {
	r.note("link %s %s", name, to.Workload())
}

func (r *received) Variable(name, value string) { r.note("%s=%s", name, value) }

// secrets permits everything, and its one secret.
type secrets struct{}

func (secrets) Dir(path string) (string, error)             { return path, nil }
func (secrets) Listen(netip.AddrPort) error                 { return nil }
func (secrets) Connect(string, netip.AddrPort) error        { return nil }
func (secrets) Secret(capability.Reference) ([]byte, error) { return []byte("secret"), nil }

// open opens grants, and returns what a Receiver got. body, unless nil, is called on the fiber afterwards.
func open(t *testing.T, config abi.Config, to *received, body func(*Set)) error {
	t.Helper()
	e, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	config.Driver, config.Permit = e.Driver(), secrets{}
	config.SetDefaults()
	done := make(chan error, 1)
	if _, err := e.Spawn(executor.TaskSpec{Run: func(f *executor.Fiber) {
		var g hostcalls.Guest
		var c hostcalls.Call
		g.Init(e.Driver(), "")
		c.Init(&g, f)
		f.SetMeter(&g)
		defer f.SetMeter(nil)
		var s Set
		s.Init(&config, to)
		defer s.Close()
		err := s.Open(&c, &config, to)
		if body != nil {
			body(&s)
		}
		for _, closeIt := range to.close {
			_ = closeIt()
		}
		if n := s.Network().Open(); n != 0 {
			t.Errorf("%d sockets are left open", n)
		}
		done <- err
	}}); err != nil {
		t.Fatal(err)
	}
	err = <-done
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return err
}

func listener(name, address string, p network.Protocol) grant {
	return grant{capability.SocketHandle, func(o capability.Opener) error {
		return o.Listen(capability.Listener{Name: name, Address: address, Protocol: p})
	}}
}

func folder(host, guest string) grant {
	return grant{capability.FolderHandle, func(o capability.Opener) error {
		return o.OpenFolder(capability.Folder{HostPath: host, GuestPath: guest})
	}}
}

// What needs no handle comes first, then folders, then sockets; what was revoked has its place.
func TestOrder(t *testing.T) {
	stack := networktest.New()
	grants := []capability.Grant{
		listener("web", "10.0.0.1:80", network.OverTCP),
		listener("gone", "10.0.0.1:81", network.OverTCP),
		listener("dns", "10.0.0.1:53", network.OverUDP),
		folder(t.TempDir(), "/data"),
		folder("/nowhere", "/gone"),
		grant{capability.NoHandle, func(o capability.Opener) error { return o.SetEnv("KEY", "file:/key") }},
	}
	leases := make([]*lease.Lease, len(grants))
	for i := range leases {
		leases[i] = lease.New("")
	}
	leases[1].Revoke()
	leases[4].Revoke()
	var to received
	err := open(t, abi.Config{Grants: grants, Leases: leases, Network: network.Config{Stack: stack}}, &to, func(s *Set) {
		if got, want := s.ListenAddresses(), []string{"10.0.0.1:80", "", "udp:10.0.0.1:53"}; !slices.Equal(got, want) {
			t.Errorf("it listens at %q, want %q", got, want)
		}
		if to.held != int64(len("secret")) {
			t.Errorf("%d bytes are held", to.held)
		}
	})
	want := []string{"KEY=secret", "folder /data true", "folder /gone false", "stream web true", "revoked gone", "datagrams dns 1"}
	if err != nil || !slices.Equal(to.what, want) {
		t.Errorf("got %q, %v, want %q", to.what, err, want)
	}
}

func TestFailuresNameTheGrant(t *testing.T) {
	full := errors.New("it is full")
	for _, c := range []struct {
		grant grant
		to    received
		cause error
	}{
		{folder("/nowhere/at/all", "/"), received{}, nil},
		{folder(t.TempDir(), "/"), received{err: full}, full},
		{listener("web", "10.0.0.1:none", network.OverTCP), received{}, nil},
	} {
		err := open(t, abi.Config{Grants: []capability.Grant{c.grant}, Network: network.Config{Stack: networktest.New()}}, &c.to, func(s *Set) {
			if s.ListenAddresses() != nil {
				t.Error("all are open")
			}
		})
		if failed, ok := errors.AsType[*capability.Error](err); !ok || c.cause != nil && failed.Err != c.cause {
			t.Errorf("the error is %v", err)
		}
	}
}
