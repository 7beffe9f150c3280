package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"mvdan.cc/sh/v3/shell"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactorctl/internal/attach"
	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const chainHelp = `Each --pipe-to adds a workload to a chain: its standard input is the standard output of the one before,
as between the commands of a pipeline. It is split into words as by a shell: MODULE and its arguments,
after grants of its own, such as --pipe-to '--dir out:/out ./tee.wasm /out/copy'. Name, labels,
variables and limits are those of all, the other flags those of the first MODULE. The workloads of a chain
have the label chain=ID, by which the other commands take all of them.`

// chainLabel is the label that the workloads of a chain have in common, unless they were given another. Its value is the
// beginning of their ids.
const chainLabel = "chain"

// maxLabelValue bounds the value of a label, as the daemon does.
const maxLabelValue = 63

// addChain adds the stages of --pipe-to. It returns all faults at once.
func (j *job) addChain(cmd *cobra.Command) error {
	if len(j.flags.pipeTo) == 0 {
		return nil
	}
	var faults []error
	for _, text := range j.flags.pipeTo {
		next, err := nextStage(text, j.launch.Spec)
		if err != nil {
			faults = append(faults, fmt.Errorf("--pipe-to %q: %w", text, err))
			continue
		}
		j.stages = append(j.stages, next)
	}
	if err := errors.Join(faults...); err != nil {
		return usage.Of(cmd, err)
	}
	if len(j.launch.Plan.ID) > maxLabelValue {
		return usageError(cmd, "--id: a chain has an id of at most %d bytes, since it is the value of the label %s", maxLabelValue, chainLabel)
	}
	j.launch.Plan.Count = len(j.stages)
	return nil
}

// link joins the stages of a chain by pipes, and gives them their label.
func (j *job) link() {
	if len(j.flags.pipeTo) == 0 {
		return
	}
	plan := j.launch.Plan
	for i, s := range j.stages {
		s.spec.Labels = maps.Clone(s.spec.GetLabels())
		if _, given := s.spec.GetLabels()[chainLabel]; !given {
			s.spec.Labels[chainLabel] = plan.ID
		}
		if i > 0 {
			s.spec.StdinFrom = plan.Name(i - 1)
		}
		if i < plan.Count-1 {
			s.spec.StdoutTo = plan.Name(i + 1)
		}
		j.launch.Chain = append(j.launch.Chain, s.spec)
	}
}

// nextStage makes a stage of a chain that begins with a spec.
func nextStage(text string, first *reactorv1.WorkloadSpec) (*stage, error) {
	words, err := shell.Fields(text, nil)
	if err != nil {
		return nil, fmt.Errorf("it has to be plain words: %w", err)
	}
	var granted grantFlags
	flags := pflag.NewFlagSet("pipe-to", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SetInterspersed(false)
	granted.add(flags)
	if err := flags.Parse(words); err != nil {
		return nil, fmt.Errorf("%w: only grants may come before its MODULE", err)
	}
	args := flags.Args()
	switch {
	case len(args) == 0:
		return nil, errors.New("it has no MODULE")
	case args[0] == source.Stdin:
		return nil, errors.New("its MODULE can't be standard input: give a file, a folder, a digest or a tag")
	}
	spec := &reactorv1.WorkloadSpec{
		Name: source.Name(args[0]), Args: guestArguments(args), Env: first.GetEnv(), Labels: first.GetLabels(),
		Limits: proto.CloneOf(first.GetLimits()), GrantMode: first.GetGrantMode(),
	}
	if spec.Grants, err = granted.grants(); err != nil {
		return nil, err
	}
	return &stage{module: args[0], spec: spec}, checkText(args[0], spec)
}

// followChain streams the output of a chain until all of its workloads have ended.
func (j *job) followChain(ctx context.Context) error {
	ids := j.launch.Plan.Names(0, j.launch.Plan.Count)
	started := j.notes.Watch(j.delay(ids[0]))
	defer started()
	ended := make([]*reactorv1.Workload, len(ids))
	errOut := &serial{to: j.raw.Err}
	var missing atomic.Bool
	all, following := errgroup.WithContext(ctx)
	for i, id := range ids {
		session := &attach.Session{
			Client: j.workloads(), Node: j.node(), Follower: j.follower, ID: id,
			Out: j.raw.Out, Err: errOut, OnOutput: started,
		}
		if i == 0 && j.flags.interactive {
			session.In = attach.NewInput(j.In)
		}
		all.Go(func() (err error) {
			defer j.tellUnrecorded(following, id)()
			defer j.tellOpening(following, id, j.stages[i].spec)()
			ended[i], err = session.Run(following)
			if n := session.Missing(); n > 0 && err == nil {
				fmt.Fprintf(j.Err, "reactorctl: %s bytes of the output of %s are missing: they were not kept until they could be delivered\n", humanize.Comma(int64(n)), id)
				missing.Store(true)
			}
			return err
		})
	}
	defer j.tellAddresses(following, ids[0], j.launch.Spec)()
	if err := all.Wait(); err != nil {
		return err
	}
	started()
	err := j.chainEnded(ctx, ended)
	if err == nil && missing.Load() {
		return exitStatus(exitError)
	}
	return err
}

// chainEnded says which workloads of a chain did not succeed, and returns the exit status: that of the last of them.
func (j *job) chainEnded(ctx context.Context, ended []*reactorv1.Workload) (status error) {
	for i, w := range ended {
		exit := workloadExit(w)
		if exit != nil {
			status = exit
		}
		switch {
		case !j.output.IsTable():
			if err := j.output.Message(j.Err, w); err != nil {
				return err
			}
		case exit != nil:
			fmt.Fprintf(j.Err, "reactorctl: stage %d of %d, workload %s\n", i+1, len(ended), render.End(w))
			j.tellCrash(w)
			j.tellRefused(ctx, w)
		}
	}
	return status
}

// serial is a writer for several goroutines.
type serial struct {
	mu sync.Mutex
	to io.Writer
}

func (s *serial) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(b)
}

// absentError says of one of several workloads that there is none with that id.
type absentError struct{ id, text string }

func (e *absentError) Error() string { return e.text }

// meantChain adds to the error for ids that no workload has how to name the workloads of a chain, if that is what one of
// the ids is of.
func (a *app) meantChain(ctx context.Context, err error) error {
	for _, id := range absentIDs(err) {
		filter := &reactorv1.WorkloadFilter{LabelSelector: chainLabel + "=" + id}
		list, listErr := a.workloads().ListWorkloads(ctx, &reactorv1.ListWorkloadsRequest{Filter: filter, PageSize: 1})
		if listErr != nil || len(list.GetWorkloads()) == 0 {
			continue
		}
		command := "reactorctl list"
		if a.running.Flags().Lookup("label") != nil {
			command = a.running.CommandPath()
		}
		advice := fmt.Sprintf("%s is a chain; all of its workloads: `%s --label %s`", id, command, filter.GetLabelSelector())
		return &failure.AdvisedError{Err: err, Advice: advice}
	}
	return err
}

// absentIDs returns the ids of which an error, or those that it joins, say that there is no such workload.
func absentIDs(err error) (ids []string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			ids = append(ids, absentIDs(part)...)
		}
		return ids
	}
	if absent, ok := errors.AsType[*absentError](err); ok {
		return []string{absent.id}
	}
	if is, _ := reason.Of(err); is == reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_FOUND {
		return []string{reason.Subject(err, "workload")}
	}
	return nil
}
