package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) versionCommand() *cobra.Command {
	var client bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of reactorctl and of the daemon",
		Args:  operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVar(&client, "client", false, "only reactorctl's; do not ask the daemon")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		fmt.Fprintf(a.Out, "reactorctl %s\n", Version())
		if client {
			return nil
		}
		if err := a.connect(); err != nil {
			return err
		}
		response, err := a.node().GetNode(cmd.Context(), &reactorv1.GetNodeRequest{})
		if err != nil {
			return err
		}
		n := response.GetNode()
		fmt.Fprintf(a.Out, "reactord   %s (%s, %s)\n", n.GetVersion(), n.GetGoVersion(), n.GetPlatform())
		return nil
	}
	return cmd
}

// Version returns the version that the Go toolchain stamped into the main module.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
