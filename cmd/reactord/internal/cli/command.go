package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reactord/reactord/cmd/internal/help"
	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/internal/version"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/demo"
	"github.com/reactord/reactord/cmd/reactord/internal/inflight"
	"github.com/reactord/reactord/cmd/reactord/internal/systemd"
	"github.com/reactord/reactord/reactor"
)

const about = `reactord runs WebAssembly programs, modules of WASI preview 1 and components, as async tasks: a
hundred thousand of them waiting at once, each holding only the capabilities it was handed. Talk to
it with reactorctl, or in any language over gRPC.`

const settingsHelp = `Every flag is a setting, and can also be given as an environment variable, REACTORD_ and the flag's
name in capitals with underscores, or as a key of the same name in the file that --config names. A
flag overrides a variable, a variable overrides the file, and the file overrides the default.
` + "`reactord check-config`" + ` shows all settings, and which of them SIGHUP reloads.

` + quantity.Help + ` Durations have units: 90s, 1h30m.

SIGTERM and SIGINT drain the daemon: it takes no new work, gives running workloads the grace period,
and then exits with status 0. The next daemon starts unfinished workloads again. Another such signal
a second later or more, or a third one at any time, ends the daemon at once, with status 1. SIGHUP has
it read the file of --config, its token and its certificate again.`

// Command returns the whole command line.
func Command() *cobra.Command {
	root := serveCommand("reactord")
	root.Short = "Run WebAssembly programs as async tasks"
	root.Long = about + "\n\n" + settingsHelp
	root.SilenceErrors = true
	root.Version = version.Get().String()
	root.SetVersionTemplate("reactord {{.Version}}\n")
	root.SetHelpCommand(usage.HelpCommand())
	help.Install(root, screen.New(os.Stdout, os.Getenv))
	root.Args = knownCommand
	root.AddCommand(serveCommand("serve"), checkConfigCommand(), tokenCommand(), demoCommand(), storeCommand(), versionCommand(), compileCommand())
	usage.AddCompletions(root)
	return root
}

// knownCommand refuses what is no command, and says whose command it is if it is reactorctl's.
func knownCommand(cmd *cobra.Command, args []string) error {
	clients := []string{
		"run", "submit", "dev", "list", "ls", "ps", "status", "logs", "attach", "wait", "cancel", "rm", "grants", "revoke", "ops", "module",
		"node", "top", "health", "drain", "context",
	}
	if len(args) > 0 && slices.Contains(clients, args[0]) {
		return usage.Errorf(cmd, "%q is a command of the client: `reactorctl %s`", args[0], args[0])
	}
	return usage.Subcommands(cmd, args)
}

// serveCommand runs the daemon, as reactord without a command does.
func serveCommand(use string) *cobra.Command {
	cmd := &cobra.Command{
		Use:          use,
		Short:        "Run the daemon (the default)",
		Long:         settingsHelp,
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	cmd.Flags().SortFlags = false
	loader := config.NewLoader(cmd.Flags(), defaults())
	cmd.RunE = func(*cobra.Command, []string) error {
		signals := watchSignals()
		defer signals.stop()
		listeners, err := systemd.Listeners()
		if err != nil {
			return err
		}
		loader.Inherit(listeners)
		return serve(signals, func(read readFile) (config.Config, error) { return load(loader, read) })
	}
	return cmd
}

// withSettings gives a command a flag for each setting, and has it call run with the settings that a daemon with the same
// flags and environment would have.
func withSettings(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, cfg config.Config) error) {
	cmd.Flags().SortFlags = false
	loader := config.NewLoader(cmd.Flags(), defaults())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := loader.Load(os.Environ(), smallfile.Read)
		if err != nil {
			return err
		}
		return run(cmd, args, cfg)
	}
}

// withDataDir is withHiddenSettings for a command that needs only the data folder.
func withDataDir(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, dataDir string) error) {
	withHiddenSettings(cmd, func(cmd *cobra.Command, args []string, cfg config.Config) error {
		return run(cmd, args, cfg.Reactor.DataDir)
	})
}

// withHiddenSettings is withSettings for a command whose help tells of the file of settings and the data folder alone. It takes the
// other flags, so that it can be called as the daemon is.
func withHiddenSettings(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, cfg config.Config) error) {
	withSettings(cmd, run)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = f.Name != "config" && f.Name != "data-dir"
	})
}

// readFile reads the file of --config.
type readFile = func(path string) ([]byte, error)

// load reads the settings of a daemon that is this binary.
func load(loader *config.Loader, read readFile) (config.Config, error) {
	cfg, err := loader.Load(os.Environ(), read)
	if err != nil {
		return cfg, err
	}
	cfg.Reactor.Version = version.Get().Version
	self, err := executable()
	cfg.Reactor.Compiler = []string{self, compileCommand().Name()}
	return cfg, err
}

// executable returns the path of this binary, also where /proc is not mounted.
func executable() (string, error) {
	if path, err := os.Executable(); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return "", fmt.Errorf("the daemon cannot find its own binary, by which it compiles modules: %w", err)
	}
	return filepath.Abs(path)
}

// defaults returns the reactor's defaults, except for those that depend on the machine: the reactor fills them
// in, so that --help is the same everywhere.
func defaults() config.Config {
	r := reactor.Defaults()
	r.Workers, r.Starting, r.Compilers = 0, 0, 0
	r.MemoryBytes, r.MaxPendingBytes, r.ModuleMemoryBytes, r.CompileMemoryBytes = 0, 0, 0, 0
	return config.Config{
		LogFormat: config.LogAuto, LogWorkloads: config.LogAllWorkloads, LogSink: config.LogSinkNone,
		InFlight: inflight.Limits{Bytes: inflight.Defaults().Bytes},
		Reactor:  r,
	}
}

// compileCommand compiles a module in a process of its own, which the daemon starts.
func compileCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "compile",
		Short:  "Compile one module, for the daemon",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return reactor.CompilerMain(args, cmd.InOrStdin(), cmd.OutOrStdout())
		},
		SilenceUsage: true,
	}
}

func demoCommand() *cobra.Command {
	options := demo.Options{Out: os.Stdout, Progress: os.Stderr, Version: version.Get().Version}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run thousands of example guests in a daemon of its own, and show how it went",
		Long: `demo starts a daemon with its socket and its store in a temporary folder, and through the daemon's
API pushes an example guest and submits many instances of it: each sleeps, polls and computes in
turns, then prints a line. Beside them run guests that compute for ever and never wait. The exit
status is 0 only if every guest of the first kind succeeded.

With --guest component they are instances of a component of WASI 0.3, each with a call that sleeps and
has no stack meanwhile. Before them as many calls, 100,000 at most, sleep in one instance.`,
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	options.Count = demo.DefaultCount(demo.DefaultGuest)
	cmd.Flags().Var(quantity.CountFlag(&options.Count, 0), "count", fmt.Sprintf("guests to run, if they are components %d unless told otherwise", demo.DefaultCount("component")))
	cmd.Flags().StringVar(&options.Guest, "guest", demo.DefaultGuest, "the `GUEST` that sleeps: "+strings.Join(demo.GuestNames(), ", "))
	cmd.Flags().StringVarP(&options.Output, "output", "o", "table", "the `FORMAT` of what is printed in the end: table or json")
	cmd.RunE = func(*cobra.Command, []string) error {
		if !cmd.Flags().Changed("count") {
			options.Count = demo.DefaultCount(options.Guest)
		}
		ctx, stop := interruptible()
		defer stop()
		return demo.Run(ctx, options)
	}
	return cmd
}
