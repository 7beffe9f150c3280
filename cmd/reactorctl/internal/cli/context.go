package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactorctl/internal/endpoint"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
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
			Use: "list", Aliases: []string{"ls"}, Short: "List the contexts; the current one is marked", Args: operands(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.listContexts(cmd.Context()) },
		},
		&cobra.Command{
			Use: "set NAME ADDRESS", Short: "Add or change a context, with the flags that describe the daemon; the first becomes the current one", Args: operands(cobra.ExactArgs(2)),
			RunE: func(cmd *cobra.Command, args []string) error { return a.setContext(cmd.Context(), args[0], args[1]) },
		},
		&cobra.Command{
			Use: "use NAME", Short: "Make a context the current one", Args: operands(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error { return a.useContext(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "rm NAME", SuggestFor: []string{"unset", "delete", "remove"}, Short: "Remove a context", Args: operands(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error { return a.removeContext(cmd.Context(), args[0]) },
		},
	)
	return cmd
}

// namedContext is a context as JSON and YAML show it.
type namedContext struct {
	Name             string `json:"name"`
	Current          bool   `json:"current"`
	settings.Context `json:",inline"`
}

func (a *app) listContexts(ctx context.Context) error {
	s, err := interrupt.Do(ctx, loadSettings)
	if err != nil {
		return err
	}
	if a.output.IsTable() && len(s.Contexts) == 0 {
		fmt.Fprintln(a.Err, "there are no contexts; `reactorctl context set NAME ADDRESS` makes one")
		return nil
	}
	if a.output.IsTable() {
		return render.Contexts(s).Print(a.screen(), a.output.IsWide())
	}
	list := []namedContext{}
	for _, name := range slices.Sorted(maps.Keys(s.Contexts)) {
		list = append(list, namedContext{name, name == s.CurrentContext, s.Contexts[name]})
	}
	return a.output.Value(a.Out, list)
}

// setContext adds or changes a context, once its address is one and its files can be used.
func (a *app) setContext(ctx context.Context, name, address string) error {
	access, err := a.wanted.Absolute()
	if err != nil {
		return err
	}
	fault, err := interrupt.Do(ctx, func() (error, error) { return endpoint.Check(address, access), nil })
	if err != nil {
		return err
	}
	if err := errors.Join(checkContextName(name), fault); err != nil {
		return fmt.Errorf("context %q is not set: %w", name, err)
	}
	var known, current bool
	err = editSettings(ctx, func(s *settings.Settings) error {
		if s.Contexts == nil {
			s.Contexts = map[string]settings.Context{}
		}
		_, known = s.Contexts[name]
		s.Contexts[name] = settings.Context{Address: address, Access: access}
		if s.CurrentContext == "" {
			s.CurrentContext = name
		}
		current = s.CurrentContext == name
		return nil
	})
	if err != nil {
		return err
	}
	did := "added"
	if known {
		did = "changed"
	}
	if current {
		fmt.Fprintf(a.Out, "context %s %s; it is the current one\n", name, did)
	} else {
		fmt.Fprintf(a.Out, "context %s %s; `reactorctl context use %s` makes it the current one\n", name, did, name)
	}
	return nil
}

// checkContextName refuses names that are hard to give as an argument.
func checkContextName(name string) error {
	const most = 100
	if name == "" || len(name) > most || strings.HasPrefix(name, "-") ||
		strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("a name has 1 to %d printable ASCII characters without spaces, and does not begin with a hyphen", most)
	}
	return nil
}

func (a *app) useContext(ctx context.Context, name string) error {
	var c settings.Context
	err := editSettings(ctx, func(s *settings.Settings) (err error) {
		if c, err = s.Daemon("", "", name); err == nil {
			s.CurrentContext = name
		}
		return err
	})
	if err == nil {
		fmt.Fprintf(a.Out, "context %s, the daemon at %s, is the current one\n", name, c.Address)
	}
	return err
}

func (a *app) removeContext(ctx context.Context, name string) error {
	wasCurrent := false
	err := editSettings(ctx, func(s *settings.Settings) error {
		if _, err := s.Daemon("", "", name); err != nil {
			return err
		}
		delete(s.Contexts, name)
		if wasCurrent = s.CurrentContext == name; wasCurrent {
			s.CurrentContext = ""
		}
		return nil
	})
	switch {
	case err != nil:
	case wasCurrent:
		fmt.Fprintf(a.Out, "context %s removed; none is the current one now, so commands call this user's own daemon\n", name)
	default:
		fmt.Fprintf(a.Out, "context %s removed\n", name)
	}
	return err
}

// loadSettings blocks while the file does, so it is called by interrupt.Do.
func loadSettings() (settings.Settings, error) {
	path, err := settings.Path()
	if err != nil {
		return settings.Settings{}, err
	}
	return settings.Load(path)
}

func editSettings(ctx context.Context, edit func(*settings.Settings) error) error {
	path, err := settings.Path()
	if err != nil {
		return err
	}
	s, err := interrupt.Do(ctx, func() (settings.Settings, error) { return settings.Load(path) })
	if err != nil {
		return err
	}
	if err := edit(&s); err != nil {
		return err
	}
	return s.Save(path)
}
