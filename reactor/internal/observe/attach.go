package observe

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"

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
// faster than the client reads. A client may attach before the workload starts, and after it has ended.
type Attachment struct {
	client *terminal.Client // nil if the workload has ended
	left   atomic.Bool      // if client is nil
	replay logReader
	until  int64            // the position at which the client's own output begins; zero once it has what was before
	rest   []store.LogEntry // read from the log and not returned yet
}

// Attach attaches a client to a workload of a mode.
func (o *Observer) Attach(ctx context.Context, req *api.AttachRequest, mode terminal.Mode) (*Attachment, error) {
	var f errs.Faults
	checkOffset(&f, "start.offset", req.Offset)
	if err := f.Err(); err != nil {
		return nil, err
	}
	a := &Attachment{replay: logReader{Observer: o, id: req.ID}}
	if err := a.replay.seek(ctx, req.Offset, req.Attempt, req.AttemptStart); err != nil {
		return nil, err
	}
	if _, _, live := o.Look(req.ID); live && mode == (terminal.Mode{}) {
		return nil, errs.Workload(errs.WorkloadNotInteractive, req.ID,
			"workload %q was submitted neither as interactive nor with its output to be delivered: read its logs instead", req.ID)
	}
	var port *terminal.Port
	if mode != (terminal.Mode{}) {
		port = o.Port(req.ID, mode)
	}
	if port == nil {
		a.until = math.MaxInt64
		return a, nil
	}
	return a, a.attach(ctx, port, mode, req.Client)
}

// attach attaches the client to the port of a workload that has not ended, though it may do so meanwhile. What an attempt has written is
// in the store before its log is gone, and it takes the port with it.
func (a *Attachment) attach(ctx context.Context, port *terminal.Port, mode terminal.Mode, name string) (err error) {
	o, id := a.replay.Observer, a.replay.id
	var before int64 // what earlier attempts wrote
	if log, _ := o.Log(id); log == nil {
		if before, _, err = o.Store.TailLog(ctx, id, 0, 0, store.Cut{}); err != nil {
			return refusal.OfStore(err)
		}
	}
	a.client, a.until, err = port.Attach(name, a.replay.position, func() int64 {
		if log, _ := o.Log(id); log != nil {
			return log.Extent().End
		}
		if o.Port(id, mode) != port {
			return math.MaxInt64
		}
		return before
	})
	if errors.Is(err, terminal.ErrAttached) {
		return errs.Workload(errs.WorkloadAttached, id, "another client is attached to workload %q", id)
	}
	return err
}

// Write writes input for the guest. It blocks while the guest has enough input, and returns io.ErrClosedPipe if
// the guest reads no more.
func (a *Attachment) Write(ctx context.Context, p []byte) (int, error) {
	if a.client == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := a.client.Send(ctx, p)
	if errors.Is(err, terminal.ErrNoInput) {
		err = errs.Workload(errs.WorkloadNotInteractive, a.replay.id, "workload %q takes no input: it was not submitted as interactive", a.replay.id)
	}
	return n, err
}

// CloseWrite ends the guest's input.
func (a *Attachment) CloseWrite() {
	if a.client != nil {
		a.client.CloseSend()
	}
}

// Position returns the position after the last byte that Next has returned, or found missing.
func (a *Attachment) Position() uint64 { return uint64(a.replay.seen) }

// Next returns the next chunk of output. It blocks until there is one. It returns io.EOF when the workload has ended, and
// io.ErrClosedPipe after Detach. It fails with another error if the guest was stopped before its end and will be started
// again: the input that was sent is lost.
func (a *Attachment) Next(ctx context.Context) (api.Output, error) {
	for a.until > 0 {
		e, err := a.replayed(ctx)
		if err != nil {
			return api.Output{}, err
		}
		if e != nil {
			return a.output(ctx, e), nil
		}
	}
	if a.client == nil {
		return api.Output{}, io.EOF
	}
	run, err := a.client.Next(ctx)
	if err != nil {
		return api.Output{}, a.ended(err)
	}
	e := store.LogEntry{Attempt: run.Attempt, LogChunk: store.LogChunk{Offset: run.Offset, Stream: run.Stream, Data: run.Data}}
	return a.output(ctx, &e), nil
}

func (a *Attachment) output(ctx context.Context, e *store.LogEntry) api.Output {
	missing, _ := a.replay.take(e)
	return api.Output{
		Stream: api.Stream(e.Stream), Data: e.Data,
		Offset: uint64(e.Offset), Attempt: attemptOf(e), AttemptStart: a.replay.begun(ctx, e), Missing: uint64(missing),
	}
}

// ended is the error that a client gets for the error of its queue.
func (a *Attachment) ended(err error) error {
	id := a.replay.id
	switch {
	case errors.Is(err, terminal.ErrStopped):
		return errs.Workload(errs.Unavailable, id, "the guest of workload %q was stopped, since the node is short of memory, "+
			"and is started anew: attach again, and send its input from the beginning", id)
	case errors.Is(err, terminal.ErrReplaced):
		return errs.Workload(errs.WorkloadAttached, id, "the same client has attached to workload %q again", id)
	}
	return err
}

// replayed returns the next entry from the log, cut where the client's own output begins. When none is left it
// returns nil, and sets until to zero.
func (a *Attachment) replayed(ctx context.Context) (*store.LogEntry, error) {
	if a.client != nil {
		a.client.Replayed(a.replay.seen)
	}
	for len(a.rest) == 0 {
		start := a.replay.position
		log, _ := a.replay.Log(a.replay.id)
		entries, err := a.replay.next(ctx, log)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Data = e.Data[:min(int64(len(e.Data)), max(0, a.until-e.Offset))]; len(e.Data) > 0 {
				a.rest = append(a.rest, e)
			}
		}
		if len(a.rest) == 0 && (a.replay.position >= a.until || a.replay.position == start) {
			a.until = 0
			if a.client != nil {
				a.client.Live()
			}
			return nil, nil
		}
	}
	e := &a.rest[0]
	a.rest = a.rest[1:]
	return e, nil
}

// Detach ends the attachment. The workload goes on, and its input stays open for the next client unless
// CloseWrite ended it. Detach returns true the first time.
func (a *Attachment) Detach() bool {
	if a.client == nil {
		return !a.left.Swap(true)
	}
	return a.client.Detach()
}
