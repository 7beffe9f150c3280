package service

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
)

// listen opens the listener of a service on HOST:PORT, on the fiber of the call, which waits.
func listen(c *hostcalls.Call, config *abi.Config, by network.Grant, address string) (net.Listener, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "invalid port", Addr: address}
	}
	at := netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))
	if host != "" {
		addrs, err := network.Lookup(c, config.Network.Stack, by, host)
		if err != nil {
			return nil, err
		}
		at = netip.AddrPortFrom(addrs[max(slices.IndexFunc(addrs, netip.Addr.Is4), 0)], uint16(port))
	}
	if config.Permit != nil {
		if err := config.Permit.Listen(at); err != nil {
			return nil, err
		}
	}
	defer c.Guest().AddCostSince(time.Now())
	return new(net.ListenConfig).Listen(context.Background(), "tcp", at.String())
}

// tlsConfig reads what a service has for TLS; nil if it has nothing.
func tlsConfig(c *hostcalls.Call, config *abi.Config) (made *tls.Config, err error) {
	s := config.Serve
	if s.Certificate == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	if config.Permit == nil {
		return nil, fmt.Errorf("%s: there is nobody to permit it", s.Certificate)
	}
	read := func() error {
		var pem [2][]byte
		for i, ref := range []capability.Reference{s.Certificate, s.Key} {
			if pem[i], err = config.Permit.Secret(ref); err != nil {
				return fmt.Errorf("%s: %w", ref, err)
			}
		}
		pair, err := tls.X509KeyPair(pem[0], pem[1])
		if err != nil {
			return fmt.Errorf("%s and %s: %w", s.Certificate, s.Key, err)
		}
		made = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
		return nil
	}
	var failure error
	op := hostcalls.Op{Kind: hostcalls.OpFile, Target: string(s.Certificate)}
	if err := c.Blocking(op, driver.Lane{Kind: "tls"}, func() { failure = read() }, func() {}); err != nil {
		return nil, err
	}
	return made, failure
}
