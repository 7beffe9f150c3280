package wasip1

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
)

// Connect implements capability.Opener. What TLS needs is read before anybody is connected to.
func (o opener) Connect(c capability.Connection) error {
	d, err := o.connect(c)
	return o.installSocket(c.Name, d, err)
}

func (o opener) connect(c capability.Connection) (descriptor, error) {
	p := o.process
	config, err := o.tlsConfig(c.TLS)
	if err != nil {
		return nil, err
	}
	if peer, ok := strings.CutPrefix(c.Address, forWorkloads+":"); ok {
		return o.connectToPeer(peer)
	}
	reach := o.dial
	if c.Accept {
		reach = o.accept
	}
	tcp, err := reach(c.Address)
	if err == nil && config != nil {
		tcp, err = network.ClientTLS(&p.Call, tcp, o.grant(), config)
	}
	if err != nil {
		return nil, err
	}
	if tcp, err = o.adopt(tcp, ""); err != nil {
		return nil, err
	}
	return newConnection(tcp, p), nil
}

// dial connects to HOST:PORT. The connection is the stack's.
func (o opener) dial(address string) (network.TCP, error) {
	var check func(host string, to netip.AddrPort) error
	if o.permit != nil {
		check = o.permit.Connect
	}
	return network.Dial(&o.process.Call, o.process.granted.network.Stack, o.grant(), address, check)
}

// accept listens on HOST:PORT until somebody has connected. Operations show where. The connection is the stack's.
func (o opener) accept(address string) (network.TCP, error) {
	p := o.process
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
		op := hostcalls.Op{Kind: hostcalls.OpAccept, Target: l.LocalAddr().String(), Subject: held{o.lease}}
		if err := p.Await(time.Time{}, hostcalls.Wait{Op: op, On: network.Source(l)}); err != nil {
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
	err = o.process.Blocking(op, driver.Lane{Kind: laneSocket}, func() { config, faults = options.Config() }, func() {})
	return config, errors.Join(err, faults)
}

// grant returns what is opened by, nil if that is never revoked.
func (o opener) grant() network.Grant {
	if o.lease == nil {
		return nil
	}
	return o.lease
}

// adopt makes a socket of the stack one of the process's network. Its target in operations is its address, if empty.
func (o opener) adopt(tcp network.TCP, target string) (network.TCP, error) {
	adopted, err := o.process.net().Adopt(tcp, o.grant(), target)
	if err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return adopted, nil
}

// net returns the process's network.
func (p *Process) net() *network.Network {
	if p.granted.sockets == nil {
		config := p.granted.network
		config.Memory = hostMemory{p}
		p.granted.sockets = network.New(config)
	}
	return p.granted.sockets
}

// hostMemory counts what the host holds for a process as the process's memory: that of its instance, which starts with what
// was held before.
type hostMemory struct{ process *Process }

// Hold implements network.Memory.
func (m hostMemory) Hold(bytes int64) bool {
	if i := m.process.Instance(); i != nil {
		return i.Hold(bytes)
	}
	m.process.granted.heldBytes += bytes
	return true
}

// Free implements network.Memory.
func (m hostMemory) Free(bytes int64) {
	if i := m.process.Instance(); i != nil {
		i.Free(bytes)
		return
	}
	m.process.granted.heldBytes -= bytes
}
