package wasi

import (
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// Option is an option of a socket as WASI has it: Name is that of its methods, and Type is in WIT.
type Option struct {
	Name, Type string
	option     network.Option
	put        func(w *cabi.Writer, value int)
	read       func(r *cabi.Reader) (value uint64)
	zero       bool // it can be zero
}

// TCPOptions returns the options of tcp-socket.
func TCPOptions() []Option {
	return []Option{
		{
			Name: "keep-alive-enabled", Type: "bool", option: network.KeepAlive, zero: true,
			put: func(w *cabi.Writer, value int) { w.Bool(value != 0) },
			read: func(r *cabi.Reader) uint64 {
				if r.Bool() {
					return 1
				}
				return 0
			},
		},
		durationOption("keep-alive-idle-time", network.KeepAliveIdle),
		durationOption("keep-alive-interval", network.KeepAliveInterval),
		{
			Name: "keep-alive-count", Type: "u32", option: network.KeepAliveCount,
			put:  func(w *cabi.Writer, value int) { w.U32(uint32(value)) },
			read: func(r *cabi.Reader) uint64 { return uint64(r.U32()) },
		},
		hopLimitOption("hop-limit"),
		sizeOption("receive-buffer-size", network.ReceiveBuffer),
		sizeOption("send-buffer-size", network.SendBuffer),
	}
}

// UDPOptions returns the options of udp-socket.
func UDPOptions() []Option {
	return []Option{
		hopLimitOption("unicast-hop-limit"),
		sizeOption("receive-buffer-size", network.ReceiveBuffer),
		sizeOption("send-buffer-size", network.SendBuffer),
	}
}

func durationOption(name string, o network.Option) Option {
	return Option{
		Name: name, Type: "duration", option: o,
		put: func(w *cabi.Writer, value int) { w.U64(uint64(value) * uint64(time.Microsecond)) },
		read: func(r *cabi.Reader) uint64 {
			v := r.U64()
			if v == 0 {
				return 0
			}
			return max(v/uint64(time.Microsecond), 1)
		},
	}
}

func hopLimitOption(name string) Option {
	return Option{
		Name: name, Type: "u8", option: network.HopLimit,
		put:  func(w *cabi.Writer, value int) { w.U8(uint8(value)) },
		read: func(r *cabi.Reader) uint64 { return uint64(r.U8()) },
	}
}

func sizeOption(name string, o network.Option) Option {
	return Option{
		Name: name, Type: "u64", option: o,
		put:  func(w *cabi.Writer, value int) { w.U64(uint64(value)) },
		read: func(r *cabi.Reader) uint64 { return r.U64() },
	}
}

// maxOption is more than any option can be: in microseconds it is a month.
const maxOption = 1 << 41

// Get returns the option of a socket.
func (o *Option) Get(h *Host, s network.Socket) (value int, err error) {
	defer h.store.AddCostSince(time.Now())
	value, err = s.Option(o.option)
	return max(value, 0), err
}

// Put writes what Get has returned.
func (o *Option) Put(w *cabi.Writer, value int) { o.put(w, value) }

// Set reads a value, and sets the option of a socket. What is too large is cut to what is possible.
func (o *Option) Set(h *Host, s network.Socket, r *cabi.Reader) error {
	value := o.read(r)
	if value == 0 && !o.zero {
		return SockInvalidArgument
	}
	defer h.store.AddCostSince(time.Now())
	return s.SetOption(o.option, int(min(value, maxOption)))
}
