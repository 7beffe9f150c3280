package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// submitBatch is how many workloads one call submits.
const submitBatch = 1000

func (a *app) submitCommand() *cobra.Command {
	var flags specFlags
	cmd := &cobra.Command{
		Use:   "submit [flags] MODULE [ARG...]",
		Short: "Submit a module as a workload, and print its id",
		Long: `Submit a module as a workload, and print its id. With --wait, wait for its end. What comes after
MODULE are the guest's arguments, so reactorctl's own flags come before it.

` + exitHelp,
		Example: `  reactorctl submit --timeout 30s ./guest.wasm one two
  reactorctl submit --count 1000 --label app=hello ./examples/hello`,
		Args: moduleThenArguments,
	}
	flags.add(cmd)
	flags.addWaiting(cmd, false)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		ids, err := a.submit(cmd, &flags, args)
		if err != nil {
			return err
		}
		if !flags.waits(cmd) {
			return a.printSubmitted(cmd.Context(), ids)
		}
		return a.waitAll(cmd.Context(), ids)
	})
	return cmd
}

// moduleThenArguments accepts one MODULE, and anything after it.
func moduleThenArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError(cmd, "no MODULE is given: name a .wasm file, a Go package folder, a digest or a tag")
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

// submit pushes the module if the daemon lacks it, and submits flags.count workloads. It returns their ids; if it
// fails, those of the workloads that were submitted before an interrupt.
func (a *app) submit(cmd *cobra.Command, flags *specFlags, args []string) ([]string, error) {
	ctx := cmd.Context()
	module, err := source.Open(ctx, args[0], a.Err)
	if err != nil {
		return nil, err
	}
	defer module.Close() //nolint:errcheck // the file was only read
	spec, err := flags.spec(cmd, a.In, module.Name, guestArguments(args))
	if err != nil {
		return nil, err
	}
	if spec.Module, err = a.ensure(ctx, module, ""); err != nil {
		return nil, err
	}
	if flags.count > 1 {
		return a.submitMany(ctx, flags, spec)
	}
	ctx, stop := outlive(ctx, cancelGrace)
	defer stop()
	response, err := a.workloads().SubmitWorkload(ctx, &reactorv1.SubmitWorkloadRequest{Id: flags.id, Spec: spec})
	if err != nil {
		return nil, meantPath(err, module.Ref)
	}
	w := response.GetWorkload()
	if !response.GetCreated() {
		fmt.Fprintf(a.Err, "workload %s exists already with this spec (%s)\n", w.GetId(), render.State(w))
	}
	return []string{w.GetId()}, nil
}

// outlive returns a context that ends at the given time after ctx. If an interrupt ended a submission that the
// daemon has already received, nobody would know of the workload.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	outliving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel()
		case <-outliving.Done():
		}
	})
	return outliving, func() { forget(); cancel() }
}

// meantPath adds, to an error about an unknown module, that a file of that name exists here. It changes only the
// message: what MODULE means never depends on what is in the current folder.
func meantPath(err error, ref string) error {
	if status.Code(err) != codes.NotFound || ref == "" {
		return err
	}
	if _, statErr := os.Stat(ref); statErr != nil {
		return err
	}
	return fmt.Errorf("there is no module %q: for the file or folder of that name, write ./%s", ref, ref)
}

// submitMany submits copies of spec with ids PREFIX-0, PREFIX-1, ...; repeated with the same --id it creates
// only those that are missing.
func (a *app) submitMany(ctx context.Context, flags *specFlags, spec *reactorv1.WorkloadSpec) ([]string, error) {
	prefix := flags.id
	if prefix == "" {
		var random [6]byte
		if _, err := rand.Read(random[:]); err != nil {
			return nil, err
		}
		prefix = hex.EncodeToString(random[:])
	}
	outliving, stop := outlive(ctx, cancelGrace)
	defer stop()
	ids := make([]string, 0, flags.count)
	var refused []error
	for len(ids) < flags.count {
		if ctx.Err() != nil {
			return ids, fmt.Errorf("after %d of %d were submitted (repeat with --id %s to submit the rest): %w", len(ids), flags.count, prefix, ctx.Err())
		}
		request := &reactorv1.SubmitWorkloadsRequest{}
		for n := len(ids); n < flags.count && len(request.Requests) < submitBatch; n++ {
			id := fmt.Sprintf("%s-%d", prefix, n)
			request.Requests = append(request.Requests, &reactorv1.SubmitWorkloadRequest{Id: id, Spec: spec})
		}
		response, err := a.workloads().SubmitWorkloads(outliving, request)
		if err != nil {
			return nil, fmt.Errorf("after %d of %d were submitted (repeat with --id %s to submit the rest): %w", len(ids), flags.count, prefix, err)
		}
		for _, result := range response.GetResults() {
			ids = append(ids, result.GetId())
			if result.GetError() != nil {
				refused = append(refused, fmt.Errorf("%s: %s", result.GetId(), result.GetError().GetMessage()))
			}
		}
		if len(refused) > 0 {
			return nil, refusal(refused, len(ids), flags.count, prefix)
		}
	}
	return ids, nil
}

// refusal returns the error for refused workloads: the first few of them, and how to go on.
func refusal(refused []error, sent, count int, prefix string) error {
	const shown = 3
	first := refused[:min(shown, len(refused))]
	return fmt.Errorf("%d of the first %d of %d were refused, and the rest was not sent (repeat with --id %s to submit it):\n%w",
		len(refused), sent, count, prefix, errors.Join(first...))
}

func (a *app) printSubmitted(ctx context.Context, ids []string) error {
	if a.output.IsTable() {
		for _, id := range ids {
			fmt.Fprintln(a.Out, id)
		}
		return nil
	}
	for _, id := range ids {
		response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
		if err != nil {
			return err
		}
		if err := a.output.Message(a.Out, response.GetWorkload()); err != nil {
			return err
		}
	}
	return nil
}
