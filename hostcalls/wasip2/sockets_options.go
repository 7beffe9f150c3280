package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// tcpOptions are the methods of tcp-socket for its options.
func tcpOptions() []component.Function {
	backlog := function("[method]tcp-socket.set-listen-backlog-size", "func(self: borrow<tcp-socket>, value: u64) -> result<_, error-code>", func(c call) {
		s := c.tcpSocket()
		c.sockDone(s.setBacklog(c.Args.U64()))
	})
	return append(options("tcp-socket", wasi.TCPOptions(), func(c call) network.Socket { return c.tcpSocket().tcp }), backlog)
}

// udpOptions are the methods of udp-socket for its options.
func udpOptions() []component.Function {
	return options("udp-socket", wasi.UDPOptions(), func(c call) network.Socket { return c.udpSocket().udp })
}

// options makes the methods for options of a kind of sockets.
func options(of string, all []wasi.Option, socket func(call) network.Socket) (methods []component.Function) {
	for i := range all {
		o := &all[i]
		methods = append(methods,
			function("[method]"+of+"."+o.Name, "func(self: borrow<"+of+">) -> result<"+o.Type+", error-code>", func(c call) {
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
