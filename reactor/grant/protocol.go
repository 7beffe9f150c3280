package grant

import "github.com/reactord/reactord/hostcalls/network"

// Protocol is a transport protocol: TCP, or "udp". The values are on disk.
type Protocol string

// The protocols.
const (
	TCP Protocol = ""
	UDP Protocol = "udp"
)

// prefix is the protocol as the command line has it, before an address.
func (p Protocol) prefix() string {
	if p == TCP {
		return ""
	}
	return string(p) + ":"
}

func (p Protocol) check(v *validation) {
	if p != TCP && p != UDP {
		v.add("protocol", "%q is neither TCP nor UDP", string(p))
	}
}

// Transport returns the protocol in the terms of package network.
func (p Protocol) Transport() network.Protocol {
	if p == UDP {
		return network.OverUDP
	}
	return network.OverTCP
}
