// Package versions has all versions of WASI for components, as what the ABI of components is made with.
//
// A store has one Host, which all versions share. It is used as package component says.
package versions

import (
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasip2"
)

// Config returns what provides WASI to components. The appends are those of all ABIs.
func Config(appends *files.Appends) component.Config {
	node := wasi.NewNode(appends)
	return component.Config{
		Interfaces: wasip2.Interfaces(),
		NewHost: func(store *component.Store, config *abi.Config) (component.Host, error) {
			h := &host{}
			h.Init(node, store, config)
			h.p2.Init(&h.Host, store, config)
			return h, nil
		},
		Needs:      wasip2.Needs,
		CheckGrant: wasi.CheckGrant,
	}
}

// host is the Host of a store.
type host struct {
	wasi.Host
	p2 wasip2.State
}

// WASIP2 returns what the store has of WASI 0.2 alone.
func (h *host) WASIP2() *wasip2.State { return &h.p2 }

// Close implements component.Host.
func (h *host) Close() {
	h.p2.Close()
	h.Host.Close()
}
