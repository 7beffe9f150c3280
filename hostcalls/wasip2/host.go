package wasip2

import (
	"crypto/rand"
	"hash/maphash"
	"io"
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

// Node is what the stores of a node share. It may be used from any goroutine.
type Node struct {
	appends *files.Appends
	random  io.Reader       // safe for concurrent use
	hashes  [2]maphash.Seed // of the identities of files
}

// NewNode makes a Node. The appends are those of all ABIs.
func NewNode(appends *files.Appends) *Node {
	return &Node{appends, rand.Reader, [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// NewHost makes the Host of a store.
func (n *Node) NewHost(store *component.Store, config *abi.Config) (component.Host, error) {
	h := &host{node: n, store: store, config: config, args: config.Args, env: config.Env, started: time.Now(), maxPoll: config.PendingOps}
	h.stdin.Source, h.stdout.Sink, h.stderr.Sink = config.Stdin, config.Stdout, config.Stderr
	h.handles.init(config)
	h.grants.Init(config, store)
	return h, nil
}

// host is what the component of a store has of WASI.
type host struct {
	node    *Node
	store   *component.Store
	config  *abi.Config // nil once the grants are open
	args    []string
	env     []string
	started time.Time // zero of the monotonic clock
	maxPoll int
	seed    *[2]uint64 // nil until insecure-seed is called
	grants  grants.Set
	handles descriptors

	stdin          stdio.In
	stdout, stderr stdio.Out
	preopens       []preopen
	granted        []network.Socket // that no handle stands for
	unsent         []*connection    // those with bytes that wait to be sent
	pendingLookups int

	errors      component.Objects[*streamError]
	pollables   component.Objects[*pollable]
	inputs      component.Objects[*inputStream]
	outputs     component.Objects[*outputStream]
	descriptors component.Objects[*descriptor]
	listings    component.Objects[*listing]
	lookups     component.Objects[*lookup]
	tcpSockets  component.Objects[*tcpSocket]
	udpSockets  component.Objects[*udpSocket]
	incoming    component.Objects[*incomingDatagrams]
	outgoing    component.Objects[*outgoingDatagrams]
}

var _ component.Host = (*host)(nil)

// Open implements component.Host.
func (h *host) Open() error {
	config := h.config
	h.config = nil
	return h.grants.Open(&h.store.Call, config, receiver{h})
}

// Close implements component.Host.
func (h *host) Close() {
	for _, p := range h.preopens {
		p.drop()
	}
	h.preopens = nil
	for _, s := range h.unsent { // their handles are gone
		s.close()
	}
	h.unsent = nil
	for _, s := range h.granted {
		_ = s.Close()
		h.handles.closed()
		h.handles.giveBack()
	}
	h.granted = nil
	h.grants.Close()
}

// ListenAddresses implements component.Host.
func (h *host) ListenAddresses() []string { return h.grants.ListenAddresses() }

// net returns the store's network.
func (h *host) net() *network.Network { return h.grants.Network() }

// hostcall returns the call that jobs and waits are of.
func (h *host) hostcall() *hostcalls.Call { return &h.store.Call }

// refused notes what the component is refused.
func (h *host) refused() *refusal.Last { return h.store.Refused() }

// copyCost is the cost of copying n bytes: an eighth of a unit for each.
func copyCost(n int) int64 { return int64(n) >> 3 }

// streamCost is the cost of an attempt to read or write a stream, in addition to the bytes.
const streamCost = 200

// maxPiece is the number of bytes that a stream moves at a time.
const maxPiece = files.MaxBuffer
