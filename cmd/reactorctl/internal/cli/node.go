package cli

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) nodeCommand() *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Show the daemon, its limits and what it is doing",
		Args:  operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print statistics until interrupted")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "how often --watch prints")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		if watch {
			return a.watchStats(cmd.Context(), interval)
		}
		response, err := a.node().GetNode(cmd.Context(), &reactorv1.GetNodeRequest{})
		if err != nil {
			return err
		}
		if !a.output.IsTable() {
			return a.output.Message(a.Out, response.GetNode())
		}
		if err := render.Node(a.Out, response.GetNode()); err != nil {
			return err
		}
		return a.printStats(cmd.Context())
	})
	return cmd
}

func (a *app) printStats(ctx context.Context) error {
	response, err := a.node().GetStats(ctx, &reactorv1.GetStatsRequest{})
	if err != nil {
		return err
	}
	if !a.output.IsTable() {
		return a.output.Message(a.Out, response.GetStats())
	}
	return render.Stats(a.Out, response.GetStats())
}

func (a *app) watchStats(ctx context.Context, interval time.Duration) error {
	stream, err := a.node().WatchStats(ctx, &reactorv1.WatchStatsRequest{Interval: durationpb.New(interval)})
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		if a.output.IsTable() {
			err = render.StatsLine(a.Out, response.GetStats())
		} else {
			err = a.output.Message(a.Out, response.GetStats())
		}
		if err != nil {
			return err
		}
	}
}

func (a *app) drainCommand() *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Stop the daemon from taking and starting work; running workloads go on",
		Args:  operands(cobra.NoArgs),
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "let the daemon take and start work again")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		response, err := a.node().Drain(cmd.Context(), &reactorv1.DrainRequest{Undo: undo})
		if err != nil {
			return err
		}
		switch {
		case !a.output.IsTable():
			return a.output.Message(a.Out, response)
		case undo:
			fmt.Fprintln(a.Out, "the daemon takes work again")
		default:
			fmt.Fprintf(a.Out, "draining: %d workloads have started and not ended\n", response.GetUnfinished())
		}
		return nil
	})
	return cmd
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
		fmt.Fprintf(a.Out, "reactorctl %s\n", Version())
		if client {
			return nil
		}
		if err := a.connect(); err != nil {
			return err
		}
		response, err := a.node().GetNode(cmd.Context(), &reactorv1.GetNodeRequest{})
		if err != nil {
			return err
		}
		n := response.GetNode()
		fmt.Fprintf(a.Out, "reactord   %s (%s, %s)\n", n.GetVersion(), n.GetGoVersion(), n.GetPlatform())
		return nil
	}
	return cmd
}

// Version returns the version that the Go toolchain stamped into the main module.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "context",
		Short: "Name daemons, and choose the one to talk to",
		Args:  cobra.ArbitraryArgs,
		RunE:  helpOnly,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the contexts; the current one is marked", Args: operands(cobra.NoArgs),
			RunE: func(*cobra.Command, []string) error {
				_, s, err := loadSettings()
				if err != nil {
					return err
				}
				return render.Contexts(a.Out, s)
			},
		},
		&cobra.Command{
			Use: "set NAME ADDRESS", Short: "Add or change a context, with the flags that describe the daemon; the first becomes the current one", Args: operands(cobra.ExactArgs(2)),
			RunE: func(_ *cobra.Command, args []string) error {
				return editSettings(func(s *settings.Settings) error {
					if s.Contexts == nil {
						s.Contexts = map[string]settings.Context{}
					}
					access, err := a.wanted.Absolute()
					if err != nil {
						return err
					}
					s.Contexts[args[0]] = settings.Context{Address: args[1], Access: access}
					if s.CurrentContext == "" {
						s.CurrentContext = args[0]
					}
					return nil
				})
			},
		},
		&cobra.Command{
			Use: "use NAME", Short: "Make a context the current one", Args: operands(cobra.ExactArgs(1)),
			RunE: func(_ *cobra.Command, args []string) error {
				return editSettings(func(s *settings.Settings) error {
					if _, err := s.Daemon("", "", args[0]); err != nil {
						return err
					}
					s.CurrentContext = args[0]
					return nil
				})
			},
		},
		&cobra.Command{
			Use: "rm NAME", Short: "Remove a context", Args: operands(cobra.ExactArgs(1)),
			RunE: func(_ *cobra.Command, args []string) error {
				return editSettings(func(s *settings.Settings) error {
					if _, err := s.Daemon("", "", args[0]); err != nil {
						return err
					}
					delete(s.Contexts, args[0])
					if s.CurrentContext == args[0] {
						s.CurrentContext = ""
					}
					return nil
				})
			},
		},
	)
	return cmd
}

func loadSettings() (path string, s settings.Settings, err error) {
	if path, err = settings.Path(); err == nil {
		s, err = settings.Load(path)
	}
	return path, s, err
}

func editSettings(edit func(*settings.Settings) error) error {
	path, s, err := loadSettings()
	if err != nil {
		return err
	}
	if err := edit(&s); err != nil {
		return err
	}
	return s.Save(path)
}
