package wasip1

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/grants"
)

// granted holds what a process knows of its grants, besides their descriptors, and of its ABI.
type granted struct {
	grants.Set
	process   *Process
	abi       *ABI
	sandbox   *abi.Sandbox // nil outside of one
	heldBytes int64        // by the host, before the instance exists
}

func newGranted(p *Process, a *ABI, config *abi.Config) *granted {
	g := &granted{process: p, abi: a, sandbox: config.Sandbox}
	g.Init(config, g)
	return g
}

// Hold implements network.Memory: what the host holds for a process counts as memory of its instance, which starts with what was
// held before.
func (g *granted) Hold(bytes int64) bool {
	if i := g.process.Instance(); i != nil {
		return i.Hold(bytes)
	}
	g.heldBytes += bytes
	return true
}

// Free implements network.Memory.
func (g *granted) Free(bytes int64) {
	if i := g.process.Instance(); i != nil {
		i.Free(bytes)
		return
	}
	g.heldBytes -= bytes
}
