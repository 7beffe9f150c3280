package wasip2

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// State is what a store has of WASI 0.2 alone.
type State struct{ host }

// Init initializes the zero State of a store, whose component may wait for so many operations at once, and whose requests a sender
// sends.
func (s *State) Init(h *wasi.Host, store *component.Store, pendingOps int, sender wasihttp.Sender) {
	s.Host, s.store, s.maxPoll, s.sender = h, store, pendingOps, sender
}

// Close gives up what the host holds for the store. It is called when all objects were dropped, before the Host is closed.
func (s *State) Close() {
	for _, c := range s.unsent { // their handles are gone
		c.close()
	}
	s.unsent = nil
}

// hosted is the component.Host of a store that has a State.
type hosted interface{ WASIP2() *State }

// host is what the component of a store has of WASI.
type host struct {
	*wasi.Host
	store   *component.Store
	maxPoll int
	sender  wasihttp.Sender
	unsent  []*connection // those with bytes that wait to be sent

	errors      component.Objects[*streamError]
	pollables   component.Objects[*pollable]
	inputs      component.Objects[*inputStream]
	outputs     component.Objects[*outputStream]
	descriptors component.Objects[*wasi.Descriptor]
	listings    component.Objects[*listing]
	lookups     component.Objects[*lookup]
	tcpSockets  component.Objects[*tcpSocket]
	udpSockets  component.Objects[*udpSocket]
	incoming    component.Objects[*incomingDatagrams]
	outgoing    component.Objects[*outgoingDatagrams]
	http        httpObjects
}

// hostcall returns the call that jobs and waits are of.
func (h *host) hostcall() *hostcalls.Call { return &h.store.Call }

// closeSocket closes a socket, and counts what that costs.
func (h *host) closeSocket(s network.Socket) {
	defer h.store.AddCostSince(time.Now())
	h.CloseSocket(s)
}
