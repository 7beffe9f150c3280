package wasi

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
)

const (
	// OpenCost is the cost of opening a socket.
	OpenCost = 10_000
	// ConnectCost is the cost of beginning a connection.
	ConnectCost = 20_000
	// DefaultBacklog is how many connections may wait to be accepted unless the component says otherwise.
	DefaultBacklog = 128
	// MaxBacklog is how many may wait at most.
	MaxBacklog = 4096
	// MaxDatagram is more than the bytes of any datagram.
	MaxDatagram = 1<<16 - 1
)

// NewSocket makes a socket, which takes a descriptor until CloseSocket.
func (h *Host) NewSocket(c *component.Call, open func() (network.Socket, error)) (network.Socket, error) {
	if h.Handles.Full() {
		h.RefuseDescriptor(c)
	}
	if err := h.Handles.Take(); err != nil {
		return nil, err
	}
	s, err := open()
	if err != nil {
		h.Handles.Closed()
		h.Handles.GiveBack()
		h.Refused().NoSocket(c.Waits(), h.Net(), err)
		return nil, err
	}
	return s, nil
}

// CloseSocket closes a socket that NewSocket has made.
func (h *Host) CloseSocket(s network.Socket) {
	_ = s.Close()
	h.Handles.Closed()
	h.Handles.GiveBack()
}
