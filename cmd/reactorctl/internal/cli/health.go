package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// healthCommand asks the health service, which needs no token.
func (a *app) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Tell whether the daemon takes work, for probes",
		Long: `Tell whether the daemon takes work. The exit status is 0 if it does, and 125 if it drains or does not
answer, so that this command can be the probe of a supervisor or a container.`,
		Args: operands(cobra.NoArgs),
	}
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		response, err := healthv1.NewHealthClient(a.conn).Check(cmd.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			return err
		}
		if a.output.IsTable() {
			fmt.Fprintln(a.Out, strings.ToLower(strings.ReplaceAll(response.GetStatus().String(), "_", " ")))
		} else if err := a.output.Message(a.Out, response); err != nil {
			return err
		}
		if response.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			return exitStatus(exitError)
		}
		return nil
	})
	return cmd
}
