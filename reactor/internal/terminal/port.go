// Package terminal connects a client to the standard streams of a guest.
//
// A [Port] belongs to an interactive workload, from before its start to its end. One client at a time is attached
// to it. The client's input goes through a pipe to the guest's stdin. Its output comes through a bounded queue of
// runs of both streams, in the order in which they were written. The log gets all output as well, whether a client
// is attached or not.
//
// # What may block
//
// Write never blocks. While a client is attached it takes no more than the queue has room for, so a guest that writes
// faster than its client reads has to park. When the client detaches, waiting guests are notified and write only to the
// log. Client.Next and Client.Send block, and end with their context.
//
// # Output from before
//
// Attach determines, under the lock that orders all output, where in the log the client's own output begins.
// The caller replays the log up to there, so that the client sees a prompt that came before it. No
// byte is missing between the two and none comes twice, except that what the log did not keep can
// not be replayed.
//
// The guest's input does not belong to a client: it stays open when the client detaches, and the next client
// writes to it, until one of them half-closes it.
package terminal

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/store"
)

// queueBytes bounds the output that waits for the client.
const queueBytes = 64 << 10

// ErrAttached is returned when another client is attached.
var ErrAttached = errors.New("terminal: another client is attached")

// ErrStopped is returned when the guest was stopped before its end, and will be started anew with another port.
var ErrStopped = errors.New("terminal: the guest was stopped, and is started anew")

// Port is where a client attaches to a workload.
type Port struct {
	stdin *hostcalls.Pipe

	mu      sync.Mutex
	client  *Client
	end     error     // what the client gets after the last output: io.EOF, or ErrStopped; nil while the guest runs
	writers []*func() // called when the client's queue has room
}

// NewPort makes the port of a workload.
func NewPort() *Port { return &Port{stdin: hostcalls.NewPipe(0)} }

// Stdin returns the source from which the guest reads what clients send.
func (p *Port) Stdin() hostcalls.Source { return p.stdin.Reader() }

// Write writes output to the attached client, if there is one, and passes it to keep, which is called with the port's
// lock held and may take less than it is given. It returns hostcalls.ErrWouldBlock if the client has no room.
func (p *Port) Write(stream store.Stream, b []byte, keep func([]byte) (int, error)) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.client
	if c == nil {
		return keep(b)
	}
	room := queueBytes - c.size
	if room <= 0 {
		return 0, hostcalls.ErrWouldBlock
	}
	n, err := keep(b[:min(len(b), room)])
	if n > 0 {
		c.push(stream, b[:n])
	}
	return n, err
}

// Notify calls ready when the attached client has room. If it has room now, or no client is attached, Notify passes ready
// on to then.
func (p *Port) Notify(ready func(), then func(ready func()) (stop func())) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil || p.client.size < queueBytes {
		return then(ready)
	}
	entry := &ready
	p.writers = append(p.writers, entry)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, e := range p.writers {
			if e == entry {
				p.writers = append(p.writers[:i], p.writers[i+1:]...)
				return
			}
		}
	}
}

// notifyWriters calls those who wait for room.
func (p *Port) notifyWriters() {
	for _, ready := range p.writers {
		(*ready)()
	}
	p.writers = nil
}

// End is called when the guest has ended: the client gets what is left, then io.EOF.
func (p *Port) End() { p.finish(io.EOF) }

// Stop is called when the guest was stopped before its end: the client gets what is left, then ErrStopped.
func (p *Port) Stop() { p.finish(ErrStopped) }

func (p *Port) finish(end error) {
	p.stdin.CloseRead()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = end
	if p.client != nil {
		p.client.changed.Tell()
	}
}

// Attach attaches a client. It calls position, which returns the end of the log, under the lock that orders
// output: the client's own output begins there.
func (p *Port) Attach(position func() int64) (*Client, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return nil, 0, ErrAttached
	}
	p.client = &Client{port: p}
	return p.client, position(), nil
}

// Client is an attached client. Send and CloseSend are for one goroutine at a time, Next for
// another, Detach for any.
type Client struct {
	port    *Port
	runs    []Run // guarded by port.mu, like the rest
	size    int
	gone    bool
	changed notify.Broadcast
}

// Run is a run of output.
type Run struct {
	Stream store.Stream
	Data   []byte
}

// push appends to the queue; port.mu is held.
func (c *Client) push(stream store.Stream, b []byte) {
	c.size += len(b)
	if n := len(c.runs); n > 0 && c.runs[n-1].Stream == stream {
		c.runs[n-1].Data = append(c.runs[n-1].Data, b...)
	} else {
		c.runs = append(c.runs, Run{stream, append([]byte(nil), b...)})
	}
	c.changed.Tell()
}

// Next returns the next run of output, which belongs to the caller. It blocks until there is one. It returns io.EOF
// when the guest has ended, ErrStopped when it was stopped before, and io.ErrClosedPipe when the client was detached.
func (c *Client) Next(ctx context.Context) (Run, error) {
	for {
		run, changed, err := c.poll()
		if changed == nil {
			return run, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Run{}, context.Cause(ctx)
		}
	}
}

func (c *Client) poll() (Run, <-chan struct{}, error) {
	p := c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.gone:
		return Run{}, nil, io.ErrClosedPipe
	case len(c.runs) > 0:
		run := c.runs[0]
		if c.runs = c.runs[1:]; len(c.runs) == 0 {
			c.runs = nil
		}
		c.size -= len(run.Data)
		p.notifyWriters()
		return run, nil, nil
	case p.end != nil:
		return Run{}, nil, p.end
	}
	return Run{}, c.changed.Next(), nil
}

// Send sends input to the guest, and blocks while the guest has enough. It returns io.ErrClosedPipe if the guest
// reads no more.
func (c *Client) Send(ctx context.Context, b []byte) (int, error) {
	n, err := hostcalls.WriteContext(ctx, c.port.stdin.Writer(), b)
	if errors.Is(err, hostcalls.ErrBrokenPipe) {
		err = io.ErrClosedPipe
	}
	return n, err
}

// CloseSend ends the guest's input.
func (c *Client) CloseSend() { c.port.stdin.CloseWrite() }

// Detach frees the port: another client may attach, and a guest that waits for this one goes
// on. It returns false if the client was detached already.
func (c *Client) Detach() bool {
	p := c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.gone {
		return false
	}
	c.gone, c.runs, c.size = true, nil, 0
	p.client = nil
	c.changed.Tell()
	p.notifyWriters()
	return true
}
