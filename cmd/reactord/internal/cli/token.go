package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
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
	withHiddenSettings(cmd, func(cmd *cobra.Command, _ []string, cfg config.Config) error {
		own, kept, when := local.Token(cfg.Reactor.DataDir), cfg.TokenFile, "serves TCP"
		if forMetrics {
			own, kept, when = local.MetricsToken(cfg.Reactor.DataDir), cfg.MetricsTokenFile, "serves metrics"
		}
		text, err := smallfile.ReadRegular(cmp.Or(kept, own))
		if err != nil && kept == "" {
			return fmt.Errorf("a daemon makes the token when it first %s: %w", when, err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), local.FirstToken(text))
		return err
	})
	cmd.Flags().BoolVar(&forMetrics, "for-metrics", false, "print the token by which metrics are read (--metrics of the daemon)")
	return cmd
}
