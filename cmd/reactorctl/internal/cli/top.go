package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/top"
	"github.com/reactord/reactord/cmd/reactorctl/internal/viewer"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// leastTopInterval is the shortest time between two looks of top.
const leastTopInterval = 100 * time.Millisecond

func (a *app) topCommand() *cobra.Command {
	var text string
	var count int
	interval := 2 * time.Second
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show live what the node does, what is waited for, and the busiest workloads",
		Long: `top shows the node in the whole terminal, until q is pressed: processors, memory, how late sleepers are
woken, how many workloads are in which state, what they wait for, those that use the processors most, and
those that have waited for something longest. ? lists the keys.

Without a terminal it prints a block of lines each time. Looking is cheap, and the pause is never shorter than
nine times what a look took.`,
		Args: operands(cobra.NoArgs),
	}
	cmd.Flags().DurationVar(&interval, "interval", interval, "the `DURATION` between two looks")
	cmd.Flags().VarP(quantity.CountFlag(&count, 0), "count", "n", "without a terminal: end after so many blocks; 0: never")
	cmd.Flags().StringVar(&text, "filter", "", "show only some, by a `FILTER`: "+top.FilterHelp)
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		filter, err := top.ParseFilter(text)
		switch {
		case err != nil:
			return usageError(cmd, "--filter: %v", err)
		case interval < leastTopInterval:
			return usageError(cmd, "--interval %v: give %v or more", interval, leastTopInterval)
		case !a.output.IsTable():
			return usageError(cmd, "top is for people: programs read `node -w`, `list --order busiest` and `ops`")
		}
		t := &topping{app: a, interval: interval, kick: make(chan struct{}, 1)}
		t.model = top.New(a.daemon.Address, filter, t.onFilter)
		if count == 0 && a.screen().CanRedraw() {
			return t.show(cmd.Context())
		}
		return t.print(cmd.Context(), count)
	})
	return cmd
}

// topping is one run of top.
type topping struct {
	*app
	interval time.Duration
	model    *top.Model
	kick     chan struct{} // has an entry if the next look is not to wait
}

// onFilter has the next look made at once.
func (t *topping) onFilter() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// show shows the model in the whole terminal.
func (t *topping) show(ctx context.Context) error {
	terminal := t.terminal(t.screen())
	terminal.FullScreen = true
	return viewer.Show(ctx, terminal, t.model, t.feed)
}

// feed brings readings to the model until ctx ends, or the daemon does not come back.
func (t *topping) feed(ctx context.Context, change func(func())) error {
	follower := &follow.Follower{Address: t.daemon.Address, Patience: t.reconnect, Say: func(message string) {
		change(func() { t.model.OnOutage(message) })
	}}
	asked := make(chan top.Requests, 1)
	for pause := min(t.interval, firstPause); ; pause = t.interval {
		var requests top.Requests
		change(func() { asked <- t.model.Requests() })
		select {
		case requests = <-asked:
		case <-ctx.Done():
			return nil
		}
		began := time.Now()
		reading, err := t.look(ctx, follower, requests)
		switch refusal := status.Convert(err); {
		case refusal.Code() == codes.InvalidArgument:
			change(func() { t.model.OnRefusal(refusal.Message()) })
		case err != nil:
			return err
		default:
			change(func() { t.model.OnReading(reading) })
		}
		if !t.pause(ctx, max(pause, restFactor*time.Since(began))) {
			return nil
		}
	}
}

// firstPause is the pause after the first look, which can't tell yet what happens in a second; restFactor is how much
// longer than a look the pause after it is.
const (
	firstPause = time.Second
	restFactor = 9
)

// pause waits before the next look. It reports whether there is one: ctx has not ended.
func (t *topping) pause(ctx context.Context, d time.Duration) (again bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.kick:
	case <-ctx.Done():
		return false
	}
	return true
}

// print prints a block of lines at each look, until there are so many, if count is not zero.
func (t *topping) print(ctx context.Context, count int) error {
	for n, pause := 0, min(t.interval, firstPause); ; n, pause = n+1, t.interval {
		began := time.Now()
		reading, err := t.look(ctx, t.follower, t.model.Requests())
		if err != nil {
			return err
		}
		t.model.OnReading(reading)
		if n > 0 { // the first look can't tell what happens in a second
			if err := t.screen().Print(t.model.Plain()...); err != nil {
				return err
			}
		}
		if count > 0 && n == count {
			return nil
		}
		if !t.pause(ctx, max(pause, restFactor*time.Since(began))) {
			return context.Cause(ctx)
		}
	}
}

// look reads what the node does. If the daemon is gone it is waited for.
func (t *topping) look(ctx context.Context, follower *follow.Follower, ask top.Requests) (*top.Reading, error) {
	var reading *top.Reading
	err := follower.Do(ctx, func(ctx context.Context) error {
		node, err := t.node().GetNode(ctx, &reactorv1.GetNodeRequest{})
		if err != nil {
			return err
		}
		summary, err := t.workloads().SummarizeOps(ctx, ask.Summary)
		if err != nil {
			return err
		}
		busiest, err := t.workloads().ListWorkloads(ctx, ask.Busiest)
		if err != nil {
			return err
		}
		oldest := &reactorv1.ListOpsResponse{}
		if ask.Oldest != nil {
			if oldest, err = t.workloads().ListOps(ctx, ask.Oldest); err != nil {
				return err
			}
		}
		stats, err := t.node().GetStats(ctx, &reactorv1.GetStatsRequest{})
		if err != nil {
			return err
		}
		reading = &top.Reading{
			Filter: ask.Filter, Node: node.GetNode(), Stats: stats.GetStats(), Summary: summary,
			Busiest: busiest.GetWorkloads(), Oldest: oldest.GetOps(),
		}
		return nil
	})
	return reading, err
}
