package hostnet

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls/network"
)

// setting is where the system has an option.
type setting struct {
	level, name int
	readOnly    bool
}

var settings = map[network.Option]setting{
	network.ReuseAddr:         {unix.SOL_SOCKET, unix.SO_REUSEADDR, false},
	network.KeepAlive:         {unix.SOL_SOCKET, unix.SO_KEEPALIVE, false},
	network.Broadcast:         {unix.SOL_SOCKET, unix.SO_BROADCAST, false},
	network.SendBuffer:        {unix.SOL_SOCKET, unix.SO_SNDBUF, false},
	network.ReceiveBuffer:     {unix.SOL_SOCKET, unix.SO_RCVBUF, false},
	network.Linger:            {unix.SOL_SOCKET, unix.SO_LINGER, false},
	network.NoDelay:           {unix.IPPROTO_TCP, unix.TCP_NODELAY, false},
	network.KeepAliveIdle:     {unix.IPPROTO_TCP, keepAliveIdle, false},
	network.KeepAliveInterval: {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, false},
	network.KeepAliveCount:    {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, false},
	network.HopLimit:          {unix.IPPROTO_IP, unix.IP_TTL, false},
	network.PendingError:      {unix.SOL_SOCKET, unix.SO_ERROR, true},
	network.Listening:         {unix.SOL_SOCKET, unix.SO_ACCEPTCONN, true},
}

// Bounds of buffers. The kernel's memory is shared by all guests.
const (
	leastBuffer = 4 << 10
	mostBuffer  = 1 << 20
)

// ofStreams are the options that a UDP socket does not have.
var ofStreams = map[network.Option]bool{
	network.NoDelay: true, network.Linger: true, network.Listening: true,
	network.KeepAliveIdle: true, network.KeepAliveInterval: true, network.KeepAliveCount: true,
}

func (s *socket) setting(o network.Option) (setting, error) {
	at, ok := settings[o]
	if !ok || s.datagrams && ofStreams[o] {
		return setting{}, network.ErrUnknownOption
	}
	if o == network.HopLimit && s.family != network.IPv4 {
		at = setting{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, false}
	}
	return at, nil
}

// Option implements network.Socket.
func (s *socket) Option(o network.Option) (value int, err error) {
	at, err := s.setting(o)
	if err != nil {
		return 0, err
	}
	err = s.call(func(fd int) (err error) {
		if o == network.Linger {
			value, err = getLinger(fd)
			return err
		}
		value, err = unix.GetsockoptInt(fd, at.level, at.name)
		return err
	})
	if err != nil {
		return 0, err
	}
	switch o {
	case network.Linger, network.KeepAliveCount, network.HopLimit, network.PendingError:
		return value, nil
	case network.SendBuffer, network.ReceiveBuffer:
		return value / bufferFactor, nil
	case network.KeepAliveIdle, network.KeepAliveInterval:
		return value * int(time.Second/time.Microsecond), nil
	}
	return min(max(value, -value), 1), nil // systems differ in what is on
}

// SetOption implements network.Socket.
func (s *socket) SetOption(o network.Option, value int) error {
	at, err := s.setting(o)
	if err != nil {
		return err
	}
	switch {
	case at.readOnly:
		return unix.ENOPROTOOPT
	case o == network.SendBuffer, o == network.ReceiveBuffer:
		value = min(max(value, leastBuffer), mostBuffer)
	case o == network.KeepAliveIdle, o == network.KeepAliveInterval:
		value = min(max(secondsOf(value), 1), mostKeepAlive)
	case o == network.KeepAliveCount:
		value = min(max(value, 1), mostProbes)
	case o == network.HopLimit:
		value = min(max(value, 1), 255)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.callLocked(func(fd int) error {
		if o != network.Linger {
			return unix.SetsockoptInt(fd, at.level, at.name, value)
		}
		linger := unix.Linger{}
		if value >= 0 {
			linger = unix.Linger{Onoff: 1, Linger: seconds(value)}
		}
		err := unix.SetsockoptLinger(fd, at.level, at.name, &linger)
		s.lingers = s.lingers && err != nil || err == nil && linger.Linger > 0
		return err
	})
}

// Bounds of the options for probes, in seconds and probes: those of Linux.
const (
	mostKeepAlive = 32767
	mostProbes    = 127
)

// maxLinger is the longest that the kernel is told to keep what was not sent.
const maxLinger = 60

// seconds is secondsOf for how long a close lingers.
func seconds(micro int) int32 { return int32(min(secondsOf(micro), maxLinger)) }

// secondsOf rounds microseconds up.
func secondsOf(micro int) int {
	second := int(time.Second / time.Microsecond)
	return micro/second + min(micro%second, 1)
}

func getLinger(fd int) (micro int, err error) {
	on, err := unix.GetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER)
	if err != nil || on.Onoff == 0 {
		return -1, err
	}
	return int(time.Duration(on.Linger) * time.Second / time.Microsecond), nil
}
