package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/launch"
)

func (a *app) submitCommand() *cobra.Command {
	var flags specFlags
	var call string
	cmd := &cobra.Command{
		Use:   "submit [flags] MODULE [ARG...]",
		Short: "Submit a module as a workload, and print its id",
		Long: `Submit a module as a workload, and print its id. What comes after MODULE are the guest's arguments, so
reactorctl's own flags come before it.

With --count the ids are one name with numbers, such as app-0 to app-999; --quiet prints each of them.
With --call a function of a component is called, as reactorctl call does; what it returns is in reactorctl status.
With --wait, wait for the end. An interrupt leaves what was submitted.

` + limitsHelp + `

` + chainHelp + ` If one is refused, those that this
command has created are cancelled.

` + exitHelp,
		Example: `  reactorctl submit --timeout 30s ./guest.wasm one two
  reactorctl submit --count 1000 --label app=hello ./examples/hello
  reactorctl submit --id sum --call 'add(1, 2)' ./calc.wasm`,
		Args: moduleThenArguments,
	}
	flags.add(cmd)
	a.addRegistry(cmd)
	flags.addWaiting(cmd, false)
	cmd.Flags().StringVar(&call, "call", "", "the `CALL` of a function that the component exports, such as 'add(1, 2)'")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		if more := guestArguments(args); cmd.Flags().Changed("call") && len(more) > 0 {
			return usageError(cmd, "%s after MODULE: with --call the arguments are those of the call, such as 'add(1, 2)'", listArguments(more))
		}
		j, err := a.plan(cmd, &flags, args)
		if err != nil {
			return err
		}
		if err := j.load(cmd.Context()); err != nil {
			return err
		}
		if cmd.Flags().Changed("call") {
			if err := j.readCall(cmd.Context(), call); err != nil {
				return err
			}
		}
		if !flags.waits(cmd) {
			return j.submitOnly(cmd.Context())
		}
		return j.submitAndWait(cmd.Context())
	})
	return cmd
}

// moduleThenArguments accepts one MODULE, and anything after it.
func moduleThenArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError(cmd, "no MODULE is given: name a .wasm file, a Go package folder, a digest, a tag or oci://REGISTRY/REPOSITORY:TAG")
	}
	return nil
}

// guestArguments returns what follows MODULE, without the "--" that may stand directly after it.
func guestArguments(args []string) []string {
	arguments := args[1:]
	if len(arguments) > 0 && arguments[0] == "--" {
		return arguments[1:]
	}
	return arguments
}

// submitOnly submits the workloads and prints their ids.
func (j *job) submitOnly(ctx context.Context) error {
	done, err := j.submit(ctx)
	defer done()
	if err != nil {
		return j.leave(ctx, err)
	}
	return j.printSubmitted(ctx)
}

// submitAndWait submits the workloads and waits for their end.
func (j *job) submitAndWait(ctx context.Context) error {
	done, err := j.submit(ctx)
	defer done()
	if err != nil {
		return j.leave(ctx, err)
	}
	err = j.waitAll(ctx, j.launch.Plan.Names(0, j.launch.Plan.Count))
	if ctx.Err() != nil {
		return fmt.Errorf("%w; %s goes on", context.Cause(ctx), j.launch.Plan)
	}
	return err
}

// leave adds to the error of a submission what may have been submitted. A part of a chain is of no use.
func (j *job) leave(ctx context.Context, err error) error {
	if j.launch.Chain != nil {
		return j.takeBack(ctx, err)
	}
	plan := j.launch.Plan
	incomplete, ok := errors.AsType[*launch.IncompleteError](err)
	switch {
	case ok && incomplete.Taken != "":
		return fmt.Errorf("%w\n  see it with `reactorctl status %s`; choose another --id, or leave it out to have one made", incomplete, incomplete.Taken)
	case ok:
		return fmt.Errorf("%w\n  submit the rest with --id %s", incomplete, plan.ID)
	case !j.launch.MayExist():
		return err
	case j.launch.Accepted() < plan.Count && plan.Count > 1:
		return fmt.Errorf("%w; %d of %d workloads were submitted: submit the rest with --id %s", err, j.launch.Accepted(), plan.Count, plan.ID)
	case j.launch.Accepted() == plan.Count:
		return fmt.Errorf("%w; %s was submitted", err, plan)
	}
	return fmt.Errorf("%w; %s may have been submitted: see `reactorctl status %s`", err, plan, plan)
}
