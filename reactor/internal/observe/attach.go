package observe

import (
	"context"
	"errors"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// Attachment connects a client to a workload's standard streams. Write and CloseWrite are for one
// goroutine at a time, Next for another, Detach for any.
//
// The client first gets the log's output from before it attached, then what the guest writes. The guest writes no
// faster than the client reads. A client may attach before the workload starts.
type Attachment struct {
	client *terminal.Client
	replay logReader
	until  int64            // the log's offset at which the client's own output begins
	rest   []store.LogChunk // read from the log and not returned yet
}

// Attach attaches a client to an interactive workload.
func (o *Observer) Attach(ctx context.Context, id string) (*Attachment, error) {
	port := o.Port(id)
	if port == nil {
		return nil, errs.Workload(errs.WorkloadFinished, id, "workload %q has ended: read its logs instead", id)
	}
	var before int64 // what earlier attempts wrote; one that writes more and is stopped takes the port with it
	if log, _ := o.Log(id); log == nil {
		var err error
		if before, err = o.Store.TailLog(ctx, id, 0, 0); err != nil {
			return nil, refusal.OfStore(err)
		}
	}
	client, until, err := port.Attach(func() int64 {
		log, _ := o.Log(id)
		if log == nil {
			return before
		}
		_, end, _ := log.Extent()
		return end
	})
	if errors.Is(err, terminal.ErrAttached) {
		return nil, errs.Workload(errs.WorkloadAttached, id, "another client is attached to workload %q", id)
	}
	if err != nil {
		return nil, err
	}
	return &Attachment{client: client, until: until, replay: logReader{Observer: o, id: id}}, nil
}

// Write writes input for the guest. It blocks while the guest has enough input, and returns io.ErrClosedPipe if
// the guest reads no more.
func (a *Attachment) Write(ctx context.Context, p []byte) (int, error) { return a.client.Send(ctx, p) }

// CloseWrite ends the guest's input.
func (a *Attachment) CloseWrite() { a.client.CloseSend() }

// Next returns the next chunk of output. It blocks until there is one. It returns io.EOF when the workload has ended, and
// io.ErrClosedPipe after Detach. It fails with another error if the guest was stopped before its end and will be started
// again: the input that was sent is lost.
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
	if errors.Is(err, terminal.ErrStopped) {
		err = errs.Workload(errs.Unavailable, a.replay.id, "the guest of workload %q was stopped, since the node is short of memory, "+
			"and is started anew: attach again, and send its input from the beginning", a.replay.id)
	}
	return api.Output{Stream: api.Stream(run.Stream), Data: run.Data}, err
}

// replayed returns the next chunk from the log, cut where the client's own output begins. When none is left it
// returns nil, and sets until to zero.
func (a *Attachment) replayed(ctx context.Context) (*store.LogChunk, error) {
	if len(a.rest) == 0 {
		start := a.replay.position
		log, _ := a.replay.Log(a.replay.id)
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

// Detach ends the attachment. The workload goes on, and its input stays open for the next client unless
// CloseWrite ended it. Detach returns true the first time.
func (a *Attachment) Detach() bool { return a.client.Detach() }
