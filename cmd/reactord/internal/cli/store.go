package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactord/internal/daemon"
)

// storeCommand copies stores, and inspects and repairs damaged ones.
func storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Back up, restore, check or repair the store",
		Long: `backup copies the store of a daemon, also of one that runs; restore copies it back.

check reads all of a store, the bytes of its modules too, and reports what is readable, with status 1 if
anything is damaged or missing. A daemon does not start on a store whose database is damaged: salvage sets
the database aside, under a name that it prints, and makes a new one from what is readable. Modules whose
record or bytes are lost have to be pushed again. Both are for a store that no daemon uses.

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
	cmd.AddCommand(backupCommand(), restoreCommand(), repairCommand("check", "Report what can be read of the store", daemon.CheckStore), salvage)
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
		out := printable.NewWriter(cmd.OutOrStdout())
		fmt.Fprintf(out, "%d workloads and %d modules are readable, %d records are damaged\n",
			found.Workloads, found.Modules-len(found.Faulty), found.Unreadable)
		if found.Incomplete {
			fmt.Fprintln(out, "parts of the database cannot be read: an unknown number of further records may be lost")
		}
		printFaulty(out, found.Faulty)
		advice := faultyError(found.Faulty)
		switch {
		case found.Aside != "":
			if advice != nil {
				fmt.Fprintln(out, advice)
			}
			fmt.Fprintf(out, "the database as it was is %s\n", found.Aside)
			return nil
		case found.Damaged():
			advice = errors.Join(errors.New("the store is damaged: `reactord store salvage` keeps what is readable"), advice)
		}
		return advice
	})
	return cmd
}

// printFaulty says what is wrong with modules, and who needs them.
func printFaulty(w io.Writer, faulty []daemon.FaultyModule) {
	for _, m := range faulty {
		fmt.Fprintf(w, "module %s", m.Digest)
		if len(m.Tags) > 0 {
			fmt.Fprintf(w, " (%s)", strings.Join(m.Tags, ", "))
		}
		switch {
		case m.Missing():
			fmt.Fprint(w, " is missing on disk")
		case m.Damaged():
			fmt.Fprint(w, " is damaged on disk")
		default:
			fmt.Fprintf(w, " cannot be read: %v", m.Fault)
		}
		if more := m.Unfinished - len(m.Waiting); m.Unfinished > 0 {
			fmt.Fprintf(w, "; unfinished workloads need it: %s", strings.Join(m.Waiting, ", "))
			if more > 0 {
				fmt.Fprintf(w, " and %d more", more)
			}
		}
		fmt.Fprintln(w)
	}
}

// faultyError says what to do about faulty modules; it is nil if there are none.
func faultyError(faulty []daemon.FaultyModule) error {
	if len(faulty) == 0 {
		return nil
	}
	which := "1 module is"
	if n := len(faulty); n > 1 {
		which = fmt.Sprintf("%d modules are", n)
	}
	return fmt.Errorf("%s missing or damaged on disk: start the daemon and push what is needed again, "+
		"with `reactorctl module push FILE`; remove the rest, with `reactorctl module rm MODULE`", which)
}

// backupCommand copies a store.
func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Copy the store to a folder, also while a daemon uses it",
		Long: `Copy the store to the folder "store" in FOLDER, also while a daemon uses it: the database as it is at one
moment, and the modules that are in it. Machine code and the token are not copied. Modules that are missing
or damaged on disk are left out and named, and the exit status is 1: the rest of the backup is sound.
"reactord store check --data-dir FOLDER" checks the copy.`,
		Args:         usage.Arguments(cobra.ExactArgs(1)),
		SilenceUsage: true,
	}
	withDataDir(cmd, func(cmd *cobra.Command, args []string, dataDir string) error {
		to, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		return copyStore(cmd, filepath.Join(to, "store"), func(ctx context.Context) (daemon.Copied, error) {
			return daemon.BackUp(ctx, dataDir, to)
		})
	})
	return cmd
}

// restoreCommand copies a store back.
func restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Copy a backup's store to the data folder, which has none",
		Long: `Copy the store of the backup in FOLDER to the data folder. Call it as the daemon's user, to whom the copy
has to belong. A store that is there already stays as it is, and nothing is copied: stop the daemon and
move it away first. Modules that the backup does not have, or that are damaged in it, are named, and the exit status
is 1: the rest was copied. If it is broken off the data folder has no store, and the next restore begins anew.`,
		Args:         usage.Arguments(cobra.ExactArgs(1)),
		SilenceUsage: true,
	}
	withDataDir(cmd, func(cmd *cobra.Command, args []string, dataDir string) error {
		return copyStore(cmd, filepath.Join(dataDir, "store"), func(ctx context.Context) (daemon.Copied, error) {
			return daemon.Restore(ctx, args[0], dataDir)
		})
	})
	return cmd
}

// copyStore copies a store to a folder, and says what was copied and what was not.
func copyStore(cmd *cobra.Command, to string, run func(context.Context) (daemon.Copied, error)) error {
	ctx, stop := interruptible()
	defer stop()
	copied, err := run(ctx)
	if err != nil {
		return err
	}
	out := printable.NewWriter(cmd.OutOrStdout())
	fmt.Fprintf(out, "%d workloads and %d modules were copied to %s\n", copied.Workloads, copied.Modules, to)
	for _, digest := range copied.Deleted {
		fmt.Fprintf(out, "module %s was deleted meanwhile\n", digest)
	}
	printFaulty(out, copied.Faulty)
	return faultyError(copied.Faulty)
}
