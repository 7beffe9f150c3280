package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/attach"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) attachCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attach ID",
		Short: "Connect to a workload's standard streams, and exit as it does",
		Long: `Connect to the standard streams of a workload, and exit as it does. If it was submitted with
--interactive, its guest reads this command's standard input, whose end closes the guest's. An interrupt
detaches and leaves the workload running. If the daemon is gone, attach waits for it. The guest's output
is printed unchanged, including control characters.

` + exitHelp,
		Args: operands(cobra.ExactArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			ctx, id := cmd.Context(), args[0]
			response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
			if err != nil {
				return err
			}
			a.follower.Reached("")
			var in *attach.Input
			if response.GetWorkload().GetSpec().GetInteractive() {
				in = attach.NewInput(a.In)
			}
			_, err = interrupt.Do(ctx, func() (struct{}, error) { return struct{}{}, a.attach(ctx, id, in) })
			if ctx.Err() != nil {
				return fmt.Errorf("%w; %s goes on", context.Cause(ctx), id)
			}
			return err
		}),
	}
}

// attach copies the streams of a workload until it has ended, and returns its exit status.
func (a *app) attach(ctx context.Context, id string, in *attach.Input) error {
	started := a.notes.Watch(a.delay(id))
	defer started()
	defer a.tellUnrecorded(ctx, id)()
	session := attach.Session{
		Client: a.workloads(), Node: a.node(), Follower: a.follower, ID: id,
		Out: a.raw.Out, Err: a.raw.Err, In: in, OnOutput: started,
	}
	w, err := session.Run(ctx)
	started()
	if missing := session.Missing(); missing > 0 {
		fmt.Fprintf(a.Err, "reactorctl: %s bytes of the output of %s are missing: they were not kept until they could be delivered\n", humanize.Comma(int64(missing)), id)
		if err == nil && workloadExit(w) == nil {
			_ = a.ended(ctx, w) // it has no exit status of its own
			return exitStatus(exitError)
		}
	}
	if err != nil {
		return err
	}
	return a.ended(ctx, w)
}

// unrecordedInterval is how often a workload is asked whether it has ended without a record.
const unrecordedInterval = 5 * time.Second

// tellUnrecorded says so once if a workload has ended and the daemon can't record that, for then nothing more comes for
// as long as the store is full. It looks for that until the returned function is called.
func (a *app) tellUnrecorded(ctx context.Context, id string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		for follow.Sleep(ctx, unrecordedInterval) == nil {
			response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
			if err != nil {
				continue // whoever follows the workload says what is wrong
			}
			s := response.GetWorkload().GetStatus()
			if s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_PENDING && s.GetDelay() != nil {
				a.notes.Say(fmt.Sprintf("%s: %s", id, s.GetDelay().GetMessage()))
				return
			}
		}
	})
	return func() { cancel(); asking.Wait() }
}

// delay returns a function for package progress that says why a workload has not started.
func (a *app) delay(id string) func(context.Context) (string, bool) {
	return func(ctx context.Context) (string, bool) {
		if a.follower.IsGone() {
			return "", true
		}
		response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
		if err != nil {
			return "", true
		}
		s := response.GetWorkload().GetStatus()
		switch {
		case s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_PENDING:
			return "", false
		case s.GetDelay() != nil:
			return fmt.Sprintf("%s waits to start: %s", id, s.GetDelay().GetMessage()), true
		}
		return id + " waits in the daemon's queue", true
	}
}
