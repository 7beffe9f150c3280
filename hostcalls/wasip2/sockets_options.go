package wasip2

import (
	"time"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// tcpOptions are the methods of tcp-socket for its options.
func tcpOptions() []component.Function {
	socket := func(c call) network.Socket { return c.tcpSocket().tcp }
	return append([]component.Function{
		function("[method]tcp-socket.set-listen-backlog-size", "func(self: borrow<tcp-socket>, value: u64) -> result<_, error-code>", func(c call) {
			s := c.tcpSocket()
			c.sockDone(s.setBacklog(c.Args.U64()))
		}),
		function("[method]tcp-socket.keep-alive-enabled", "func(self: borrow<tcp-socket>) -> result<bool, error-code>", func(c call) {
			if v, ok := c.option(socket(c), network.KeepAlive); ok {
				c.Results.Bool(v != 0)
			}
		}),
		function("[method]tcp-socket.set-keep-alive-enabled", "func(self: borrow<tcp-socket>, value: bool) -> result<_, error-code>", func(c call) {
			s, v := socket(c), 0
			if c.Args.Bool() {
				v = 1
			}
			c.setOption(s, network.KeepAlive, v)
		}),
		function("[method]tcp-socket.keep-alive-count", "func(self: borrow<tcp-socket>) -> result<u32, error-code>", func(c call) {
			if v, ok := c.option(socket(c), network.KeepAliveCount); ok {
				c.Results.U32(uint32(v))
			}
		}),
		function("[method]tcp-socket.set-keep-alive-count", "func(self: borrow<tcp-socket>, value: u32) -> result<_, error-code>", func(c call) {
			s := socket(c)
			c.setPositive(s, network.KeepAliveCount, uint64(c.Args.U32()))
		}),
	}, concat(
		durationOption("tcp-socket", "keep-alive-idle-time", network.KeepAliveIdle, socket),
		durationOption("tcp-socket", "keep-alive-interval", network.KeepAliveInterval, socket),
		hopLimitOption("tcp-socket", "hop-limit", socket),
		sizeOption("tcp-socket", "receive-buffer-size", network.ReceiveBuffer, socket),
		sizeOption("tcp-socket", "send-buffer-size", network.SendBuffer, socket),
	)...)
}

// udpOptions are the methods of udp-socket for its options.
func udpOptions() []component.Function {
	socket := func(c call) network.Socket { return c.udpSocket().udp }
	return concat(
		hopLimitOption("udp-socket", "unicast-hop-limit", socket),
		sizeOption("udp-socket", "receive-buffer-size", network.ReceiveBuffer, socket),
		sizeOption("udp-socket", "send-buffer-size", network.SendBuffer, socket),
	)
}

func concat(lists ...[]component.Function) (all []component.Function) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// getter and setter make the methods of an option of a type.
func getter(of, name, typ string, body func(call)) component.Function {
	return function("[method]"+of+"."+name, "func(self: borrow<"+of+">) -> result<"+typ+", error-code>", body)
}

func setter(of, name, typ string, body func(call)) component.Function {
	return function("[method]"+of+".set-"+name, "func(self: borrow<"+of+">, value: "+typ+") -> result<_, error-code>", body)
}

// durationOption makes the methods of an option that is a duration.
func durationOption(of, name string, o network.Option, socket func(call) network.Socket) []component.Function {
	return []component.Function{
		getter(of, name, "duration", func(c call) {
			if v, ok := c.option(socket(c), o); ok {
				c.Results.U64(uint64(v) * uint64(time.Microsecond))
			}
		}),
		setter(of, name, "duration", func(c call) {
			s, v := socket(c), c.Args.U64()
			if v > 0 {
				v = max(v/uint64(time.Microsecond), 1)
			}
			c.setPositive(s, o, v)
		}),
	}
}

// hopLimitOption makes the methods of the limit of hops.
func hopLimitOption(of, name string, socket func(call) network.Socket) []component.Function {
	return []component.Function{
		getter(of, name, "u8", func(c call) {
			if v, ok := c.option(socket(c), network.HopLimit); ok {
				c.Results.U8(uint8(v))
			}
		}),
		setter(of, name, "u8", func(c call) {
			s := socket(c)
			c.setPositive(s, network.HopLimit, uint64(c.Args.U8()))
		}),
	}
}

// sizeOption makes the methods of an option that is a size.
func sizeOption(of, name string, o network.Option, socket func(call) network.Socket) []component.Function {
	return []component.Function{
		getter(of, name, "u64", func(c call) {
			if v, ok := c.option(socket(c), o); ok {
				c.Results.U64(uint64(v))
			}
		}),
		setter(of, name, "u64", func(c call) {
			s := socket(c)
			c.setPositive(s, o, c.Args.U64())
		}),
	}
}

// option gets an option, and begins the result: an error, or ok, of which the value is still to be written.
func (c call) option(s network.Socket, o network.Option) (value int, ok bool) {
	began := time.Now()
	value, err := s.Option(o)
	c.Store().AddCostSince(began)
	if c.sockFailed(err) {
		return 0, false
	}
	c.Results.OK()
	return max(value, 0), true
}

// setOption sets an option.
func (c call) setOption(s network.Socket, o network.Option, value int) {
	began := time.Now()
	err := s.SetOption(o, value)
	c.Store().AddCostSince(began)
	c.sockDone(err)
}

// setPositive sets an option that can't be zero. A value that is too large is cut to what is possible.
func (c call) setPositive(s network.Socket, o network.Option, value uint64) {
	if value == 0 {
		c.sockFailed(wasi.SockInvalidArgument)
		return
	}
	c.setOption(s, o, int(min(value, wasi.MaxOption)))
}
