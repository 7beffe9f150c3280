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
	cmd := &cobra.Command{
		Use:          "token",
		Short:        "Print the token that clients over TCP need",
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	withDataDir(cmd, func(cmd *cobra.Command, _ []string, dataDir string) error {
		text, err := smallfile.ReadRegular(local.Token(dataDir))
		if err != nil {
			return fmt.Errorf("a daemon makes the token when it first serves TCP: %w", err)
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	})
	return cmd
}
