package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		SuggestFor: []string{"describe", "inspect", "show", "get"},
		Use:        "status [ID]",
		Short:      "Show a workload, or without an id the daemon's statistics",
		Args:       operands(cobra.MaximumNArgs(1)),
	}
	addWatch(cmd, &watch)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		look := a.lookAtStats
		if len(args) > 0 {
			look = func(ctx context.Context) (sheet, error) { return a.lookAtWorkload(ctx, args[0]) }
		}
		switch {
		case watch && a.output.IsTable() && a.screen().CanRedraw():
			return a.redraw(cmd.Context(), a.screen(), func(ctx context.Context) (frame, error) {
				page, err := look(ctx)
				return func(outage string) []screen.Line { return page.frame(a.screen().Width(), a.daemon.Address, outage) }, err
			})
		case watch:
			return a.repeat(cmd.Context(), func(ctx context.Context) (func() error, error) {
				page, err := look(ctx)
				return func() error { return a.printSheet(page) }, err
			})
		}
		page, err := look(cmd.Context())
		if err != nil {
			return err
		}
		return a.printSheet(page)
	})
	return cmd
}

// sheet is all there is to say about something.
type sheet struct {
	message proto.Message
	lines   func(room int) []screen.Line
}

func (a *app) lookAtStats(ctx context.Context) (sheet, error) {
	response, err := a.node().GetStats(ctx, &reactorv1.GetStatsRequest{})
	stats := response.GetStats()
	return sheet{stats, func(room int) []screen.Line { return render.Stats(stats, room) }}, err
}

func (a *app) lookAtWorkload(ctx context.Context, id string) (sheet, error) {
	response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
	if err != nil {
		return sheet{}, err
	}
	workload, refused := response.GetWorkload(), ""
	if a.output.IsTable() {
		refused = a.refused(ctx, id)
	}
	return sheet{workload, func(room int) []screen.Line { return render.Workload(workload, refused, room) }}, nil
}

func (a *app) printSheet(page sheet) error {
	if !a.output.IsTable() {
		return a.output.Message(a.Out, page.message)
	}
	return a.screen().Print(page.lines(a.screen().Width())...)
}

// frame is what is drawn of a sheet.
func (s sheet) frame(room int, address, outage string) []screen.Line {
	lines := s.lines(room)
	if outage != "" {
		lines = append(lines, render.Outage(outage, address, room))
	}
	return lines
}

// addWatch adds --watch.
func addWatch(cmd *cobra.Command, watch *bool) {
	cmd.Flags().BoolVarP(watch, "watch", "w", false, "look again every second, until interrupted, or q is pressed on a terminal")
}

// repeat prints what a look finds, again and again, until ctx ends or the daemon does not come back.
func (a *app) repeat(ctx context.Context, look func(context.Context) (printPage func() error, err error)) error {
	ticks := time.NewTicker(liveInterval)
	defer ticks.Stop()
	for first := true; ; first = false {
		var printPage func() error
		err := a.follower.Do(ctx, func(ctx context.Context) (err error) {
			printPage, err = look(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if !first && a.output.IsTable() {
			fmt.Fprintln(a.Out)
		}
		if err := printPage(); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
