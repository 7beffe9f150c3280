package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"mvdan.cc/sh/v3/shell"

	"github.com/reactord/reactord/cmd/reactorctl/internal/dev"
	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/launch"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// devPatience is how long dev waits for a daemon that is gone, unless --reconnect says otherwise: a whole day's work.
const devPatience = 24 * time.Hour

func (a *app) devCommand() *cobra.Command {
	var (
		flags   specFlags
		build   string
		watched []string
	)
	cmd := &cobra.Command{
		Use:   "dev [flags] MODULE [ARG...]",
		Short: "Run a module, and build and run it again whenever its sources change",
		Long: `Run a module, and build and run it again whenever its sources change. What comes after MODULE are
the guest's arguments, so reactorctl's own flags come before it.

Of a Go package the sources are the files that its build uses, in other folders of its module too. A
.wasm file is run again when something else has replaced it; or give the command that makes it with
--build, and the sources with --watch. No shell runs the command: for patterns, pipes and redirections
write --build "sh -c '...'".

If a build fails the last guest runs on. A guest that ends by itself is started at the next change. An
interrupt ends the guest and removes what dev has pushed, unless somebody else uses it by then.`,
		Example: `  reactorctl dev --listen 127.0.0.1:8080 ./examples/http
  reactorctl dev --build "cargo build --target wasm32-wasip1" --watch src ./target/wasm32-wasip1/debug/app.wasm`,
		Args: moduleThenArguments,
	}
	flags.addGuest(cmd)
	cmd.Flags().StringVar(&build, "build", "", "the command that makes MODULE, with its arguments")
	cmd.Flags().StringArrayVar(&watched, "watch", nil, "a file, or a folder with all below it, whose changes count too (repeatable)")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		spec, err := flags.spec(cmd, args[0], guestArguments(args))
		if err != nil {
			return err
		}
		options := dev.Options{Module: args[0], Watch: watched, Progress: a.notes, Tell: a.tellLines}
		if options.Build, err = buildCommand(build, watched); err == nil {
			err = checkSources(args[0], flags.stdin, options)
		}
		if err != nil {
			return usageError(cmd, "%w", err)
		}
		if !cmd.Flags().Changed("reconnect") {
			a.follower.Patience = devPatience
		}
		if err := a.meet(cmd.Context()); err != nil {
			return err
		}
		return a.develop(cmd.Context(), options, &guests{app: a, spec: spec, stdin: flags.stdin, session: launch.NewID(spec.GetName())})
	})
	return cmd
}

// buildCommand splits a command into its words, as a shell does.
func buildCommand(text string, watched []string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	words, err := shell.Fields(text, nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--build %q: no shell runs it, so it has to be plain words (%w): write it as sh -c '...'", text, err)
	case len(words) == 0:
		return nil, fmt.Errorf("--build %q: it has no command", text)
	case len(watched) == 0:
		return nil, errors.New("--build needs --watch: name the sources, such as --watch src")
	}
	return words, nil
}

// checkSources returns the faults of what is to be built and watched.
func checkSources(module, stdin string, o dev.Options) error {
	var faults []error
	info, err := os.Stat(module)
	switch {
	case !source.IsPath(module) || module == source.Stdin:
		faults = append(faults, fmt.Errorf("MODULE %q: there is nothing to watch: give a .wasm file, or a Go package's folder such as ./%s", module, strings.TrimPrefix(module, source.Stdin)))
	case err != nil && len(o.Build) == 0:
		faults = append(faults, fmt.Errorf("module %s: %w", module, errors.Unwrap(err)))
	case err == nil && info.IsDir() && len(o.Build) > 0:
		faults = append(faults, fmt.Errorf("MODULE %s is a folder: name the .wasm file that --build makes", module))
	}
	for _, path := range o.Watch {
		if _, err := os.Stat(path); err != nil {
			faults = append(faults, fmt.Errorf("--watch %s: %w", path, errors.Unwrap(err)))
		}
	}
	if stdin == "-" {
		faults = append(faults, errors.New("--stdin -: each guest needs the input anew, so give a file"))
	}
	return errors.Join(faults...)
}

// tellLines prints each line of a text as a message.
func (a *app) tellLines(text string) {
	for line := range strings.Lines(text) {
		a.notes.Say(strings.TrimSuffix(line, "\n"))
	}
}

// develop runs the loop until it is interrupted, or until nobody reads the guest's output any more.
func (a *app) develop(ctx context.Context, options dev.Options, g *guests) error {
	session := "workloads " + g.session + "-*"
	a.left.Store(&session)
	defer a.left.Store(nil)
	ctx, leave := context.WithCancelCause(ctx)
	g.leave = leave
	err := dev.Run(ctx, options, g)
	g.forgetLast(ctx)
	if err != nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if s, ok := errors.AsType[interrupt.Signal](cause); ok {
		return exitStatus(s.ExitStatus())
	}
	return cause
}

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
	done := g.notes.Wait("pushing " + m.Name)
	defer done()
	var result *reactorv1.PushModuleResult
	err := g.follower.Do(ctx, func(ctx context.Context) (err error) {
		result, err = g.push(ctx, m, "")
		return err
	})
	if err != nil {
		return "", false, errors.New(failure.Text(err))
	}
	return result.GetModule().GetDigest(), result.GetExisted(), nil
}

// Run implements dev.Node.
func (g *guests) Run(ctx context.Context, digest string, onSubmitted func(id string)) (string, error) {
	spec := proto.CloneOf(g.spec)
	spec.Module, spec.OutputMode = digest, reactorv1.OutputMode_OUTPUT_MODE_DELIVER
	if g.stdin != "" {
		input, err := readInput(g.stdin, nil)
		if err != nil {
			return "", fmt.Errorf("--stdin: %w", err)
		}
		spec.Stdin = input
	}
	g.started++
	plan := launch.Plan{ID: fmt.Sprintf("%s-%d", g.session, g.started), Count: 1}
	j := &job{app: g.app, flags: &specFlags{}, launch: &launch.Launch{
		Client: g.workloads(), Follower: g.follower, Plan: plan, Spec: spec,
	}}
	err := j.launch.Submit(ctx)
	if j.launch.MayExist() { // an interrupt during the submission is an error, too
		g.forgetLast(ctx)
		g.last = plan.ID
	}
	if err == nil {
		onSubmitted(plan.ID)
		_, err = interrupt.Do(ctx, func() (struct{}, error) { return struct{}{}, j.attach(ctx, plan.ID, nil) })
	}
	if err == nil {
		return "the guest has ended with status 0", nil
	}
	if _, ended := errors.AsType[exitStatus](err); ended {
		return "", nil // attach has printed how
	}
	if ctx.Err() == nil && !fromDaemon(err) {
		g.leave(err) // the output cannot be written
	}
	if left := g.cancel(ctx, j.launch); left != nil {
		return "", left
	}
	if ctx.Err() != nil {
		return "", nil //nolint:nilerr // it was to be stopped
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
