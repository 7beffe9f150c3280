package reactor

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/observe"
	"github.com/reactord/reactord/reactor/internal/terminal"
)

// WatchWorkloads calls send, on the caller's goroutine: first with the cursor that the watch starts from; then, if
// cursor is not empty, with each matching workload that changed since, in its latest state; then with every matching
// change as it happens. It returns nil after the event that says that the reactor shuts down, else the error of
// ctx or of send, or an *errs.Error.
//
// A watch with a slow client costs no more than one with a fast client: it falls back to the store, and gets
// the latest state of each workload instead of every state in between.
func (r *Reactor) WatchWorkloads(ctx context.Context, filter api.Filter, cursor string, send func(api.WatchEvent) error) error {
	if err := r.observer.Enter(); err != nil {
		return err
	}
	defer r.observer.Leave()
	f, err := r.filter(ctx, filter)
	if err != nil {
		return err
	}
	return r.observer.Watch(ctx, f, cursor, send)
}

// ReadLogs calls send, on the caller's goroutine, with each chunk of a workload's output, in order, and at last with how
// much output was dropped, if any. Send must not change the data. ReadLogs returns nil at what was the end of the
// log when the call came; with Follow, when the workload has ended.
func (r *Reactor) ReadLogs(ctx context.Context, req api.LogRequest, send func(api.LogChunk) error) error {
	if err := r.observer.Enter(); err != nil {
		return err
	}
	defer r.observer.Leave()
	before, err := r.readWorkload(ctx, req.ID)
	if err != nil {
		return err
	}
	position, missing, err := r.observer.ReadLog(ctx, req, send)
	if err != nil {
		return err
	}
	w, err := r.GetWorkload(ctx, req.ID)
	if err != nil {
		return err
	}
	last := api.LogChunk{Offset: position, Missing: missing, DroppedBytes: w.Status.Usage.LogBytesDropped}
	whole := req.Follow || before.Status.State.Ended()
	if end := w.Status.Usage.LogBytes; whole && w.Status.State.Ended() && end > position {
		last.Offset, last.Missing = end, last.Missing+end-position
	}
	if last.DroppedBytes > 0 || last.Missing > 0 {
		return send(last)
	}
	return nil
}

// Attachment connects a client to a workload's standard streams. One goroutine at a time may call Write and CloseWrite,
// another one Next and Ended, and any Close.
type Attachment struct {
	*observe.Attachment
	reactor *Reactor
	id      string
}

// AttachWorkload attaches a client to a workload that is interactive, or whose output is to be delivered, or that has
// ended.
func (r *Reactor) AttachWorkload(ctx context.Context, req api.AttachRequest) (*Attachment, error) {
	out, err := r.readWorkload(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	if err := r.observer.Enter(); err != nil {
		return nil, err
	}
	a, err := r.observer.Attach(ctx, &req, terminal.ModeOf(&out.Spec))
	if err != nil {
		r.observer.Leave()
		return nil, err
	}
	return &Attachment{a, r, req.ID}, nil
}

// Ended waits until the workload has ended, and returns it.
func (a *Attachment) Ended(ctx context.Context) (*api.Workload, error) {
	return a.reactor.WaitWorkload(ctx, a.id)
}

// Close detaches. The workload goes on, and its input stays open for the next client unless
// CloseWrite ended it. It may be called more than once.
func (a *Attachment) Close() {
	if a.Detach() {
		a.reactor.observer.Leave()
	}
}
