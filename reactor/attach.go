package reactor

import (
	"context"
	"errors"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// Attachment is a client's hold on a workload's standard streams. Write and CloseWrite are for one
// goroutine at a time, Next and Ended for another, Close for any.
//
// The client first gets what the log has kept of the output from before it attached, then what the
// guest writes, no faster than it takes it: a guest whose client is slow waits. It may attach
// before the workload starts.
type Attachment struct {
	reactor *Reactor
	id      string
	client  *terminal.Client
	replay  logReader
	until   int64            // where in the log the client's own output begins
	rest    []store.LogChunk // read and not given out
}

// AttachWorkload attaches a client to an interactive workload that has not ended.
func (r *Reactor) AttachWorkload(ctx context.Context, id string) (*Attachment, error) {
	out, err := r.readWorkload(ctx, id)
	if err != nil {
		return nil, err
	}
	if !out.Spec.Interactive && !out.Status.State.Ended() {
		return nil, errs.Workload(errs.WorkloadNotInteractive, id, "workload %q was not submitted as interactive: read its logs instead", id)
	}
	if !r.enter() {
		return nil, refusal.Draining()
	}
	a, err := r.attach(id)
	if err != nil {
		r.leave()
	}
	return a, err
}

func (r *Reactor) attach(id string) (*Attachment, error) {
	r.mu.Lock()
	w := r.live[id]
	var port *terminal.Port
	if w != nil {
		port = portOf(w)
	}
	r.mu.Unlock()
	if w == nil {
		return nil, errs.Workload(errs.WorkloadFinished, id, "workload %q has ended: read its logs instead", id)
	}
	client, until, err := port.Attach(func() int64 {
		log, _ := r.currentLog(id)
		if log == nil {
			return 0
		}
		_, end, _ := log.Extent()
		return end
	})
	if errors.Is(err, terminal.ErrAttached) {
		return nil, errs.Workload(errs.WorkloadAttached, id, "another client is attached to workload %q", id)
	}
	return &Attachment{
		reactor: r, id: id, client: client, until: until,
		replay: logReader{reactor: r, id: id},
	}, err
}

// Write gives input to the guest. It blocks while the guest has enough of it; io.ErrClosedPipe says
// that it reads no more.
func (a *Attachment) Write(ctx context.Context, p []byte) (int, error) { return a.client.Send(ctx, p) }

// CloseWrite ends the guest's input.
func (a *Attachment) CloseWrite() { a.client.CloseSend() }

// Next returns the next run of output. It blocks until there is one; io.EOF says that the workload
// has ended and Ended will tell how.
func (a *Attachment) Next(ctx context.Context) (api.Output, error) {
	for a.until > 0 {
		c, err := a.replayed(ctx)
		if err != nil {
			return api.Output{}, err
		}
		if c != nil {
			return api.Output{Stream: api.Stream(c.Stream), Data: c.Data}, nil
		}
	}
	run, err := a.client.Next(ctx)
	return api.Output{Stream: api.Stream(run.Stream), Data: run.Data}, err
}

// replayed returns the next run from the log, cut where the client's own output begins; nil, and
// until zero, when there is none left.
func (a *Attachment) replayed(ctx context.Context) (*store.LogChunk, error) {
	if len(a.rest) == 0 {
		start := a.replay.position
		log, _ := a.reactor.currentLog(a.id)
		chunks, err := a.replay.next(ctx, log)
		if err != nil {
			return nil, err
		}
		for _, c := range chunks {
			c.Data = c.Data[:min(int64(len(c.Data)), max(0, a.until-start))]
			start += int64(len(c.Data))
			if len(c.Data) > 0 {
				a.rest = append(a.rest, c)
			}
		}
		if len(a.rest) == 0 {
			a.until = 0
			return nil, nil
		}
	}
	c := &a.rest[0]
	a.rest = a.rest[1:]
	return c, nil
}

// Ended waits until the workload has ended, and returns how.
func (a *Attachment) Ended(ctx context.Context) (*api.Workload, error) {
	return a.reactor.WaitWorkload(ctx, a.id)
}

// Close detaches. The workload goes on, and its input stays open for the next client unless
// CloseWrite ended it. It may be called more than once.
func (a *Attachment) Close() {
	if a.client.Detach() {
		a.reactor.leave()
	}
}
