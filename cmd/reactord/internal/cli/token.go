package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/cmd/internal/usage"
)

// tokenCommand prints the token, for whoever sets up a client where there is no shell to read the file.
func tokenCommand() *cobra.Command {
	var forMetrics bool
	cmd := &cobra.Command{
		Use:          "token",
		Short:        "Print the token that clients over TCP need",
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	withDataDir(cmd, func(cmd *cobra.Command, _ []string, dataDir string) error {
		path, when := local.Token(dataDir), "serves TCP"
		if forMetrics {
			path, when = local.MetricsToken(dataDir), "serves metrics"
		}
		text, err := smallfile.ReadRegular(path)
		if err != nil {
			return fmt.Errorf("a daemon makes the token when it first %s: %w", when, err)
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	})
	cmd.Flags().BoolVar(&forMetrics, "for-metrics", false, "print the token by which metrics are read (--metrics of the daemon)")
	return cmd
}
