package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/demo"
	"github.com/reactord/reactord/reactor"
)

const about = `reactord runs WebAssembly programs (WASI preview 1) as async tasks: a hundred thousand of them
waiting at once, each holding only the capabilities it was handed. Talk to it with reactorctl, or
in any language over gRPC.`

const settingsHelp = `Every flag is a setting, and may as well be given as a variable, REACTORD_ and the flag's name in
capitals with underscores, or as a key of the same name in the file that --config names. A flag
goes before a variable, a variable before the file, the file before the default. Sizes take a unit
(64KiB, 1.5GiB), durations too (90s, 1h30m).

SIGTERM and SIGINT drain: no new work, the grace period for what runs, then the end, with status 0.
What is unfinished then starts again with the next daemon. A second signal ends at once, with
status 1.`

// command is the whole command line.
func command() *cobra.Command {
	root := serveCommand("reactord")
	root.Short = "Run WebAssembly programs as async tasks"
	root.Long = about + "\n\n" + settingsHelp
	root.SilenceErrors = true
	root.AddCommand(serveCommand("serve"), demoCommand(), versionCommand(), compileCommand())
	return root
}

// serveCommand runs the daemon; without a command reactord does the same.
func serveCommand(use string) *cobra.Command {
	cmd := &cobra.Command{
		Use:          use,
		Short:        "Run the daemon (the default)",
		Long:         settingsHelp,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
	}
	cmd.Flags().SortFlags = false
	loader := config.NewLoader(cmd.Flags(), defaults())
	cmd.RunE = func(*cobra.Command, []string) error {
		cfg, err := loader.Load(os.Environ(), os.ReadFile)
		if err != nil {
			return err
		}
		cfg.Reactor.Version = version()
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cfg.Reactor.Compiler = []string{self, compileCommand().Name()}
		return serve(cfg, newLogger(os.Stderr, cfg.LogFormat, cfg.LogLevel))
	}
	return cmd
}

// defaults are the reactor's, except for what follows from the machine: that is left to it, so that
// --help is the same everywhere. A workload with as much input and arguments as it may have fits into
// the 4 MiB that gRPC clients take if nobody tells them otherwise.
func defaults() config.Config {
	r := reactor.Defaults()
	r.Workers, r.Starting, r.MemoryBytes = 0, 0, 0
	r.MaxStdinBytes = 2 << 20
	return config.Config{
		LogFormat: config.LogAuto,
		Reactor:   r,
	}
}

// compileCommand is what the daemon runs to compile a module.
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
	options := demo.Options{Out: os.Stdout, Progress: os.Stderr, Version: version()}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run thousands of example guests in a daemon of its own, and show how it went",
		Long: `demo starts a daemon with its socket and its store in a temporary folder, and through the daemon's
API pushes an example guest and submits many instances of it: each sleeps, polls and computes in
turns, then prints a line. Beside them run guests that compute for ever and never wait. The exit
status is 0 only if every guest of the first kind succeeded.`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
	}
	cmd.Flags().IntVar(&options.Count, "count", 10_000, "guests to run")
	cmd.Flags().StringVarP(&options.Output, "output", "o", "table", "what to print in the end: table or json")
	cmd.RunE = func(*cobra.Command, []string) error {
		ctx, stop := interruptible()
		defer stop()
		return demo.Run(ctx, options)
	}
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "reactord %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

// version is the version of the main module as the Go toolchain stamped it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
