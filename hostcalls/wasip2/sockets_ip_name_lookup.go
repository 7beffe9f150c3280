package wasip2

import (
	"net/netip"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func socketsIPNameLookup() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/ip-name-lookup", Version: version,
		Types: `
			use wasi:io/poll.{pollable};
			use wasi:sockets/network.{network, error-code, ip-address};
			resource resolve-address-stream;
		`,
		Functions: []component.Function{
			function("resolve-addresses", "func(network: borrow<network>, name: string) -> result<resolve-address-stream, error-code>", resolveAddresses),
			function("[method]resolve-address-stream.resolve-next-address", "func(self: borrow<resolve-address-stream>) -> result<option<ip-address>, error-code>", resolveNextAddress),
			function("[method]resolve-address-stream.subscribe", "func(self: borrow<resolve-address-stream>) -> pollable", func(c call) {
				l := c.lookups.Get(c.Args.Borrow())
				c.subscribe(l, l)
			}),
		},
		Resources: []component.Resource{
			resource("resolve-address-stream", func(h *host) *component.Objects[*lookup] { return &h.lookups }),
		},
	}
}

// lookup is a resolve-address-stream.
type lookup struct {
	component.Object
	wasi.Lookup
	left  []netip.Addr // once they are known
	known bool
	start hostcalls.WaitStart
}

// Drop implements component.Dropper.
func (l *lookup) Drop() { l.Close() }

// resolveAddresses: resolve-addresses. It begins a lookup, if the name is granted.
func resolveAddresses(c call) {
	c.Args.Borrow()
	name := c.Args.String()
	found, err := c.StartLookup(name)
	if err != nil {
		c.Results.Err()
		c.Results.Enum(int(wasi.LookupCodeOf(err)))
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.lookups, &lookup{Lookup: found}, nil))
}

// resolveNextAddress: [method]resolve-address-stream.resolve-next-address.
func resolveNextAddress(c call) {
	l := c.lookups.Get(c.Args.Borrow())
	if !l.known {
		addrs, err := l.Result()
		if err != nil {
			c.Results.Err()
			c.Results.Enum(int(wasi.LookupCodeOf(err)))
			return
		}
		l.left, l.known = addrs, true
	}
	c.Results.OK()
	if len(l.left) == 0 {
		c.Results.None()
		return
	}
	c.Results.Some()
	wasi.PutAddress(&c.Results, l.left[0])
	l.left = l.left[1:]
}

func (l *lookup) ready() bool                   { return true }
func (l *lookup) waiting() *hostcalls.WaitStart { return &l.start }
func (l *lookup) op() hostcalls.Op              { return l.Op() }
