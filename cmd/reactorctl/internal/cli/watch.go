package cli

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// follow prints the list, then each change as it happens, until ctx ends or the daemon does not come back.
func (l *listing) follow(ctx context.Context) error {
	for {
		var all *reactorv1.ListWorkloadsResponse
		err := l.follower.Do(ctx, func(ctx context.Context) (err error) {
			all, err = l.read(ctx, l.limit)
			return err
		})
		if err == nil {
			err = l.printChanges(all.GetCursor(), all.GetWorkloads()...)
		}
		if err == nil {
			err = l.changes(ctx, all.GetCursor())
		}
		if status.Code(err) != codes.FailedPrecondition { // which means that the cursor has expired
			return err
		}
		fmt.Fprintln(l.Err, "reactorctl: some changes are no longer known: this is the list as it is now")
	}
}

// changes prints each change after the cursor.
func (l *listing) changes(ctx context.Context, cursor string) error {
	return l.follower.Do(ctx, func(ctx context.Context) error {
		stream, err := l.workloads().WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{Filter: l.request.GetFilter(), Cursor: cursor})
		if err != nil {
			return err
		}
		for {
			response, err := stream.Recv()
			if err != nil {
				return err
			}
			cursor = response.GetCursor()
			if response.GetDraining() {
				return status.Error(codes.Unavailable, "the daemon is shutting down")
			}
			l.follower.Reached("")
			if w := response.GetWorkload(); w != nil {
				if err := l.printChanges(cursor, w); err != nil {
					return follow.Permanent(err)
				}
			}
		}
	})
}

// printChanges prints workloads as rows of the table, or as messages of a watch.
func (l *listing) printChanges(cursor string, workloads ...*reactorv1.Workload) error {
	if l.output.IsTable() {
		return l.printRows(workloads)
	}
	for _, w := range workloads {
		if err := l.output.Message(l.Out, &reactorv1.WatchWorkloadsResponse{Cursor: cursor, Workload: w}); err != nil {
			return err
		}
	}
	return nil
}

// liveInterval is the time between two looks at the list.
const liveInterval = time.Second

// live shows the list as it is now, in place, until ctx ends or the daemon does not come back. It lists again and again,
// since nobody is told how workloads change between running and waiting, and what they have used.
func (l *listing) live(ctx context.Context) error {
	shown := &reactorv1.ListWorkloadsResponse{}
	frame := func(outage string) []screen.Line { return l.frame(shown, outage) }
	return l.redraw(ctx, l.screen, frame, func(ctx context.Context) error {
		all, err := l.read(ctx, l.fitting())
		if err == nil {
			shown = all
		}
		return err
	})
}

// redraw looks again and again and draws a frame each time, in place, until ctx ends or the daemon does not come back. While
// the daemon is gone it draws frames with a message that says so.
func (a *app) redraw(ctx context.Context, s *screen.Screen, frame func(outage string) []screen.Line, look func(context.Context) error) error {
	live := screen.NewLive(s)
	defer live.Keep()
	follower := &follow.Follower{Address: a.daemon.Address, Patience: a.reconnect, Say: func(message string) {
		_ = live.Draw(frame(message)...) // the next look fails as well if the terminal is gone
	}}
	ticks := time.NewTicker(liveInterval)
	defer ticks.Stop()
	for {
		if err := follower.Do(ctx, look); err != nil {
			return err
		}
		if err := live.Draw(frame("")...); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// liveExtra are the rows of the screen that are not for workloads: the head, what there is to say, the cursor's.
const liveExtra = 3

// fitting returns how many workloads the screen has room for, and the limit allows.
func (l *listing) fitting() int {
	_, rows := l.screen.Size()
	n := max(rows-liveExtra, 1)
	if l.limit > 0 {
		n = min(n, l.limit)
	}
	return n
}

// frame is what a live list shows.
func (l *listing) frame(list *reactorv1.ListWorkloadsResponse, outage string) []screen.Line {
	rows := render.Workloads(list.GetWorkloads(), l.wide)
	lines := table.Lines(rows.Columns, rows.Rows, l.screen.Width())
	switch {
	case outage != "":
		lines = append(lines, screen.Line{{Text: outage, Style: screen.Notable}})
	case list.GetNextPageToken() != "" && len(list.GetWorkloads()) != l.limit:
		lines = append(lines, screen.Line{{Text: "there are more than the terminal has rows for", Style: screen.Faint}})
	case list.GetNextPageToken() != "":
		lines = append(lines, screen.Line{{Text: fmt.Sprintf("there are more than --limit %d", l.limit), Style: screen.Faint}})
	}
	return lines
}
