package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) nodeCommand() *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Show the daemon, its limits and what it is doing",
		Args:  operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print statistics until interrupted")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "the `DURATION` between two outputs of --watch")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		if watch {
			return a.watchStats(cmd.Context(), interval)
		}
		response, err := a.node().GetNode(cmd.Context(), &reactorv1.GetNodeRequest{})
		if err != nil {
			return err
		}
		if !a.output.IsTable() {
			return a.output.Message(a.Out, response.GetNode())
		}
		stats, err := a.node().GetStats(cmd.Context(), &reactorv1.GetStatsRequest{})
		if err != nil {
			return err
		}
		return a.screen().Print(render.Node(response.GetNode(), stats.GetStats(), a.screen().Width())...)
	})
	return cmd
}

// watchStats prints a line for each reading until ctx ends. On a terminal the head of the table is printed again when it
// has left the screen.
func (a *app) watchStats(ctx context.Context, interval time.Duration) error {
	s := a.screen()
	layout := render.StatsLayout(s.Width())
	sinceHead := 0
	printReading := func(reading *reactorv1.Stats) error {
		if !a.output.IsTable() {
			return a.output.Message(a.Out, reading)
		}
		row := render.StatsRow(reading)
		layout.SetRoom(s.Width())
		layout.Grow(row)
		lines := []screen.Line{layout.Line(row)}
		if _, rows := s.Size(); sinceHead == 0 || s.IsTerminal() && sinceHead >= rows-1 {
			lines, sinceHead = append([]screen.Line{layout.Head()}, lines...), 0
		}
		sinceHead++
		return s.Print(lines...)
	}
	return a.follower.Do(ctx, func(ctx context.Context) error {
		stream, err := a.node().WatchStats(ctx, &reactorv1.WatchStatsRequest{Interval: durationpb.New(interval)})
		if err != nil {
			return err
		}
		for {
			response, err := stream.Recv()
			if err != nil {
				return err
			}
			a.follower.Reached("")
			if err := printReading(response.GetStats()); err != nil {
				return follow.Permanent(err)
			}
		}
	})
}

func (a *app) drainCommand() *cobra.Command {
	var undo bool
	var linger time.Duration
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Stop the daemon from taking and starting work; running workloads go on",
		Args:  operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "let the daemon take and start work again")
	cmd.Flags().DurationVar(&linger, "linger", 0, "end only after this `DURATION`, so that balancers notice before what comes next stops the daemon")
	cmd.MarkFlagsMutuallyExclusive("undo", "linger")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if linger < 0 {
			return usage.Errorf(cmd, "--linger %v is less than none", linger)
		}
		return nil
	}
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		response, err := a.node().Drain(cmd.Context(), &reactorv1.DrainRequest{Undo: undo})
		if err != nil {
			return err
		}
		switch {
		case !a.output.IsTable():
			err = a.output.Message(a.Out, response)
		case undo:
			fmt.Fprintln(a.Out, "the daemon takes work again")
		default:
			fmt.Fprintf(a.Out, "draining: %d workloads have started and not ended\n", response.GetUnfinished())
		}
		if err != nil {
			return err
		}
		return follow.Sleep(cmd.Context(), linger)
	})
	return cmd
}
