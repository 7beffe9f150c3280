package wasi

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/grants"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/refusal"
	"github.com/reactord/reactord/hostcalls/stdio"
)

// Host is what the component of a store has of WASI, whatever the version.
type Host struct {
	Node           *Node
	Arguments      []string
	Environment    []string
	Grants         grants.Set
	Handles        Handles
	Stdin          stdio.In
	Stdout, Stderr stdio.Out
	Preopens       []Preopen

	store   *component.Store
	config  *abi.Config      // nil once the grants are open
	started time.Time        // zero of the monotonic clock
	seed    *[2]uint64       // nil until InsecureSeed is called
	granted []network.Socket // that no handle stands for
	// connections are those of granted that arguments may be.
	connections []granted
	flight      flight
	lookups     int // under way
}

// Init initializes the zero Host of a store.
func (h *Host) Init(n *Node, store *component.Store, config *abi.Config) {
	h.Node, h.store, h.config, h.started = n, store, config, time.Now()
	h.Arguments, h.Environment = config.Args, config.Env
	h.Stdin.Source, h.Stdout.Sink, h.Stderr.Sink = config.Stdin, config.Stdout, config.Stderr
	h.Handles.init(config)
	h.Grants.Init(config, store)
}

// Open implements component.Host.
func (h *Host) Open() error {
	config := h.config
	h.config = nil
	return h.Grants.Open(&h.store.Call, config, receiver{h})
}

// Close implements component.Host.
func (h *Host) Close() {
	for _, p := range h.Preopens {
		p.Drop()
	}
	h.Preopens = nil
	for _, s := range h.granted {
		_ = s.Close()
		h.Handles.Closed()
		h.Handles.GiveBack()
	}
	h.granted = nil
	h.Grants.Close()
}

// ListenAddresses implements component.Host.
func (h *Host) ListenAddresses() []string { return h.Grants.ListenAddresses() }

// Net returns the store's network.
func (h *Host) Net() *network.Network { return h.Grants.Network() }

// Refused notes what the component is refused.
func (h *Host) Refused() *refusal.Last { return h.store.Refused() }

// hostcall returns the call of what is no part of a call of the component.
func (h *Host) hostcall() *hostcalls.Call { return &h.store.Call }

// CopyCost is the cost of copying n bytes: an eighth of a unit for each.
func CopyCost(n int) int64 { return int64(n) >> 3 }

const (
	// StreamCost is the cost of an attempt to read or write a stream, in addition to the bytes.
	StreamCost = 200
	// StringCost is the cost of a string, in addition to its bytes.
	StringCost = 20
	// MaxPiece is the number of bytes that a stream moves at a time.
	MaxPiece = files.MaxBuffer
	// ObjectBytes is about what an object takes of the host's memory, with its handle.
	ObjectBytes = 256
)
