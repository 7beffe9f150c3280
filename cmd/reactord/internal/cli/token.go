package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/local"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
)

// tokenCommand prints the token, for whoever sets up a client where there is no shell to read the file.
func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:          "token",
		Short:        "Print the token that clients over TCP need",
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	cmd.Flags().SortFlags = false
	loader := config.NewLoader(cmd.Flags(), defaults())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loader.Load(os.Environ(), os.ReadFile)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(local.Token(cfg.Reactor.DataDir))
		if err != nil {
			return fmt.Errorf("a daemon makes the token when it first serves TCP: %w", err)
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	return cmd
}
