package terminal

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/store"
)

// What a client gets after its last output, besides io.EOF.
var (
	// ErrStopped: the guest was stopped before its end, and will be started anew with another port.
	ErrStopped = errors.New("terminal: the guest was stopped, and is started anew")
	// ErrReplaced: another client of the same name has attached.
	ErrReplaced = errors.New("terminal: another client of the same name has attached")
)

// ErrNoInput is returned by Send if the workload takes no input from clients.
var ErrNoInput = errors.New("terminal: the workload takes no input from clients")

// Client is an attached client. Send and CloseSend are for one goroutine at a time, Next, Replayed and Live for
// another, Detach for any.
type Client struct {
	port *Port
	name string

	// Guarded by port.mu.
	runs    []Run
	size    int
	live    bool  // it has what was written before it attached
	gone    error // not nil: it was detached
	changed notify.Broadcast
}

// Run is a run of output of one attempt.
type Run struct {
	Stream  store.Stream
	Data    []byte
	Offset  int64
	Attempt uint32
}

// push appends a copy to the queue; port.mu is held.
func (c *Client) push(r Run) {
	c.size += len(r.Data)
	if n := len(c.runs); n > 0 && c.runs[n-1].Stream == r.Stream && c.runs[n-1].end() == r.Offset {
		c.runs[n-1].Data = append(c.runs[n-1].Data, r.Data...)
	} else {
		r.Data = append([]byte(nil), r.Data...)
		c.runs = append(c.runs, r)
	}
	c.changed.Tell()
}

func (r *Run) end() int64 { return r.Offset + int64(len(r.Data)) }

// Replayed says that the client has the output up to a position that is not in its own output.
func (c *Client) Replayed(position int64) {
	p := c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.gone == nil && position > p.taken {
		p.taken = position
		p.notifyWriters()
	}
}

// Live says that the client has all output that is not in its own.
func (c *Client) Live() {
	p := c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	c.live = true
	p.notifyWriters()
}

// Next returns the next run of output, which belongs to the caller. It blocks until there is one. It returns io.EOF
// when the guest has ended, ErrStopped when it was stopped before, ErrReplaced when another client took its place, and
// io.ErrClosedPipe when the client was detached.
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
	case c.gone != nil:
		return Run{}, nil, c.gone
	case len(c.runs) > 0:
		run := c.runs[0]
		if c.runs = c.runs[1:]; len(c.runs) == 0 {
			c.runs = nil
		}
		c.size -= len(run.Data)
		p.taken = max(p.taken, run.end())
		p.notifyWriters()
		return run, nil, nil
	case p.end != nil:
		return Run{}, nil, p.end
	}
	return Run{}, c.changed.Next(), nil
}

// Send sends input to the guest, and blocks while the guest has enough. It returns io.ErrClosedPipe if the guest
// reads no more, and ErrNoInput if it takes none from clients.
func (c *Client) Send(ctx context.Context, b []byte) (int, error) {
	if c.port.stdin == nil {
		return 0, ErrNoInput
	}
	if err := c.left(); err != nil {
		return 0, err
	}
	n, err := hostcalls.WriteContext(ctx, c.port.stdin.Writer(), b)
	if errors.Is(err, hostcalls.ErrBrokenPipe) {
		err = io.ErrClosedPipe
	}
	return n, err
}

// CloseSend ends the guest's input.
func (c *Client) CloseSend() {
	if c.port.stdin != nil && c.left() == nil {
		c.port.stdin.CloseWrite()
	}
}

// left returns why the client is attached no more.
func (c *Client) left() error {
	c.port.mu.Lock()
	defer c.port.mu.Unlock()
	return c.gone
}

// Detach frees the port: another client may attach, and a guest that waits for this one goes
// on. It returns false if the client was detached already.
func (c *Client) Detach() bool {
	p := c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(c.gone, io.ErrClosedPipe) {
		return false
	}
	replaced := c.gone != nil
	c.leave(io.ErrClosedPipe)
	if !replaced {
		p.client, p.alone = nil, time.Now()
		p.notifyWriters()
	}
	return true
}

// leave empties the queue and notifies Next; port.mu is held.
func (c *Client) leave(why error) {
	c.gone, c.runs, c.size = why, nil, 0
	c.changed.Tell()
}
