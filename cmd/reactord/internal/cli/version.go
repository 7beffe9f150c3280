package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/internal/version"
)

func versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:          "version",
		Short:        "Print the version",
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "the `FORMAT`: text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch format {
		case "text":
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "reactord %s\n", version.Get())
			return err
		case "json":
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(version.Get())
		}
		return fmt.Errorf("--output: %q is neither text nor json", format)
	}
	return cmd
}
