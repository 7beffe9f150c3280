package observe

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// logRead is about how many bytes of a log are read at a time. They stay in memory for as long as the client does
// not read.
const logRead = 64 << 10

// ReadLog calls send, on the caller's goroutine, with each chunk of a workload's output, in order. The data must
// not be changed. It returns nil at the end of the log; with Follow that is when the workload has ended.
func (o *Observer) ReadLog(ctx context.Context, req api.LogRequest, send func(api.LogChunk) error) error {
	var streams store.Streams
	switch req.Stream {
	case api.BothStreams:
	case api.Stdout, api.Stderr:
		streams = store.Only(store.Stream(req.Stream))
	default:
		return errs.Invalid(errs.Field{Path: "stream", Description: "is not a stream"})
	}
	reader := logReader{Observer: o, id: req.ID, streams: streams}
	if req.TailLines != nil {
		if err := reader.seekTail(ctx, int(*req.TailLines)); err != nil {
			return err
		}
	}
	return reader.copy(ctx, req.Follow, send)
}

// logReader reads a log from the store and from memory.
type logReader struct {
	*Observer
	id       string
	streams  store.Streams
	position int64
}

// seekTail moves to where the last lines begin. It has what is in memory stored first, so that only the store
// needs to search for lines.
func (l *logReader) seekTail(ctx context.Context, lines int) (err error) {
	if log, _ := l.Log(l.id); log != nil {
		_, end, _ := log.Extent()
		log.Flush()
		for {
			changed := log.Changed()
			if stored, _, over := log.Extent(); over || stored >= end || log.Refused() {
				break // if the store is full it is read as it is: a tail that is too short is better than no answer
			}
			if err := l.Await(ctx, l.id, changed); err != nil {
				return err
			}
		}
	}
	l.position, err = l.Store.TailLog(ctx, l.id, l.streams, lines)
	return refusal.OfStore(err)
}

// copy sends the log from the position on; if follow, until the workload has ended.
func (l *logReader) copy(ctx context.Context, follow bool, send func(api.LogChunk) error) error {
	for {
		log, changed := l.Log(l.id)
		var more <-chan struct{}
		if log != nil {
			more = log.Changed()
		}
		chunks, err := l.next(ctx, log)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			if err := send(api.LogChunk{Stream: api.Stream(c.Stream), Data: c.Data, Time: c.Time}); err != nil {
				return err
			}
		}
		if len(chunks) > 0 {
			continue
		}
		if changed == nil || !follow {
			return nil
		}
		if err := l.wait(ctx, changed, more); err != nil {
			return err
		}
	}
}

// next returns the next chunks, from memory if the log has them there, else from the store; none if there are
// none now. log is nil if the workload does not run.
func (l *logReader) next(ctx context.Context, log *logbuf.Log) ([]store.LogChunk, error) {
	for {
		start := l.position
		var chunks []store.LogChunk
		inMemory := false
		if log != nil {
			chunks, l.position, inMemory = log.Read(start, l.streams, logRead)
		}
		if !inMemory {
			entries, next, err := l.Store.ReadLog(ctx, l.id, l.streams, start, logRead)
			if err != nil {
				return nil, refusal.OfStore(err)
			}
			for _, e := range entries {
				chunks = append(chunks, e.LogChunk)
			}
			l.position = next
		}
		if len(chunks) > 0 || l.position == start {
			return chunks, nil
		}
	}
}

// wait waits for the workload to begin or end, or for more output.
func (l *logReader) wait(ctx context.Context, changed, more <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-more:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.Quiet():
		return refusal.Draining()
	}
}
