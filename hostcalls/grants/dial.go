package grants

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
)

// Connect implements capability.Opener. What TLS needs is read before anybody is connected to.
func (o opener) Connect(c capability.Connection) error {
	tcp, err := o.connect(c)
	if err != nil {
		return err
	}
	return o.to.Stream(c.Name, tcp, false)
}

func (o opener) connect(c capability.Connection) (network.TCP, error) {
	config, err := o.tlsConfig(c.TLS)
	if err != nil {
		return nil, err
	}
	if peer, ok := strings.CutPrefix(c.Address, ForWorkloads+":"); ok {
		return o.connectToPeer(peer)
	}
	reach := o.dial
	if c.Accept {
		reach = o.accept
	}
	tcp, err := reach(c.Address)
	if err == nil && config != nil {
		tcp, err = network.ClientTLS(o.call, tcp, o.grant(), config)
	}
	if err != nil {
		return nil, err
	}
	return o.adopt(tcp, "")
}

// dial connects to HOST:PORT. The connection is the stack's.
func (o opener) dial(address string) (network.TCP, error) {
	var check func(host string, to netip.AddrPort) error
	if o.permit != nil {
		check = o.permit.Connect
	}
	return network.Dial(o.call, o.config.Stack, o.grant(), address, check)
}

// accept listens on HOST:PORT until somebody has connected. Operations show where. The connection is the stack's.
func (o opener) accept(address string) (network.TCP, error) {
	l, err := o.listenTCP(address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	for {
		tcp, err := l.Accept()
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return tcp, err
		}
		if err := o.lease.Err(); err != nil {
			return nil, err
		}
		op := hostcalls.Op{Kind: hostcalls.OpAccept, Target: l.LocalAddr().String(), Subject: files.Held{By: o.lease}}
		if err := o.call.Await(time.Time{}, hostcalls.Wait{Op: op, On: network.Source(l)}); err != nil {
			return nil, err
		}
	}
}

// tlsConfig returns the configuration for TLS with what its options refer to; nil for none.
func (o opener) tlsConfig(t *capability.TLS) (config *tls.Config, err error) {
	if t == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	options := network.TLSOptions{ServerName: t.ServerName, ALPN: t.ALPN}
	for _, part := range []struct {
		ref capability.Reference
		to  *[]byte
	}{{t.CA, &options.CA}, {t.Certificate, &options.Certificate}, {t.Key, &options.Key}} {
		if part.ref == "" {
			continue
		}
		if *part.to, err = o.secret(part.ref); err != nil {
			return nil, fmt.Errorf("%s: %w", part.ref, err)
		}
	}
	var faults error
	op := hostcalls.Op{Kind: hostcalls.OpHandshake, Target: t.ServerName}
	err = o.call.Blocking(op, laneSocket, func() { config, faults = options.Config() }, func() {})
	return config, errors.Join(err, faults)
}

// adopt makes a socket of the stack one of the process's network. Its target in operations is its address, if empty.
func (o opener) adopt(tcp network.TCP, target string) (network.TCP, error) {
	adopted, err := o.Network().Adopt(tcp, o.grant(), target)
	if err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return adopted, nil
}
