package wasip1

import (
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
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

func (g folderGrant) Open(o capability.Opener) error     { return o.OpenFolder(capability.Folder(g)) }
func (g listenerGrant) Open(o capability.Opener) error   { return o.Listen(string(g)) }
func (g connectionGrant) Open(o capability.Opener) error { return o.Connect(string(g)) }
