package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/cmd/reactorctl/internal/dev"
	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/launch"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// guests is the daemon as the loop uses it. The workloads of a session have ids that begin alike, and the records of
// those that have ended are deleted.
type guests struct {
	*app
	spec    *reactorv1.WorkloadSpec
	stdin   string // a file that each guest reads anew
	session string
	leave   func(cause error)

	// These belong to whoever calls Run.
	started int
	last    string // the guest that was started last
}

var _ dev.Node = (*guests)(nil)

// Push implements dev.Node.
func (g *guests) Push(ctx context.Context, m *source.Module) (digest string, existed bool, _ error) {
	var result *reactorv1.PushModuleResult
	err := g.follower.Do(ctx, func(ctx context.Context) (err error) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		outliving, stop := launch.Outlive(ctx)
		defer stop()
		result, err = g.push(outliving, m, "")
		return err
	})
	if err != nil {
		return "", false, errors.New(failure.Text(err))
	}
	return result.GetModule().GetDigest(), result.GetExisted(), nil
}

// Run implements dev.Node.
func (g *guests) Run(ctx context.Context, digest string, pushAgain func(context.Context) error, onSubmitted func(id string)) (string, error) {
	spec := proto.CloneOf(g.spec)
	spec.Module, spec.OutputMode = digest, reactorv1.OutputMode_OUTPUT_MODE_DELIVER
	if g.stdin != "" {
		input, err := interrupt.Do(ctx, func() ([]byte, error) { return readInput(g.stdin, nil) })
		if err != nil {
			return "", fmt.Errorf("--stdin: %w", err)
		}
		spec.Stdin = input
	}
	g.started++
	plan := launch.Plan{ID: fmt.Sprintf("%s-%d", g.session, g.started), Count: 1}
	j := &job{app: g.app, flags: &specFlags{}, launch: &launch.Launch{
		Client: g.workloads(), Follower: g.follower, Plan: plan, Spec: spec, Push: pushAgain,
	}}
	err := j.launch.Submit(ctx)
	if j.launch.MayExist() { // an interrupt during the submission is an error, too
		g.forgetLast(ctx)
		g.last = plan.ID
	}
	submitted := err == nil
	if submitted {
		onSubmitted(plan.ID)
		defer g.tellAddresses(ctx, plan.ID, spec)()
		_, err = interrupt.Do(ctx, func() (struct{}, error) { return struct{}{}, j.attach(ctx, plan.ID, nil) })
	}
	if err == nil {
		return "the guest has ended with status 0", nil
	}
	if _, ended := errors.AsType[exitStatus](err); ended {
		return "", nil // attach has printed how
	}
	if submitted && ctx.Err() == nil && !fromDaemon(err) {
		g.leave(err) // the output cannot be written
	}
	if left := g.cancel(ctx, j.launch); left != nil {
		return "", left
	}
	if ctx.Err() != nil {
		return "", nil // it was to be stopped
	}
	return "", err
}

// fromDaemon reports whether an error says what a daemon answers, or that none does.
func fromDaemon(err error) bool {
	_, answered := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	_, gone := errors.AsType[*follow.GoneError](err)
	return answered || gone
}

// cancel cancels a guest, and returns when the daemon has confirmed its end.
func (g *guests) cancel(ctx context.Context, l *launch.Launch) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
	defer stop()
	done := g.notes.Wait("waiting for the end of " + l.Plan.ID)
	defer done()
	if _, err := l.Cancel(ctx); err != nil {
		left := fmt.Errorf("%s may be left, since it could not be cancelled: %s; try `reactorctl cancel %s`", l.Plan.ID, failure.Text(err), l.Plan.ID)
		g.notes.Say(left.Error())
		return left
	}
	return nil
}

// forgetLast deletes the record of the guest that was started last, which has ended.
func (g *guests) forgetLast(ctx context.Context) {
	if g.last == "" {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
	defer stop()
	// What cannot be deleted now, the daemon deletes when it is old.
	_, _ = g.workloads().DeleteWorkload(ctx, &reactorv1.DeleteWorkloadRequest{Id: g.last})
	g.last = ""
}

// Remove implements dev.Node.
func (g *guests) Remove(ctx context.Context, digest string) error {
	err := g.follower.Do(ctx, func(ctx context.Context) error { return g.remove(ctx, digest) })
	if err != nil {
		return errors.New(failure.Text(err))
	}
	return nil
}

func (g *guests) remove(ctx context.Context, digest string) error {
	response, err := g.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: digest})
	switch {
	case status.Code(err) == codes.NotFound:
		return nil
	case err != nil:
		return err
	case len(response.GetModule().GetTags()) > 0:
		return nil
	}
	used, err := g.usedByOthers(ctx, digest)
	if err != nil || used {
		return err
	}
	_, err = g.modules().DeleteModule(ctx, &reactorv1.DeleteModuleRequest{Module: digest})
	if err != nil && status.Code(err) != codes.NotFound {
		return err
	}
	return nil
}

// usedByOthers reports whether a workload that is not of this session has the module, ended or not.
func (g *guests) usedByOthers(ctx context.Context, digest string) (bool, error) {
	list, err := g.workloads().ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{
		Filter: &reactorv1.WorkloadFilter{Module: digest},
	})
	if err != nil {
		return false, err
	}
	for _, w := range list.GetWorkloads() {
		if !strings.HasPrefix(w.GetId(), g.session+"-") {
			return true, nil
		}
	}
	return list.GetNextPageToken() != "", nil
}
