package wasip3

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func socketsTypes() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/types", Version: version,
		Types: `
			use wasi:clocks/types.{duration};
			variant error-code {
				access-denied, not-supported, invalid-argument, out-of-memory, timeout, invalid-state, address-not-bindable,
				address-in-use, remote-unreachable, connection-refused, connection-broken, connection-reset,
				connection-aborted, datagram-too-large, other(option<string>),
			}
			enum ip-address-family { ipv4, ipv6 }
			type ipv4-address = tuple<u8, u8, u8, u8>;
			type ipv6-address = tuple<u16, u16, u16, u16, u16, u16, u16, u16>;
			variant ip-address { ipv4(ipv4-address), ipv6(ipv6-address) }
			record ipv4-socket-address { port: u16, address: ipv4-address }
			record ipv6-socket-address { port: u16, flow-info: u32, address: ipv6-address, scope-id: u32 }
			variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
			resource tcp-socket;
			resource udp-socket;
		`,
		Functions: slices.Concat(
			tcpFunctions(), options("tcp-socket", wasi.TCPOptions(), func(c call) network.Socket { return c.tcpSocket().tcp }),
			udpFunctions(), options("udp-socket", wasi.UDPOptions(), func(c call) network.Socket { return c.udpSocket().udp }),
		),
		Resources: []component.Resource{
			resource("tcp-socket", func(h *host) *component.Objects[*tcpSocket] { return &h.tcpSockets }),
			resource("udp-socket", func(h *host) *component.Objects[*udpSocket] { return &h.udpSockets }),
		},
	}
}

func socketsIPNameLookup() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/ip-name-lookup", Version: version,
		Types: `
			use wasi:sockets/types.{ip-address};
			variant error-code {
				access-denied, invalid-argument, name-unresolvable, temporary-resolver-failure, permanent-resolver-failure,
				other(option<string>),
			}
		`,
		Functions: []component.Function{
			later("resolve-addresses", "async func(name: string) -> result<list<ip-address>, error-code>", resolveAddresses),
		},
	}
}

// resolveAddresses: resolve-addresses.
func resolveAddresses(c call) {
	lookup, err := c.StartLookup(c.Args.String())
	if err != nil {
		c.Results.Err()
		putLookupCode(&c.Results, err)
		return
	}
	var found []netip.Addr
	c.await(waiting{
		op: lookup.Op, on: lookup,
		try: func(call) (err error) {
			found, err = lookup.Result()
			return err
		},
		answer: func(c call, err error) {
			if err != nil {
				c.Results.Err()
				putLookupCode(&c.Results, err)
				return
			}
			c.Results.OK()
			list := c.Results.List(len(found))
			for _, addr := range found {
				wasi.PutAddress(list, addr)
			}
		},
		end: lookup.Close,
	})
}

// options makes the methods for options of a kind of sockets.
func options(of string, all []wasi.Option, socket func(call) network.Socket) (methods []component.Function) {
	for i := range all {
		o := &all[i]
		methods = append(methods,
			function("[method]"+of+".get-"+o.Name, "func(self: borrow<"+of+">) -> result<"+o.Type+", error-code>", func(c call) {
				value, err := o.Get(c.host.Host, socket(c))
				if !c.sockFailed(err) {
					c.Results.OK()
					o.Put(&c.Results, value)
				}
			}),
			function("[method]"+of+".set-"+o.Name, "func(self: borrow<"+of+">, value: "+o.Type+") -> result<_, error-code>", func(c call) {
				s := socket(c)
				c.sockDone(o.Set(c.host.Host, s, &c.Args))
			}))
	}
	return methods
}

// waiting is a call of an asynchronous function that goes on when something is ready. It needs no fiber.
type waiting struct {
	op func() hostcalls.Op
	on hostcalls.Notifier
	// try does what the call is for, or returns hostcalls.ErrWouldBlock.
	try func(call) error
	// answer writes the result, with what try has returned.
	answer func(call, error)
	// cancel, unless nil, is called if the call is given up.
	cancel func()
	// end, unless nil, is called when the call has ended in any way.
	end func()
}

// await tries at once, and again whenever what the call waits for is ready.
func (c call) await(w waiting) {
	err := w.try(c)
	if !errors.Is(err, hostcalls.ErrWouldBlock) {
		w.answer(c, err)
		w.ended()
		return
	}
	if !c.store.Hold(wasi.ObjectBytes) {
		w.ended()
		c.Trap("there is no memory for another call that waits")
	}
	h, o := c.host, &component.Operation{Op: w.op()}
	stop := func() {}
	again := func() { stop = w.on.Notify(o.Done) }
	over := func() {
		stop()
		h.store.Free(wasi.ObjectBytes)
		w.ended()
	}
	o.Over = func(c *component.Call) bool {
		stop()
		if err = w.try(call{c, h}); errors.Is(err, hostcalls.ErrWouldBlock) {
			again()
			return false
		}
		return true
	}
	o.Finish = func(c *component.Call) {
		w.answer(call{c, h}, err)
		over()
	}
	o.Cancel = func() {
		if w.cancel != nil {
			w.cancel()
		}
		over()
	}
	c.Later(o)
	again()
}

func (w *waiting) ended() {
	if w.end != nil {
		w.end()
	}
}
