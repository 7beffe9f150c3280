package wasip1

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
)

// The grants of tests.
type (
	folderGrant     capability.Folder
	listenerGrant   string
	connectionGrant string
)

func (g folderGrant) String() string     { return fmt.Sprintf("directory %q", g.HostPath) }
func (g listenerGrant) String() string   { return fmt.Sprintf("listener on %q", string(g)) }
func (g connectionGrant) String() string { return fmt.Sprintf("connection to %q", string(g)) }

func (folderGrant) Handle() capability.Handle     { return capability.FolderHandle }
func (listenerGrant) Handle() capability.Handle   { return capability.SocketHandle }
func (connectionGrant) Handle() capability.Handle { return capability.SocketHandle }

func (g folderGrant) Open(o capability.Opener) error { return o.OpenFolder(capability.Folder(g)) }
func (g listenerGrant) Open(o capability.Opener) error {
	return o.Listen(capability.Listener{Name: "listener", Address: string(g)})
}
func (g connectionGrant) Open(o capability.Opener) error {
	return o.Connect(capability.Connection{Name: "connection", Address: string(g)})
}

// ruleGrant is a grant without a handle, which calls a function when it is opened.
type ruleGrant struct{ onOpen func() error }

func (*ruleGrant) String() string                 { return "rule" }
func (*ruleGrant) Handle() capability.Handle      { return capability.NoHandle }
func (g *ruleGrant) Open(capability.Opener) error { return g.onOpen() }

// A grant without a handle is opened before those with one, and takes no descriptor.
func TestGrantWithoutHandle(t *testing.T) {
	opened := false
	rule := &ruleGrant{func() error { opened = true; return nil }}
	grants := []capability.Grant{folderGrant{HostPath: t.TempDir(), GuestPath: "/"}, rule}
	withProcess(t, abi.Config{Descriptors: 4, Grants: grants}, func(c *caller) {
		c.want(errnoSuccess, "fd_prestat_get", 3, 0)
		if !opened {
			t.Error("the rule was not opened")
		}
	})

	cause := errors.New("cause")
	rule.onOpen = func() error { return cause }
	wait, _ := startProcess(t, abi.Config{Grants: grants}, func(*caller) { t.Error("the rule was given") })
	if denied, ok := errors.AsType[*capability.Error](wait()); !ok || denied.Grant != rule || denied.Err != cause {
		t.Errorf("the error is %v", denied)
	}
}

// A workload that nobody accepts does not wait for ever.
func TestPeerThatNeverListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		grant := connectionGrant("workload:web")
		peer := network.Peer{Peers: network.NewPeers(), Tenant: "t", ID: "client"}
		wait, _ := startProcess(t, abi.Config{Grants: []capability.Grant{grant}, Peer: peer}, func(*caller) { t.Error("the connection was given") })
		denied, ok := errors.AsType[*capability.Error](wait())
		if want := `connection to "workload:web": workload web is not there, or does not listen for other workloads; waited 30s for it`; !ok || denied.Error() != want {
			t.Errorf("the error is %v, want %s", denied, want)
		}
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("it waited %v", took)
		}
	})
}
