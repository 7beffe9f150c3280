package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reactord/reactord/cmd/reactorctl/internal/attach"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) runCommand() *cobra.Command {
	var flags specFlags
	cmd := &cobra.Command{
		Use:   "run [flags] MODULE [ARG...]",
		Short: "Submit a module, stream its output, and exit as it does",
		Long: `Submit a module, stream its output, and exit as it does. What comes after MODULE are the guest's
arguments, so reactorctl's own flags come before it.

All of the guest's output is printed, unchanged, including control characters. With --interactive the
guest reads this command's standard input. -o json and -o yaml leave the output alone, and print the
ended workload to standard error.

An interrupt, a hangup, and an output that nobody reads cancel the workload, unless it existed before,
under the id that --id gives: then run only follows it. If the daemon is gone, run
waits for it and goes on with the same workload, whose guest may start anew; an input that cannot be
read again cancels it.

With --count several workloads run: their output is kept for reactorctl logs, and a summary is printed.

` + limitsHelp + `

` + chainHelp + ` The output of the last is printed, and what
all of them write to standard error. The exit status is that of the last that did not succeed, as with
a shell's pipefail.

` + exitHelp,
		Example: `  reactorctl run ./examples/hello
  reactorctl run --dir .:/data:ro ./guest.wasm --verbose /data/input.txt
  echo hello | reactorctl run -i ./cat.wasm
  reactorctl run --pipe-to './grep.wasm 7' --pipe-to ./count.wasm ./cat.wasm f`,
		Args: moduleThenArguments,
	}
	flags.add(cmd)
	a.addRegistry(cmd)
	flags.addWaiting(cmd, true)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		j, err := a.plan(cmd, &flags, args)
		if err != nil {
			return err
		}
		if flags.waits(cmd) && flags.count == 1 {
			for _, s := range j.stages {
				s.spec.OutputMode = reactorv1.OutputMode_OUTPUT_MODE_DELIVER
			}
		}
		if err := j.load(cmd.Context()); err != nil {
			return err
		}
		if !flags.waits(cmd) {
			return j.submitOnly(cmd.Context())
		}
		err = j.run(cmd.Context())
		if flag := misplaced(cmd.Flags(), args[1:]); err != nil && flag != "" && isTerminal(a.raw.Err) {
			a.notes.Say(fmt.Sprintf("%s came after MODULE, so it was an argument of the guest: reactorctl's flags come before MODULE", flag))
		}
		return err
	})
	return cmd
}

// misplaced returns the first argument of the guest that looks like a flag of reactorctl, or nothing.
func misplaced(flags *pflag.FlagSet, arguments []string) string {
	for _, argument := range arguments {
		name, _, _ := strings.Cut(argument, "=")
		switch {
		case argument == "--":
			return ""
		case strings.HasPrefix(name, "--") && flags.Lookup(name[2:]) != nil:
			return name
		case len(name) == 2 && name[0] == '-' && flags.ShorthandLookup(name[1:]) != nil:
			return name
		}
	}
	return ""
}

// run submits the workloads and follows them to their end. However it ends before them, it leaves none behind, or says
// which.
func (j *job) run(ctx context.Context) error {
	done, err := j.submit(ctx)
	defer done()
	if err == nil {
		_, err = interrupt.Do(ctx, func() (struct{}, error) { return struct{}{}, j.follow(ctx) })
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if _, ended := errors.AsType[exitStatus](err); err == nil || ended {
		return err
	}
	if e, ok := errors.AsType[*follow.GoneError](err); ok {
		return fmt.Errorf("%w; %s goes on when it is back, without this command", e, j.launch.Plan)
	}
	return j.takeBack(ctx, err)
}

// follow streams the output of the only workload until it has ended, or waits for several.
func (j *job) follow(ctx context.Context) error {
	if j.launch.Chain != nil {
		return j.followChain(ctx)
	}
	if j.launch.Plan.Count > 1 {
		return j.waitAll(ctx, j.launch.Plan.Names(0, j.launch.Plan.Count))
	}
	var in *attach.Input
	if j.flags.interactive {
		in = attach.NewInput(j.In)
	}
	defer j.tellAddresses(ctx, j.launch.Plan.ID, j.launch.Spec)()
	defer j.tellOpening(ctx, j.launch.Plan.ID, j.launch.Spec)()
	return j.attach(ctx, j.launch.Plan.ID, in)
}

// ended prints what an invoked export returned, or why the workload did not succeed, and returns the exit status.
func (a *app) ended(ctx context.Context, w *reactorv1.Workload) error {
	err := workloadExit(w)
	if err == nil && a.returns != nil {
		return a.called(w)
	}
	for _, result := range w.GetStatus().GetResults() {
		fmt.Fprintln(a.Out, result)
	}
	switch {
	case !a.output.IsTable():
		if err := a.output.Message(a.Err, w); err != nil {
			return err
		}
	case err != nil:
		fmt.Fprintf(a.Err, "reactorctl: workload %s\n", render.End(w))
		a.tellCrash(w)
		a.tellRefused(ctx, w)
	}
	return err
}
