package cli

import (
	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
)

func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "context",
		Short: "Name daemons, and choose the one to talk to",
		Args:  usage.Subcommands,
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
				return render.Contexts(s).Print(a.screen(), a.output.IsWide())
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
