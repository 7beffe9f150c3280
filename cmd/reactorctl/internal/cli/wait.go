package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) waitCommand() *cobra.Command {
	var selector string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait ID... | wait --label SELECTOR",
		Short: "Wait for workloads to end, and exit as they did",
		Long: `Wait for workloads to end: those that are named, or those that have the labels now. The exit status is
the workload's; of several, that of the first that did not succeed. If the daemon is gone, wait waits
for it. An interrupt leaves the workloads running.

` + exitHelp,
		Example: `  reactorctl wait --timeout 5m build-1 build-2
  reactorctl wait --label app=hello`,
		Args: operands(cobra.ArbitraryArgs),
	}
	cmd.Flags().StringVarP(&selector, "label", "l", "", "wait for the workloads with these `LABELS`, such as app=web")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "stop waiting after this `DURATION`; the workloads go on (default: never)")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		if err := idsOrLabel(cmd, args, selector); err != nil {
			return err
		}
		if timeout < 0 {
			return usageError(cmd, "--timeout %v: give a time such as 30s or 5m", timeout)
		}
		ctx := cmd.Context()
		if timeout > 0 {
			var stop func()
			ctx, stop = stopWaitingAfter(ctx, timeout)
			defer stop()
		}
		ids := args
		if selector != "" {
			var err error
			if ids, err = a.selected(ctx, selector); err != nil {
				if timeout, ok := waitTimeoutOf(ctx); ok {
					return a.waitTimedOut(timeout, "those with the labels "+selector)
				}
				return err
			}
		}
		return a.waitAll(ctx, ids)
	})
	return cmd
}

// selected returns the ids of the workloads that have the labels now.
func (a *app) selected(ctx context.Context, selector string) ([]string, error) {
	request := &reactorv1.ListWorkloadsRequest{Filter: &reactorv1.WorkloadFilter{LabelSelector: selector}, PageSize: 1000}
	var ids []string
	for {
		page, err := a.workloads().ListWorkloads(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, w := range page.GetWorkloads() {
			ids = append(ids, w.GetId())
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no workload has the labels %s", selector)
	}
	return ids, nil
}

// waitTimeoutError is the cause of a context that `wait --timeout` has ended.
type waitTimeoutError struct{ after time.Duration }

func (e *waitTimeoutError) Error() string { return fmt.Sprintf("after %v", e.after) }

// stopWaitingAfter returns a context that ends after a time, with a waitTimeoutError as its cause. It has no deadline:
// gRPC would hand that to the daemon, which may say that it has passed before it has passed here.
func stopWaitingAfter(ctx context.Context, timeout time.Duration) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(timeout, func() { cancel(&waitTimeoutError{timeout}) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// waitTimeoutOf returns why ctx has ended, if that was `wait --timeout`.
func waitTimeoutOf(ctx context.Context) (*waitTimeoutError, bool) {
	return errors.AsType[*waitTimeoutError](context.Cause(ctx))
}

// waitAll waits for every id. The exit status is that of the only workload, or of the first of several that did not
// succeed.
func (a *app) waitAll(ctx context.Context, ids []string) error {
	var ended atomic.Int64
	done := a.notes.Watch(func(ctx context.Context) (string, bool) {
		if len(ids) == 1 {
			text, _ := a.delay(ids[0])(ctx)
			return text, true
		}
		return fmt.Sprintf("%d of %d workloads have ended", ended.Load(), len(ids)), true
	})
	defer done()
	results := tally{app: a, of: len(ids)}
	for i, id := range ids {
		w, err := a.waitFor(ctx, id)
		if err != nil {
			if timeout, ok := waitTimeoutOf(ctx); ok {
				return a.waitTimedOut(timeout, someOf(ids[i:]))
			}
			return fmt.Errorf("%s: %w", id, err)
		}
		ended.Add(1)
		if err := results.add(ctx, w); err != nil {
			return err
		}
	}
	done()
	return results.summary()
}

// waitFor waits for one workload, also over restarts of the daemon.
func (a *app) waitFor(ctx context.Context, id string) (w *reactorv1.Workload, err error) {
	err = a.follower.Do(ctx, func(ctx context.Context) error {
		// The wait answers only at the end, so something else has to tell that the daemon is there.
		now, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
		if err != nil {
			return err
		}
		if w = now.GetWorkload(); w.GetStatus().GetEndTime() != nil {
			return nil
		}
		a.follower.Reached(fmt.Sprintf("workload %s goes on", id))
		response, err := a.workloads().WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: id})
		w = response.GetWorkload()
		return err
	})
	return w, err
}

// waitTimedOut says what is not known to have ended.
func (a *app) waitTimedOut(e *waitTimeoutError, workloads string) error {
	fmt.Fprintf(a.Err, "reactorctl: not ended after %v: %s\n", e.after, workloads)
	return exitStatus(exitDeadline)
}

// someOf names workloads of which the first has not ended.
func someOf(ids []string) string {
	const shown = 5
	names := strings.Join(ids[:min(shown, len(ids))], ", ")
	if len(ids) > shown {
		names += fmt.Sprintf(" and perhaps %d more", len(ids)-shown)
	}
	return names
}

// tally prints how workloads ended.
type tally struct {
	app    *app
	of     int
	ended  int
	failed int
	first  error // the exit status of the first that did not succeed
}

// mostFailures is how many of the workloads that did not succeed are shown.
const mostFailures = 10

// add prints the end of a workload: of one that is alone, or that did not succeed. It says for the first where the stack
// of a crash is.
func (t *tally) add(ctx context.Context, w *reactorv1.Workload) error {
	t.ended++
	exit := workloadExit(w)
	if exit != nil {
		t.failed++
		if t.first == nil {
			t.first = exit
		}
	}
	if !t.app.output.IsTable() {
		return t.app.output.Message(t.app.Out, w)
	}
	if t.of > 1 && (exit == nil || t.failed > mostFailures) {
		return nil
	}
	if _, err := fmt.Fprintln(t.app.Out, render.End(w)); err != nil {
		return err
	}
	if t.failed <= 1 {
		t.app.tellWhereStack(w)
		t.app.tellRefused(ctx, w)
	}
	return nil
}

// summary prints how many succeeded, and returns the exit status.
func (t *tally) summary() error {
	if t.of > 1 && t.app.output.IsTable() {
		if t.failed > mostFailures {
			fmt.Fprintf(t.app.Out, "... and %d more that did not succeed\n", t.failed-mostFailures)
		}
		fmt.Fprintf(t.app.Out, "%d workloads: %d succeeded, %d did not\n", t.ended, t.ended-t.failed, t.failed)
	}
	return t.first
}
