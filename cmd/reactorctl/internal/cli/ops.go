package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// opOrders are the orders of operations by their names.
var opOrders = map[string]reactorv1.OpOrder{
	"workload": reactorv1.OpOrder_OP_ORDER_WORKLOAD,
	"age":      reactorv1.OpOrder_OP_ORDER_OLDEST_FIRST,
}

func (a *app) opsCommand() *cobra.Command {
	var flags opFlags
	o := &opsListing{app: a, limit: 100}
	cmd := &cobra.Command{
		Use:   "ops [ID]",
		Short: "List what workloads are waiting for",
		Long: `ops lists what workloads are waiting for: every pending operation with what it acts on, how long it has
lasted, how many bytes have gone that way so far, when it ends by itself, and the grant that it uses.

Of one workload that runs a component it also says what its calls do: how many there are of each export, what they wait for,
what holds them back, and the streams between the component's instances. And it says why nothing can wake the workload any more, if
that is so.

With --summary it counts the operations of all workloads by what they wait for.`,
		Example: `  reactorctl ops --older-than 10s --sort age
  reactorctl ops --kind read,write --target '10.0.0.7:*'
  reactorctl ops --summary -w`,
		Args: operands(cobra.MaximumNArgs(1)),
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.sort, "sort", "workload", "the `ORDER`: workload, or age for the oldest first")
	cmd.Flags().Var(quantity.CountFlag(&o.limit, 0), "limit", "list at most this many, or with --summary groups; 0 for all")
	cmd.Flags().BoolVar(&flags.summary, "summary", false, "count operations by what they wait for")
	addWatch(cmd, &flags.watch)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		var err error
		if o.filter, err = flags.filter(cmd, args); err != nil {
			return err
		}
		o.id, o.selector, o.order, o.screen = strings.Join(args, ""), flags.selector, opOrders[flags.sort], a.screen()
		look := o.list
		if flags.summary {
			look = o.summarize
		}
		switch {
		case flags.watch && a.output.IsTable() && o.screen.CanRedraw():
			return o.live(cmd.Context(), look)
		case flags.watch:
			return o.repeat(cmd.Context(), func(ctx context.Context) (func() error, error) {
				page, err := look(ctx)
				return func() error { return o.print(page) }, err
			})
		}
		page, err := look(cmd.Context())
		if err != nil {
			return err
		}
		return o.print(page)
	})
	return cmd
}

// opFlags select operations.
type opFlags struct {
	selector, target, sort string
	kinds                  []string
	age                    time.Duration
	summary, watch         bool
}

func (f *opFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.selector, "label", "l", "", "only of workloads with these `LABELS`, such as app=web,tier!=test or 'app in (web, api)'")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only these `KINDS`: "+strings.Join(opKindWords(), ", "))
	flags.StringVar(&f.target, "target", "", "only on this `TARGET`, such as 10.0.0.7:443; with * at the end, on those that begin so")
	flags.DurationVar(&f.age, "older-than", 0, "only those that have lasted this `DURATION`, such as 10s")
}

// filter checks the command line.
func (f *opFlags) filter(cmd *cobra.Command, args []string) (*reactorv1.OpFilter, error) {
	switch {
	case len(args) > 0 && f.selector != "":
		return nil, usageError(cmd, "give either an id or --label")
	case len(args) > 0 && f.summary:
		return nil, usageError(cmd, "--summary counts the operations of all workloads, or of those with --label: give no id")
	case opOrders[f.sort] == 0:
		return nil, usageError(cmd, "--sort %q: give workload or age", f.sort)
	case f.summary && cmd.Flags().Changed("sort"):
		return nil, usageError(cmd, "--summary sorts by number: give no --sort")
	case f.age < 0:
		return nil, usageError(cmd, "--older-than %v: give a time of zero or more, such as 10s", f.age)
	}
	filter := &reactorv1.OpFilter{Target: f.target}
	if f.age > 0 {
		filter.MinAge = durationpb.New(f.age)
	}
	for _, name := range f.kinds {
		kind := reactorv1.OpKind_value["OP_KIND_"+strings.ToUpper(name)]
		if kind == 0 {
			return nil, usageError(cmd, "--kind %q: give %s", name, strings.Join(opKindWords(), ", "))
		}
		filter.Kinds = append(filter.Kinds, reactorv1.OpKind(kind))
	}
	return filter, nil
}

// opKindWords are the kinds as --kind takes them.
func opKindWords() (words []string) {
	for number, name := range reactorv1.OpKind_name {
		if number != 0 {
			words = append(words, strings.ToLower(strings.TrimPrefix(name, "OP_KIND_")))
		}
	}
	slices.Sort(words)
	return words
}

// opsListing is one run of the command.
type opsListing struct {
	*app
	id, selector string
	filter       *reactorv1.OpFilter
	order        reactorv1.OpOrder
	limit        int
	screen       *screen.Screen
}

