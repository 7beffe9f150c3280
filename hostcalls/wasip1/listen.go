package wasip1

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
)

// listen listens on HOST:PORT. A name is looked up first, and one of its addresses is chosen as by package net:
// the first IPv4 address, or else the first.
func (p *Process) listen(address string, permit capability.Permit) (descriptor, error) {
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		targets, err := p.resolve(hostcalls.OpListen, address)
		if err != nil {
			return nil, err
		}
		address = targets[max(slices.IndexFunc(targets, func(t netip.AddrPort) bool { return t.Addr().Is4() }), 0)].String()
	}
	var file net.Listener
	var failure error
	config := net.ListenConfig{Control: func(_, address string, _ syscall.RawConn) error {
		if permit == nil {
			return nil
		}
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return permit.Listen(at)
	}}
	op := hostcalls.Op{Kind: hostcalls.OpListen, Target: address}
	err := p.Blocking(op, p.lane(op), func() {
		file, failure = config.Listen(context.Background(), "tcp", address)
	}, func() {
		if failure == nil {
			_ = file.Close()
		}
	})
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, failure
	}
	l, err := newListener(file.(*net.TCPListener), p)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p.granted.listening = append(p.granted.listening, l.address)
	return l, nil
}
