package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"mvdan.cc/sh/v3/shell"

	"github.com/reactord/reactord/cmd/reactorctl/internal/dev"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/launch"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
)

// devPatience is how long dev waits for a daemon that is gone, unless --reconnect says otherwise: a whole day's work.
const devPatience = 24 * time.Hour

func (a *app) devCommand() *cobra.Command {
	var (
		flags   specFlags
		build   string
		watched []string
	)
	cmd := &cobra.Command{
		Use:   "dev [flags] MODULE [ARG...]",
		Short: "Run a module, and build and run it again whenever its sources change",
		Long: `Run a module, and build and run it again whenever its sources change. What comes after MODULE are
the guest's arguments, so reactorctl's own flags come before it.

Of a Go package the sources are the files that its build uses, in other folders of its module too. A
.wasm file is run again when something else has replaced it; or give the command that makes it with
--build, and the sources with --watch. No shell runs the command: for patterns, pipes and redirections
write --build "sh -c '...'".

If a build fails the last guest runs on. A guest that ends by itself is started at the next change. An
interrupt ends the guest and removes what dev has pushed, unless somebody else uses it by then.`,
		Example: `  reactorctl dev --listen 127.0.0.1:8080 ./examples/http
  reactorctl dev --build "cargo build --target wasm32-wasip1" \
    --watch src ./target/wasm32-wasip1/debug/app.wasm`,
		Args: moduleThenArguments,
	}
	flags.addGuest(cmd)
	cmd.Flags().StringVar(&build, "build", "", "the `COMMAND` that makes MODULE, with its arguments")
	cmd.Flags().StringArrayVar(&watched, "watch", nil, "the `PATH` of a file, or of a folder with all below it, whose changes count too (repeatable)")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		spec, err := flags.spec(cmd, args[0], guestArguments(args))
		if err != nil {
			return err
		}
		options := dev.Options{Module: args[0], Watch: watched, Progress: a.notes, Tell: a.tellLines}
		if options.Build, err = buildCommand(build, watched); err == nil {
			err = checkSources(args[0], flags.stdin, options)
		}
		if err != nil {
			return usageError(cmd, "%w", err)
		}
		if !cmd.Flags().Changed("reconnect") {
			a.follower.Patience = devPatience
		}
		if err := a.meet(cmd.Context()); err != nil {
			return err
		}
		return a.develop(cmd.Context(), options, &guests{app: a, spec: spec, stdin: flags.stdin, session: launch.NewID(spec.GetName())})
	})
	return cmd
}

// buildCommand splits a command into its words, as a shell does.
func buildCommand(text string, watched []string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	words, err := shell.Fields(text, nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--build %q: no shell runs it, so it has to be plain words (%w): write it as sh -c '...'", text, err)
	case len(words) == 0:
		return nil, fmt.Errorf("--build %q: it has no command", text)
	case len(watched) == 0:
		return nil, errors.New("--build needs --watch: name the sources, such as --watch src")
	}
	return words, nil
}

// checkSources returns the faults of what is to be built and watched.
func checkSources(module, stdin string, o dev.Options) error {
	var faults []error
	info, err := os.Stat(module)
	switch {
	case !source.IsPath(module) || module == source.Stdin:
		faults = append(faults, fmt.Errorf("MODULE %q: there is nothing to watch: give a .wasm file, or a Go package's folder such as ./%s", module, strings.TrimPrefix(module, source.Stdin)))
	case err != nil && len(o.Build) == 0:
		faults = append(faults, fmt.Errorf("module %s: %w", module, errors.Unwrap(err)))
	case err == nil && info.IsDir() && len(o.Build) > 0:
		faults = append(faults, fmt.Errorf("MODULE %s is a folder: name the .wasm file that --build makes", module))
	}
	for _, path := range o.Watch {
		if _, err := os.Stat(path); err != nil {
			faults = append(faults, fmt.Errorf("--watch %s: %w", path, errors.Unwrap(err)))
		}
	}
	if stdin == "-" {
		faults = append(faults, errors.New("--stdin -: each guest needs the input anew, so give a file"))
	}
	return errors.Join(faults...)
}

// tellLines prints each line of a text as a message.
func (a *app) tellLines(text string) {
	for line := range strings.Lines(text) {
		a.notes.Say(strings.TrimSuffix(line, "\n"))
	}
}

// develop runs the loop until it is interrupted, or until nobody reads the guest's output any more.
func (a *app) develop(ctx context.Context, options dev.Options, g *guests) error {
	session := "workloads " + g.session + "-*"
	a.left.Store(&session)
	defer a.left.Store(nil)
	ctx, leave := context.WithCancelCause(ctx)
	g.leave = leave
	defer context.AfterFunc(ctx, a.follower.GiveUp)()
	err := dev.Run(ctx, options, g)
	g.forgetLast(ctx)
	if err != nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if s, ok := errors.AsType[interrupt.Signal](cause); ok {
		return exitStatus(s.ExitStatus())
	}
	return cause
}
