// Package versions has all versions of WASI for components, as what the ABI of components is made with.
//
// A store has one Host, which all versions share. It is used as package component says.
package versions

import (
	"slices"
	"strings"

	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/service"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/hostcalls/wasip2"
	"github.com/reactord/reactord/hostcalls/wasip3"
)

// Config returns what provides WASI to components. The appends are those of all ABIs.
func Config(appends *files.Appends) component.Config {
	node := wasi.NewNode(appends)
	return component.Config{
		Interfaces: append(wasip2.Interfaces(), wasip3.Interfaces()...),
		NewHost: func(store *component.Store, config *abi.Config) (component.Host, error) {
			h := &host{store: store, pendingOps: config.PendingOps, sender: config.HTTP}
			h.Init(node, store, config)
			return h, nil
		},
		Needs:      needs,
		CheckGrant: wasi.CheckGrant,
		Connection: wasip3.ConnectionType(),
		Services: service.Services{Find: func(exports []abi.Export) (service.Handler, bool) {
			h, ok := FindHandler(exports)
			return h, ok
		}},
	}
}

// Handler is a function that a component exports to answer HTTP requests.
type Handler struct {
	Export  string // its full name
	Version string // of WASI: "0.2" or "0.3"
}

// FindHandler finds the handler among what a component exports: that of WASI 0.3 if there are both. ok is false if there is none.
func FindHandler(exports []abi.Export) (h Handler, ok bool) {
	for _, e := range exports {
		iface, function, _ := strings.Cut(e.Name, "#")
		n, err := names.Parse(iface)
		if err != nil {
			continue
		}
		switch track := names.Track(n.Version); {
		case n.Path == wasip3.HandlerInterface && function == wasip3.HandlerFunction && track == "0.3":
			return Handler{e.Name, track}, true
		case n.Path == wasip2.HandlerInterface && function == wasip2.HandlerFunction && track == "0.2":
			h, ok = Handler{e.Name, track}, true
		}
	}
	return h, ok
}

// Concurrent implements service.Handler: a component of WASI 0.2 answers one request at a time.
func (h Handler) Concurrent() bool { return h.Version != "0.2" }

// Handle implements service.Handler.
func (h Handler) Handle(s *component.Store, x *wasihttp.Exchange) (call component.Ongoing, err error) {
	if h.Version == "0.2" {
		return nil, wasip2.Handle(s, h.Export, x)
	}
	return wasip3.Handle(s, h.Export, x)
}

// host is the Host of a store. What it has of a version is nil until the component uses that.
type host struct {
	wasi.Host
	p2         *wasip2.State
	p3         *wasip3.State
	store      *component.Store
	pendingOps int
	sender     wasihttp.Sender
}

// needs names the capabilities whose functions a component imports.
func needs(imports []abi.Import) []string {
	needs := wasip2.Needs(imports)
	for _, need := range wasip3.Needs(imports) {
		if !slices.Contains(needs, need) {
			needs = append(needs, need)
		}
	}
	return needs
}

// WASIP2 returns what the store has of WASI 0.2 alone.
func (h *host) WASIP2() *wasip2.State {
	if h.p2 == nil {
		h.p2 = &wasip2.State{}
		h.p2.Init(&h.Host, h.store, h.pendingOps, h.sender)
	}
	return h.p2
}

// WASIP3 returns what the store has of WASI 0.3 alone.
func (h *host) WASIP3() *wasip3.State {
	if h.p3 == nil {
		h.p3 = &wasip3.State{}
		h.p3.Init(&h.Host, h.store, h.sender)
	}
	return h.p3
}

var _ component.Connector = (*host)(nil)

// Connection implements component.Connector.
func (h *host) Connection(name string) (rep uint32, err error) { return h.WASIP3().Connection(name) }

// Received implements component.Connector.
func (h *host) Received(name string, open func(component.Producer) *component.HostEnd) error {
	return h.WASIP3().Received(name, open)
}

// Close implements component.Host.
func (h *host) Close() {
	if h.p2 != nil {
		h.p2.Close()
	}
	h.Host.Close()
}
