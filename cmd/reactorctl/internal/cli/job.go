package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/launch"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	"github.com/reactord/reactord/component/value"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// job is what one submit or run has to do: the workloads to submit, and where their modules come from.
type job struct {
	*app
	flags  *specFlags
	stages []*stage // one, or those of a chain
	launch *launch.Launch
	args   []value.Value // of a call, once it was read

	submitted atomic.Int64
}

// stage is a module and the spec of the workloads that run it.
type stage struct {
	module string // the argument
	spec   *reactorv1.WorkloadSpec
	source *source.Module // open from load to the end of submit
}

// plan checks the command line. It contacts nobody.
func (a *app) plan(cmd *cobra.Command, flags *specFlags, args []string) (*job, error) {
	a.notes.Quiet = flags.quiet
	spec, err := flags.spec(cmd, args[0], guestArguments(args))
	if err != nil {
		return nil, err
	}
	id := flags.id
	if id == "" {
		id = launch.NewID(spec.GetName())
	}
	j := &job{app: a, flags: flags, stages: []*stage{{module: args[0], spec: spec}}, launch: &launch.Launch{
		Client: a.workloads(), Node: a.node(), Follower: a.follower,
		Plan: launch.Plan{ID: id, Count: flags.count}, Chosen: flags.id != "", Spec: spec,
	}}
	return j, j.addChain(cmd)
}

// load makes all ready for submit: the daemon has the module, and the spec the input.
func (j *job) load(ctx context.Context) error {
	if err := j.meetForWork(ctx); err != nil {
		return err
	}
	j.nameByModules(ctx)
	j.link()
	if path := j.flags.stdin; path != "" {
		input, err := interrupt.Do(ctx, func() ([]byte, error) { return readInput(path, j.In) })
		if err != nil {
			return fmt.Errorf("--stdin: %w", err)
		}
		j.launch.Spec.Stdin = input
	}
	for i, s := range j.stages {
		module, err := j.openStage(ctx, s.module, i)
		if err != nil {
			return err
		}
		s.source = module
		if s.spec.Module = module.Ref; module.File != nil {
			j.launch.Push = j.pushSources
		}
	}
	return j.pushSources(ctx)
}

// nameByModules gives workloads the names of their modules, if these are known to the daemon by their digests: a digest is no
// name for people.
func (j *job) nameByModules(ctx context.Context) {
	for i, s := range j.stages {
		if !strings.HasPrefix(s.module, "sha256:") || i == 0 && j.flags.name != "" {
			continue
		}
		response, err := j.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: s.module})
		if err != nil || response.GetModule().GetName() == "" {
			continue // if the module is not there, the submission says so
		}
		s.spec.Name = response.GetModule().GetName()
		if i == 0 && j.flags.id == "" {
			j.launch.Plan.ID = launch.NewID(s.spec.Name)
		}
	}
}

// pushSources makes sure that the daemon has the modules that come from here.
func (j *job) pushSources(ctx context.Context) (err error) {
	for _, s := range j.stages {
		if s.source.File == nil {
			continue
		}
		if s.spec.Module, err = j.ensure(ctx, s.source, ""); err != nil {
			return err
		}
	}
	return nil
}

// closeSources closes the modules, which were only read.
func (j *job) closeSources() {
	for _, s := range j.stages {
		if s.source != nil {
			_ = s.source.Close()
		}
	}
}

// openStage finds or builds the module of a stage. The plugs are for the first one.
func (j *job) openStage(ctx context.Context, module string, number int) (*source.Module, error) {
	if number > 0 || len(j.flags.plugs) == 0 {
		return j.open(ctx, module)
	}
	joined, err := j.compose(ctx, module, j.flags.plugs)
	if err != nil {
		return nil, err
	}
	return source.OfBytes(module, joined)
}

// open finds or builds a module. One of a registry is read if the daemon does not have it.
func (a *app) open(ctx context.Context, arg string) (*source.Module, error) {
	if oci.IsReference(arg) {
		return a.openArtifact(ctx, arg)
	}
	if source.IsPath(arg) {
		defer a.notes.Wait("building " + arg)()
	}
	return source.Open(ctx, arg, a.In, a.notes)
}

// submit submits the workloads. Until the returned function is called, a second interrupt says that they may be left.
func (j *job) submit(ctx context.Context) (done func(), _ error) {
	defer j.closeSources()
	left := j.launch.Plan.String()
	j.left.Store(&left)
	done = func() { j.left.Store(nil) }
	ended := j.notes.Watch(func(context.Context) (string, bool) {
		if n := j.submitted.Load(); n > 0 {
			return fmt.Sprintf("submitted %d of %d workloads", n, j.launch.Plan.Count), true
		}
		return "submitting " + j.launch.Plan.String(), true
	})
	defer ended()
	j.launch.OnProgress = func(n int) { j.submitted.Store(int64(n)) }
	if err := j.launch.Submit(ctx); err != nil {
		return done, meantPath(j.meantOther(ctx, err), j.stages[0].module)
	}
	if w := j.launch.Existing(); w != nil {
		j.notes.Say(fmt.Sprintf("workload %s exists already with this spec (%s)", w.GetId(), render.State(w)))
	}
	return done, nil
}

