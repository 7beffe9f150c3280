package conformance

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// everywhere is the Access of programs that test sockets: they bind to addresses that no machine has, and to free ports.
type everywhere struct{}

func (everywhere) Dial(network.Protocol, netip.AddrPort, []string) (network.Grant, error) {
	return nil, nil
}
func (everywhere) Listen(network.Protocol, netip.AddrPort) (network.Grant, error) { return nil, nil }
func (everywhere) Resolve(string) (network.Grant, error)                          { return nil, nil }
func (everywhere) MayListen(network.Protocol, netip.AddrPort) bool                { return true }

// client connects to the address that a program prints, and says what it is told.
type client struct {
	says []saying
	done chan error
}

// saying is what a client sends, or else what it is to receive.
type saying struct {
	sends bool
	text  string
}

// connect is called with what the program has printed.
func (c *client) connect(printed string) {
	go func() { c.done <- c.talk(strings.TrimSpace(printed)) }()
}

func (c *client) talk(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Minute)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, s := range c.says {
		if s.sends {
			_, err = io.WriteString(conn, s.text)
		} else {
			got := make([]byte, len(s.text))
			if _, err = io.ReadFull(conn, got); err == nil && string(got) != s.text {
				err = fmt.Errorf("it received %q, want %q", got, s.text)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// output is a Sink that keeps what it is given. It is written to on the fiber, and read after.
type output struct {
	hostcalls.Discard
	bytes.Buffer
	onLine func(string) // is told the first line; nil: nobody is
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.Buffer.Write(b)
	if line, _, whole := bytes.Cut(o.Bytes(), []byte("\n")); whole && o.onLine != nil {
		o.onLine(string(line))
		o.onLine = nil
	}
	return n, err
}
