package wasip1

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/grants"
)

// granted holds what a process knows of its grants, besides their descriptors.
type granted struct {
	grants.Set
	sandbox *abi.Sandbox // nil outside of one
}

func newGranted(config *abi.Config) *granted {
	g := &granted{sandbox: config.Sandbox}
	g.Init(config)
	return g
}
