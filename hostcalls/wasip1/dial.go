package wasip1

import (
	"net/netip"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
)

// dial connects to HOST:PORT for a connection grant, on the fiber.
func (p *Process) dial(address string, permit capability.Permit) (descriptor, error) {
	var check func(host string, to netip.AddrPort) error
	if permit != nil {
		check = permit.Connect
	}
	tcp, err := network.Dial(&p.Call, p.granted.network.Stack, address, check)
	if err != nil {
		return nil, err
	}
	if tcp, err = p.adopt(tcp); err != nil {
		return nil, err
	}
	return newConnection(tcp, p), nil
}

// adopt makes a socket that was opened by a grant one of the process's network.
func (p *Process) adopt(tcp network.TCP) (network.TCP, error) {
	if p.network == nil {
		p.network = network.New(p.granted.network)
	}
	adopted, err := p.network.Adopt(tcp, nil, "")
	if err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return adopted, nil
}
