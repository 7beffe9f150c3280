package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func socketsNetwork() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/network", Version: version,
		Types: `
			use wasi:io/error.{error};
			resource network;
			enum error-code {
				unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout, concurrency-conflict,
				not-in-progress, would-block, invalid-state, new-socket-limit, address-not-bindable, address-in-use,
				remote-unreachable, connection-refused, connection-reset, connection-aborted, datagram-too-large,
				name-unresolvable, temporary-resolver-failure, permanent-resolver-failure,
			}
			enum ip-address-family { ipv4, ipv6 }
			type ipv4-address = tuple<u8, u8, u8, u8>;
			type ipv6-address = tuple<u16, u16, u16, u16, u16, u16, u16, u16>;
			variant ip-address { ipv4(ipv4-address), ipv6(ipv6-address) }
			record ipv4-socket-address { port: u16, address: ipv4-address }
			record ipv6-socket-address { port: u16, flow-info: u32, address: ipv6-address, scope-id: u32 }
			variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
		`,
		Functions: []component.Function{
			function("network-error-code", "func(err: borrow<error>) -> option<error-code>", networkErrorCode),
		},
		// There is one network, which has no state of its own.
		Resources: []component.Resource{{Name: "network", Drop: func(*component.Call, uint32) {}}},
	}
}

func socketsInstanceNetwork() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/instance-network", Version: version,
		Types: `use wasi:sockets/network.{network};`,
		Functions: []component.Function{
			function("instance-network", "func() -> network", func(c call) { c.Results.Own(0) }),
		},
	}
}

// networkErrorCode: network-error-code. Errors of streams that are none of sockets have no code.
func networkErrorCode(c call) {
	e := c.errors.Get(c.Args.Borrow())
	if !e.ofSocket {
		c.Results.None()
		return
	}
	c.Results.Some()
	c.Results.Enum(int(wasi.SocketCodeOf(e.err)))
}
