package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/version"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// versions is what the version command prints as JSON and YAML.
type versions struct {
	Client version.Info  `json:"client"`
	Daemon *version.Info `json:"daemon,omitempty"`
}

func (a *app) versionCommand() *cobra.Command {
	var client bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of reactorctl and of the daemon",
		Args:  operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVar(&client, "client", false, "only reactorctl's; do not ask the daemon")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		found := versions{Client: version.Get()}
		if a.output.IsTable() { // before the daemon is asked, which may not answer
			fmt.Fprintf(a.Out, "reactorctl %s\n", found.Client)
		}
		if !client {
			daemon, err := a.daemonVersion(cmd)
			if err != nil {
				return err
			}
			found.Daemon = &daemon
		}
		switch {
		case !a.output.IsTable():
			return a.output.Value(a.Out, found)
		case found.Daemon != nil:
			fmt.Fprintf(a.Out, "reactord   %s\n", found.Daemon)
		}
		return nil
	}
	return cmd
}

func (a *app) daemonVersion(cmd *cobra.Command) (version.Info, error) {
	if err := a.connect(cmd.Context()); err != nil {
		return version.Info{}, err
	}
	response, err := a.node().GetNode(cmd.Context(), &reactorv1.GetNodeRequest{})
	if err != nil {
		return version.Info{}, err
	}
	n := response.GetNode()
	return version.Info{Version: n.GetVersion(), GoVersion: n.GetGoVersion(), Platform: n.GetPlatform()}, nil
}
