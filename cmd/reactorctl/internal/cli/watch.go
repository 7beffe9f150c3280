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
	"github.com/reactord/reactord/cmd/reactorctl/internal/viewer"
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
			l.tellUnreadable("workload", all.GetUnreadableIds())
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

// live shows the list as it is now, in place, until q is pressed, ctx ends or the daemon does not come back. It lists again
// and again, since nobody is told how workloads change between running and waiting, and what they have used.
func (l *listing) live(ctx context.Context) error {
	return l.redraw(ctx, l.screen, func(ctx context.Context) (frame, error) {
		all, err := l.read(ctx, l.fitting())
		return func(outage string) []screen.Line { return l.frame(all, outage) }, err
	})
}

// frame returns what is to be drawn of what a look has found; outage is what there is to say while the daemon is gone.
type frame func(outage string) []screen.Line

// redraw looks again and again and shows what it finds, in place, until q is pressed, ctx ends or the daemon does not come
// back.
func (a *app) redraw(ctx context.Context, s *screen.Screen, look func(context.Context) (frame, error)) error {
	shown := &framed{frame: func(string) []screen.Line { return nil }}
	feed := func(ctx context.Context, change func(func())) error {
		follower := &follow.Follower{Address: a.daemon.Address, Patience: a.reconnect, Say: func(message string) {
			change(func() { shown.outage = message })
		}}
		ticks := time.NewTicker(liveInterval)
		defer ticks.Stop()
		for {
			var found frame
			err := follower.Do(ctx, func(ctx context.Context) (err error) {
				found, err = look(ctx)
				return err
			})
			if err != nil {
				return err
			}
			change(func() { shown.frame, shown.outage = found, "" })
			select {
			case <-ticks.C:
			case <-ctx.Done():
				return nil
			}
		}
	}
	return viewer.Show(ctx, a.terminal(s), shown, feed)
}

// framed is the last frame as a model.
type framed struct {
	frame  frame
	outage string
}

// OnKey ends the screen at q.
func (f *framed) OnKey(key string) (end bool) { return key == "q" || key == "Q" }

// Lines draws the frame.
func (f *framed) Lines(int, int) []screen.Line { return f.frame(f.outage) }

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
		lines = append(lines, render.Outage(outage, l.daemon.Address, l.screen.Width()))
	case len(list.GetUnreadableIds()) > 0:
		text := fmt.Sprintf("%d left out, whose records are damaged: see the daemon's log", len(list.GetUnreadableIds()))
		lines = append(lines, screen.Line{{Text: text, Style: screen.Notable}})
	case list.GetNextPageToken() != "" && len(list.GetWorkloads()) != l.limit:
		lines = append(lines, screen.Line{{Text: "there are more than the terminal has rows for", Style: screen.Faint}})
	case list.GetNextPageToken() != "":
		lines = append(lines, screen.Line{{Text: fmt.Sprintf("there are more than --limit %d", l.limit), Style: screen.Faint}})
	}
	return lines
}
