package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// healthCommand asks the health service, which needs no token.
func (a *app) healthCommand() *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Tell whether the daemon takes work, for probes",
		Long: `Tell whether the daemon takes work. The exit status is 0 if it does, and 125 if it drains, its store can't be
written to, or it does not answer, so that this command can be the probe of a supervisor or a container that
decides whether the daemon is sent work. With --live it is 0 if the daemon answers at all: a probe that decides
whether it has to be restarted.`,
		Args: operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVar(&live, "live", false, "ask only whether the daemon answers")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		request := &healthv1.HealthCheckRequest{}
		if live {
			request.Service = "live"
		}
		response, err := healthv1.NewHealthClient(a.conn).Check(cmd.Context(), request)
		if err != nil {
			return err
		}
		if a.output.IsTable() {
			fmt.Fprintln(a.Out, strings.ToLower(strings.ReplaceAll(response.GetStatus().String(), "_", " ")))
		} else if err := a.output.Message(a.Out, response); err != nil {
			return err
		}
		if response.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			fmt.Fprintln(a.Err, "it drains, or its store can't be written to: see `reactorctl node` and the daemon's log")
			return exitStatus(exitError)
		}
		return nil
	})
	return cmd
}
