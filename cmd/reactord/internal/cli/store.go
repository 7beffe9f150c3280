package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactord/internal/daemon"
)

// storeCommand copies stores, and inspects and repairs damaged ones.
func storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Back up, check or repair the store",
		Long: `backup copies the store of a daemon, also of one that runs.

A daemon does not start on a store whose database is damaged. check reads all of it and reports what
is readable, with status 1 if it is damaged; salvage sets the database aside, under a name that it prints,
and makes a new one from what is readable. Modules whose record is lost have to be pushed again. Both are
for a store that no daemon uses.

They find the data folder as a daemon does that has the same flags, environment and file; the flags of its
other settings are taken, and make no difference.`,
		Args: usage.Subcommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var force bool
	salvage := repairCommand("salvage", "Set a damaged database aside and keep what can be read of it",
		func(ctx context.Context, dataDir string) (daemon.Salvaged, error) {
			return daemon.SalvageStore(ctx, dataDir, force)
		})
	salvage.Flags().BoolVar(&force, "force", false, "also if the database is not damaged")
	cmd.AddCommand(backupCommand(), repairCommand("check", "Report what can be read of the store", daemon.CheckStore), salvage)
	return cmd
}

func repairCommand(use, short string, repair func(context.Context, string) (daemon.Salvaged, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: usage.Subcommands, SilenceUsage: true}
	withDataDir(cmd, func(cmd *cobra.Command, _ []string, dataDir string) error {
		ctx, stop := interruptible()
		defer stop()
		found, err := repair(ctx, dataDir)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%d workloads and %d modules are readable, %d records are damaged\n", found.Workloads, found.Modules, found.Unreadable)
		if found.Incomplete {
			fmt.Fprintln(out, "parts of the database cannot be read: an unknown number of further records may be lost")
		}
		switch {
		case found.Aside != "":
			fmt.Fprintf(out, "the database as it was is %s\n", found.Aside)
		case found.Damaged():
			return errors.New("the store is damaged: `reactord store salvage` keeps what is readable")
		}
		return nil
	})
	return cmd
}

// backupCommand copies a store.
func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Copy the store to a folder, also while a daemon uses it",
		Long: `Copy the store to the folder "store" in FOLDER, also while a daemon uses it: the database as it is at one
moment, and the modules that are in it. Machine code and the token are not copied. "reactord store check
--data-dir FOLDER" checks the copy.`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
	}
	withDataDir(cmd, func(cmd *cobra.Command, args []string, dataDir string) error {
		to, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		ctx, stop := interruptible()
		defer stop()
		copied, err := daemon.BackUp(ctx, dataDir, to)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%d workloads and %d modules were copied to %s\n", copied.Workloads, copied.Modules, filepath.Join(to, "store"))
		for _, digest := range copied.Missing {
			fmt.Fprintf(out, "the module %s was deleted meanwhile\n", digest)
		}
		return nil
	})
	return cmd
}
