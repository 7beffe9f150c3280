package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/outfile"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	"github.com/reactord/reactord/component/compose"
)

func (a *app) moduleComposeCommand() *cobra.Command {
	var plugs []string
	var tag, file string
	cmd := &cobra.Command{
		Use:   "compose MODULE --plug [IMPORT=]MODULE...",
		Short: "Join components to one: what one imports comes from others",
		Long: `Join components to one: what MODULE imports comes from what the plugs export. A plug without an IMPORT is for all that
it exports and MODULE imports, in any compatible version. The result exports what MODULE exports, and imports what no plug gives.

The parts are files or modules of the daemon, in any language. The result is a standard component: it is pushed, or written to a
file with --file. run, submit and call take --plug, too.`,
		Example: `  reactorctl module compose ./app.wasm --plug ./counters.wasm --tag app
  reactorctl module compose ./app.wasm --plug a:log/log=logger -f joined.wasm`,
		Args: paths(cobra.ExactArgs(1)),
	}
	flags := cmd.Flags()
	addPlugs(flags.StringArrayVar, &plugs)
	a.addRegistry(cmd)
	flags.StringVarP(&tag, "tag", "t", "", "point this `TAG` at the result")
	flags.StringVarP(&file, "file", "f", "", "write the result to this `FILE` instead of pushing it, or to standard output for -")
	_ = cmd.MarkFlagRequired("plug")
	cmd.MarkFlagsMutuallyExclusive("tag", "file")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		joined, err := a.compose(cmd.Context(), args[0], plugs)
		if err != nil {
			return err
		}
		switch file {
		case "":
		case stdout:
			_, err := a.raw.Out.Write(joined)
			return err
		default:
			return outfile.Write(file, fileMode, func(w io.Writer) error {
				_, err := w.Write(joined)
				return err
			})
		}
		m, err := source.OfBytes(args[0], joined)
		if err != nil {
			return err
		}
		defer m.Close() //nolint:errcheck // the file was only read
		return a.pushAndTell(cmd.Context(), m, tag)
	})
	return cmd
}

// addPlugs adds the flag that names plugs.
func addPlugs(add func(p *[]string, name string, value []string, usage string), plugs *[]string) {
	add(plugs, "plug", nil, "take what the component imports from another `[IMPORT=]MODULE`, which exports it (repeatable)")
}

// compose joins a component with plugs, each written as [IMPORT=]MODULE.
func (a *app) compose(ctx context.Context, socket string, plugs []string) ([]byte, error) {
	part, err := a.part(ctx, socket)
	if err != nil {
		return nil, err
	}
	var list []compose.Plug
	for _, text := range plugs {
		name, module, named := strings.Cut(text, "=")
		switch {
		case !named:
			name, module = "", text
		case name == "":
			return nil, fmt.Errorf("--plug %q: no IMPORT is before the =: leave it out, to plug all that it exports", text)
		}
		if module == "" {
			return nil, fmt.Errorf("--plug %q: no module is given: [IMPORT=]MODULE", text)
		}
		plug, err := a.part(ctx, module)
		if err != nil {
			return nil, fmt.Errorf("--plug %s: %w", text, err)
		}
		list = append(list, compose.Plug{Part: plug, Import: name})
	}
	return compose.Join(part, list, compose.Options{})
}

// part reads a component: a file, or a module of the daemon or of a registry.
func (a *app) part(ctx context.Context, module string) (compose.Part, error) {
	m, err := a.openWhole(ctx, module)
	if err != nil {
		return compose.Part{}, err
	}
	content, err := io.ReadAll(m.File)
	return compose.Part{Name: m.Name, Binary: content}, errors.Join(err, m.Close())
}