// opsPage is what one look has found.
type opsPage struct {
	message proto.Message
	rows    render.List
	calls   *reactorv1.Activity // of the workload that was asked for, if it runs a component
	stuck   string              // why it is that it can't go on
	totals  []string            // of a summary: a part of what was asked for
	notes   []string            // what there is to say besides
}

// maxGroups is the largest number of groups that a daemon counts.
const maxGroups = 1000

// summarize counts operations by what they wait for.
func (o *opsListing) summarize(ctx context.Context) (opsPage, error) {
	groups := o.limit
	if groups == 0 {
		groups = maxGroups
	}
	summary, err := o.workloads().SummarizeOps(ctx, &reactorv1.SummarizeOpsRequest{
		LabelSelector: o.selector, Filter: o.filter, Groups: int32(min(groups, maxGroups)), //nolint:gosec // maxGroups at most
	})
	if err != nil {
		return opsPage{}, err
	}
	return opsPage{message: summary, rows: render.OpGroups(summary), totals: render.OpTotals(summary)}, nil
}

// list lists operations as one page, up to the limit.
func (o *opsListing) list(ctx context.Context) (opsPage, error) {
	all := &reactorv1.ListOpsResponse{}
	request := &reactorv1.ListOpsRequest{WorkloadId: o.id, LabelSelector: o.selector, Filter: o.filter, Order: o.order}
	for {
		size := pageSize
		if o.limit > 0 {
			size = min(o.limit-len(all.GetOps()), pageSize)
		}
		request.PageSize = int32(size) //nolint:gosec // pageSize at most
		page, err := o.workloads().ListOps(ctx, request)
		if err != nil {
			return opsPage{}, err
		}
		all.Ops = append(all.Ops, page.GetOps()...)
		if page.GetActivity() != nil {
			all.Activity = page.GetActivity()
		}
		if page.GetStuck() != "" {
			all.Stuck = page.GetStuck()
		}
		all.NextPageToken = page.GetNextPageToken()
		if request.PageToken = all.GetNextPageToken(); request.PageToken == "" || len(all.GetOps()) == o.limit {
			return opsPage{message: all, rows: render.Ops(all.GetOps(), o.id == ""), calls: all.GetActivity(), stuck: all.GetStuck(), notes: o.notes(all)}, nil
		}
	}
}

// notes says whether there are more operations.
func (o *opsListing) notes(all *reactorv1.ListOpsResponse) []string {
	full := len(all.GetOps()) > 0 && (len(all.GetOps()) == o.limit || len(all.GetOps()) == pageSize)
	switch {
	case len(all.GetOps()) == 0 && (o.selector != "" || !proto.Equal(o.filter, &reactorv1.OpFilter{})):
		return []string{"no pending operation matches"}
	case len(all.GetOps()) == 0:
		return []string{"no operation is pending"}
	case all.GetNextPageToken() != "":
		return []string{"there are more; --limit 0 lists all"}
	case o.order == reactorv1.OpOrder_OP_ORDER_OLDEST_FIRST && full:
		return []string{fmt.Sprintf("these are the %d oldest; there may be more", len(all.GetOps()))}
	default:
		return nil
	}
}

// print prints what a look has found.
func (o *opsListing) print(page opsPage) error {
	if !o.output.IsTable() {
		return o.output.Message(o.Out, page.message)
	}
	if err := page.rows.Print(o.screen, o.output.IsWide()); err != nil {
		return err
	}
	if err := o.screen.Print(o.about(page)...); err != nil {
		return err
	}
	for _, total := range page.totals {
		if err := o.screen.Print(screen.Text(total)); err != nil {
			return err
		}
	}
	for _, note := range page.notes {
		fmt.Fprintln(o.Err, note)
	}
	return nil
}

// about says what there is to say of the workload besides its operations.
func (o *opsListing) about(page opsPage) []screen.Line {
	return append(render.Activity(page.calls, o.screen.Width()), render.Stuck(page.stuck, o.screen.Width())...)
}

// live shows what looks find in place, until q is pressed, ctx ends or the daemon does not come back.
func (o *opsListing) live(ctx context.Context, look func(context.Context) (opsPage, error)) error {
	_, rows := o.screen.Size()
	room := max(rows-liveExtra, 1)
	if o.limit == 0 || o.limit > room {
		o.limit = room
	}
	return o.redraw(ctx, o.screen, func(ctx context.Context) (frame, error) {
		page, err := look(ctx)
		return func(outage string) []screen.Line { return o.frame(page, outage) }, err
	})
}

// frame is what a live list shows.
func (o *opsListing) frame(page opsPage, outage string) []screen.Line {
	lines := table.Lines(page.rows.Columns, page.rows.Rows, o.screen.Width())
	lines = append(lines, o.about(page)...)
	switch {
	case outage != "":
		lines = append(lines, render.Outage(outage, o.daemon.Address, o.screen.Width()))
	case len(page.totals) > 0:
		lines = append(lines, screen.Line{{Text: page.totals[0], Style: screen.Faint}})
	case len(page.notes) > 0:
		lines = append(lines, screen.Line{{Text: page.notes[0], Style: screen.Faint}})
	}
	return lines
}
