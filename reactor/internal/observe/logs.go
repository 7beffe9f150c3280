package observe

import (
	"context"
	"math"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// ReadLog calls send, on the caller's goroutine, with each chunk of a workload's output, in order. The data must
// not be changed. It ends where the log ended when the call came; with Follow, when the workload has ended. It returns the position
// up to which the output was read, and how much of it is missing since the last chunk.
func (o *Observer) ReadLog(ctx context.Context, req api.LogRequest, send func(api.LogChunk) error) (position, missing uint64, err error) {
	reader := logReader{Observer: o, id: req.ID, since: req.Since, until: math.MaxInt64}
	if reader.streams, err = checkLogRequest(&req); err != nil {
		return 0, 0, err
	}
	if err = reader.begin(ctx, &req); err == nil {
		err = reader.copy(ctx, req.Follow, send)
	}
	return uint64(reader.seen), uint64(reader.missing), err
}

func checkLogRequest(req *api.LogRequest) (streams store.Streams, err error) {
	var f errs.Faults
	switch req.Stream {
	case api.BothStreams:
	case api.Stdout, api.Stderr:
		streams = store.Only(store.Stream(req.Stream))
	default:
		f.Add("stream", "is not a stream")
	}
	checkOffset(&f, "offset", req.Offset)
	if req.TailLines != nil && req.Offset > 0 {
		f.Add("offset", "can't be set together with tail_lines")
	}
	return streams, f.Err()
}

// checkOffset checks a position that a client sent.
func checkOffset(f *errs.Faults, path string, offset uint64) {
	if offset > maxOffset {
		f.Add(path, "%d is more than any workload has written", offset)
	}
}

// maxOffset bounds positions, so that they can be computed with.
const maxOffset = 1 << 62

// copy sends the log from the position on, to until; if follow, until the workload has ended.
func (l *logReader) copy(ctx context.Context, follow bool, send func(api.LogChunk) error) error {
	for {
		log, changed := l.Log(l.id)
		var more <-chan struct{}
		if log != nil {
			more = log.Changed()
		}
		start := l.position
		entries, err := l.next(ctx, log)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Offset >= l.until {
				break
			}
			e.Data = e.Data[:min(int64(len(e.Data)), l.until-e.Offset)]
			missing, wanted := l.take(&e)
			if !wanted {
				continue
			}
			if err := send(api.LogChunk{
				Stream: api.Stream(e.Stream), Data: e.Data, Time: e.Time,
				Offset: uint64(e.Offset), Attempt: attemptOf(&e), AttemptStart: l.begun(ctx, &e), Missing: uint64(missing),
			}); err != nil {
				return err
			}
		}
		switch {
		case l.position >= l.until:
			l.missing += max(0, l.until-l.seen)
			l.seen = max(l.seen, l.until)
			return nil
		case len(entries) > 0 || l.position > start:
			continue
		case changed == nil || !follow:
			return nil
		}
		if err := l.wait(ctx, changed, more); err != nil {
			return err
		}
	}
}

// attemptOf returns the attempt that wrote an entry. What older daemons stored does not tell: most workloads have one.
func attemptOf(e *store.LogEntry) uint32 { return max(1, e.Attempt) }

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
