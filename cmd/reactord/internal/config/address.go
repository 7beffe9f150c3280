package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address is where to listen: a TCP address or a unix socket.
type Address struct {
	Network string // "tcp" or "unix"
	Addr    string // HOST:PORT or the path
}

// ParseAddress reads HOST:PORT, unix:///PATH or unix:PATH.
func ParseAddress(s string) (Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if rest, ok := strings.CutPrefix(path, "//"); ok {
			if !strings.HasPrefix(rest, "/") {
				return Address{}, fmt.Errorf("%q names a host; write unix:///PATH for an absolute path or unix:PATH", s)
			}
			path = rest
		}
		if path == "" {
			return Address{}, fmt.Errorf("%q has no path", s)
		}
		return Address{"unix", path}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Address{}, fmt.Errorf("%q is not HOST:PORT, unix:///PATH or unix:PATH", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return Address{}, fmt.Errorf("%q: the port is not a number from 0 to 65535", s)
	}
	return Address{"tcp", net.JoinHostPort(host, port)}, nil
}

// AddressOf returns where a listener listens.
func AddressOf(l net.Listener) Address {
	return Address{Network: l.Addr().Network(), Addr: l.Addr().String()}
}

// String formats the address for ParseAddress.
func (a Address) String() string {
	switch {
	case a.Network != "unix":
		return a.Addr
	case strings.HasPrefix(a.Addr, "/"):
		return "unix://" + a.Addr
	default:
		return "unix:" + a.Addr
	}
}

// Port returns the port of a TCP address.
func (a Address) Port() string {
	if a.Network == "unix" {
		return ""
	}
	_, port, _ := net.SplitHostPort(a.Addr)
	return port
}

// Local reports whether only this machine can connect: a unix socket or a loopback address. A name
// other than localhost counts as not local, whatever it resolves to now.
func (a Address) Local() bool {
	if a.Network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.Addr)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
