package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// pageSize is how many workloads are listed in one call, at most.
const pageSize = 1000

// orders are the orders of a list by their names.
var orders = map[string]reactorv1.WorkloadOrder{
	"newest":  reactorv1.WorkloadOrder_WORKLOAD_ORDER_NEWEST_FIRST,
	"oldest":  reactorv1.WorkloadOrder_WORKLOAD_ORDER_OLDEST_FIRST,
	"busiest": reactorv1.WorkloadOrder_WORKLOAD_ORDER_BUSIEST_FIRST,
}

func (a *app) listCommand() *cobra.Command {
	var (
		flags filterFlags
		order string
		watch bool
	)
	limit := 100
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "ps"},
		Short:   "List workloads, newest first",
		Long: `list lists workloads, newest first.

With --watch it goes on: on a terminal it shows the list as it is now, in place, until q is pressed, and
elsewhere it prints each change as it happens, in a line of its own. These lines do not tell when a
workload changes between running and waiting, and --state takes the two for one there.`,
		Args: operands(cobra.NoArgs),
	}
	flags.add(cmd)
	cmd.Flags().Var(quantity.CountFlag(&limit, 0), "limit", "list at most this many; 0 for all")
	cmd.Flags().StringVar(&order, "order", "newest", "the `ORDER`, or which come first: newest, oldest, or busiest, which lists those that run by the processor time they used lately")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on with what changes, until interrupted")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		filter, err := flags.filter(cmd)
		if err != nil {
			return err
		}
		request := &reactorv1.ListWorkloadsRequest{Filter: filter, Order: orders[order]}
		if request.Order == 0 {
			return usageError(cmd, "--order %q: give newest, oldest or busiest", order)
		}
		l := &listing{app: a, request: request, limit: limit, screen: a.screen(), wide: a.output.IsWide()}
		switch {
		case watch && a.output.IsTable() && l.screen.CanRedraw():
			return l.live(cmd.Context())
		case watch:
			return l.follow(cmd.Context())
		}
		return l.print(cmd.Context())
	})
	return cmd
}

// listing is one run of the command.
type listing struct {
	*app
	request *reactorv1.ListWorkloadsRequest // without its page
	limit   int                             // zero: none
	screen  *screen.Screen
	wide    bool
	layout  *table.Layout // of the rows that have been printed; nil: none
}

// print prints the list.
func (l *listing) print(ctx context.Context) error {
	if !l.output.IsTable() {
		all, err := l.read(ctx, l.limit)
		if err != nil {
			return err
		}
		l.tellUnreadable("workload", all.GetUnreadableIds())
		return l.output.Message(l.Out, all)
	}
	var rows []*reactorv1.Workload
	_, more, err := l.pages(ctx, l.limit, func(page *reactorv1.ListWorkloadsResponse) error {
		l.tellUnreadable("workload", page.GetUnreadableIds())
		if rows = append(rows, page.GetWorkloads()...); len(rows) < pageSize {
			return nil
		}
		block := rows
		rows = nil // a long list is not kept
		return l.printRows(block)
	})
	if err != nil {
		return err
	}
	if err := l.printRows(rows); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(l.Err, "there are more; --limit 0 lists all\n")
	}
	return nil
}

// read returns the list as one message.
func (l *listing) read(ctx context.Context, limit int) (*reactorv1.ListWorkloadsResponse, error) {
	all := &reactorv1.ListWorkloadsResponse{}
	cursor, _, err := l.pages(ctx, limit, func(page *reactorv1.ListWorkloadsResponse) error {
		all.Workloads = append(all.Workloads, page.GetWorkloads()...)
		all.UnreadableIds = append(all.UnreadableIds, page.GetUnreadableIds()...)
		all.NextPageToken = page.GetNextPageToken()
		return nil
	})
	if err != nil {
		return nil, err
	}
	all.Cursor = cursor
	return all, nil
}

// pages calls each for the pages of the list, up to a number of workloads; zero is no limit. It returns the cursor of the
// first page, and whether there are more workloads.
func (l *listing) pages(ctx context.Context, limit int, each func(*reactorv1.ListWorkloadsResponse) error) (cursor string, more bool, err error) {
	token := ""
	for n := 0; ; {
		size := pageSize
		if limit > 0 {
			size = min(limit-n, pageSize)
		}
		page, err := l.workloads().ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{
			Filter: l.request.GetFilter(), Order: l.request.GetOrder(), PageSize: int32(size), PageToken: token,
		})
		if err != nil {
			return "", false, err
		}
		if token == "" {
			cursor = page.GetCursor()
		}
		if err := each(page); err != nil {
			return "", false, err
		}
		n += len(page.GetWorkloads())
		if token = page.GetNextPageToken(); token == "" || limit > 0 && n >= limit {
			return cursor, token != "", nil
		}
	}
}

// printRows prints rows, the first time with the head of the table. The columns stay where they are, unless they become
// wider.
func (l *listing) printRows(workloads []*reactorv1.Workload) error {
	rows := make([]table.Row, len(workloads))
	for i, w := range workloads {
		rows[i] = render.WorkloadRow(w, l.wide)
	}
	room := l.screen.Width()
	if l.wide {
		room = 0
	}
	var lines []screen.Line
	if l.layout == nil {
		l.layout = table.NewLayout(render.WorkloadColumns(l.wide), rows, room)
		lines = append(lines, l.layout.Head())
	} else {
		l.layout.SetRoom(room)
		l.layout.Grow(rows...)
	}
	for _, row := range rows {
		lines = append(lines, l.layout.Line(row))
	}
	return l.screen.Print(lines...)
}

// tellUnreadable prints which records of a list were left out.
func (a *app) tellUnreadable(kind string, names []string) {
	const most = 10
	for i, name := range names {
		if i == most {
			fmt.Fprintf(a.Err, "%d more are left out\n", len(names)-most)
			return
		}
		fmt.Fprintf(a.Err, "%s %q is left out: its record is damaged, see the daemon's log\n", kind, name)
	}
}