// meantPath adds, to an error about an unknown module, that a file of that name exists here. It changes only the
// message: what MODULE means never depends on what is in the current folder.
func meantPath(err error, ref string) error {
	if status.Code(err) != codes.NotFound || source.IsPath(ref) {
		return err
	}
	if _, statErr := os.Stat(ref); statErr != nil {
		return err
	}
	if strings.HasSuffix(ref, ".go") {
		return fmt.Errorf("there is no module %q: for a Go program give the folder of its package, %s", ref, source.Folder(ref))
	}
	return fmt.Errorf("there is no module %q: for the file or folder of that name, write ./%s", ref, ref)
}

// printSubmitted prints which workloads were submitted.
func (j *job) printSubmitted(ctx context.Context) error {
	plan := j.launch.Plan
	if j.output.IsTable() && !j.flags.quiet {
		text := plan.String()
		if chain := j.stages[0].spec.GetLabels()[chainLabel]; j.launch.Chain != nil {
			text += fmt.Sprintf(" with the label %s=%s", chainLabel, chain)
		}
		if _, err := fmt.Fprintln(j.Out, text); err != nil {
			return err
		}
		if choosesPort(j.stages[0].spec) {
			fmt.Fprintf(j.Err, "  the daemon chooses its port: `reactorctl status %s` shows the address once it has started\n", plan.Names(0, 1)[0])
		}
		return nil
	}
	for _, id := range plan.Names(0, plan.Count) {
		if j.output.IsTable() {
			if _, err := fmt.Fprintln(j.Out, id); err != nil {
				return err
			}
			continue
		}
		response, err := j.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
		if err != nil {
			return err
		}
		if err := j.output.Message(j.Out, response.GetWorkload()); err != nil {
			return err
		}
	}
	return nil
}

// cancelGrace is how long a command that was interrupted tries to cancel what it has submitted. A second interrupt ends
// it at once.
const cancelGrace = 10 * time.Second

// takeBack cancels what this command has submitted, since cause has ended it, and returns the error to report. It leaves
// alone the workloads that existed before, under an id that the user chose.
func (j *job) takeBack(ctx context.Context, cause error) error {
	plan := j.launch.Plan
	if !j.launch.MayExist() {
		if j.launch.Earlier() > 0 && isInterrupt(cause) {
			return fmt.Errorf("%w; left as it was: %s, which existed before this command", cause, plan)
		}
		return cause
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
	defer stop()
	done := j.notes.Wait("cancelling " + plan.String())
	cancelled, err := j.launch.Cancel(ctx)
	done()
	if err != nil {
		fmt.Fprintf(j.Err, "reactorctl: %s may be left, since it could not be cancelled: %s\n", plan, failure.Text(err))
		if plan.Count == 1 {
			fmt.Fprintf(j.Err, "  try `reactorctl cancel %s`\n", plan)
		}
		return cause
	}
	if !isClosedPipe(cause) {
		j.notes.Say(describeEnd(cause, cancelled, plan, j.launch.Earlier()))
	}
	if s, ok := errors.AsType[interrupt.Signal](cause); ok {
		return exitStatus(s.ExitStatus())
	}
	if errors.Is(cause, context.Canceled) {
		return exitStatus(exitCancelled)
	}
	return cause
}

// isInterrupt reports whether a command was asked to end.
func isInterrupt(cause error) bool {
	_, ok := errors.AsType[interrupt.Signal](cause)
	return ok || errors.Is(cause, context.Canceled)
}

// describeEnd says what was cancelled, and why; so many existed earlier.
func describeEnd(cause error, c launch.Cancelled, plan launch.Plan, earlier int) string {
	text := ""
	if isInterrupt(cause) {
		text = "interrupted; "
	}
	switch {
	case plan.Count > 1:
		text += fmt.Sprintf("cancelled %d of %d workloads", c.Cancelled, plan.Count)
		if c.Ended > 0 {
			text += fmt.Sprintf("; %d had ended", c.Ended)
		}
		if earlier > 0 {
			text += fmt.Sprintf("; left %d that existed before", earlier)
		}
	case c.Cancelled > 0:
		text += fmt.Sprintf("cancelled %s", plan)
	default:
		text += fmt.Sprintf("%s had ended", plan)
	}
	return text
}
