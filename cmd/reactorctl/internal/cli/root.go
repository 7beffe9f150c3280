package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/internal/help"
	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/internal/version"
	"github.com/reactord/reactord/cmd/reactorctl/internal/endpoint"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/progress"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Stdio has the streams of a command.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
	// Abort is closed if the command has to end at once; it may be nil.
	Abort <-chan struct{}
}

// Main runs one command line and returns the exit status.
func Main(ctx context.Context, args []string, stdio Stdio) int {
	a := &app{raw: stdio, notes: progress.New(stdio.Err, os.Getenv)}
	out := &results{to: stdio.Out, onWrite: a.notes.Clear}
	a.Stdio = Stdio{In: stdio.In, Out: printable.NewWriter(out), Err: a.notes}
	root := a.command()
	root.SetArgs(args)
	usage.CheckFlags(root, args)
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-stdio.Abort:
		return a.aborted(ctx)
	}
	if a.conn != nil {
		_ = a.conn.Close() // the command is over: a failed close harms nobody
	}
	if err == nil {
		err = out.failure()
	}
	return a.report(interrupted(ctx, err))
}

// interrupted returns the cause of an error that the end of ctx has brought about, and others as they are.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// aborted says what a command leaves that ends at once, and returns the exit status.
func (a *app) aborted(ctx context.Context) int {
	if restore := a.restore.Load(); restore != nil {
		(*restore)()
	}
	if left := a.left.Load(); left != nil {
		fmt.Fprintf(a.raw.Err, "reactorctl: ended at once; %s may be left: see `reactorctl list`\n", printable.Text(*left))
	}
	if signal, ok := errors.AsType[interrupt.Signal](context.Cause(ctx)); ok {
		return signal.ExitStatus()
	}
	return exitCancelled
}

// Command returns the whole command tree, for the documentation generator.
func Command() *cobra.Command { return (&app{}).command() }

// app is shared by the commands of one run.
type app struct {
	// Stdio is for the command's own messages. Everything written there is made printable, since guests and
	// those who submitted them choose much of the text.
	Stdio
	// raw is for the guest's own output, which is passed on unchanged, and for what draws on a terminal.
	raw    Stdio
	wanted endpoint.Wanted
	output render.Format

	plainHTTP      bool // of registries, if the flag is given
	daemonPulls    bool // the daemon reads registries
	reconnect      time.Duration
	requestTimeout time.Duration

	// returns makes the text of what the called function returns; nil unless a function is called.
	returns func(*reactorv1.Value) (text string, failed bool)

	notes    *progress.Reporter
	running  *cobra.Command     // nil before a command that talks to the daemon
	daemon   *endpoint.Endpoint // nil before connect
	conn     *grpc.ClientConn
	follower *follow.Follower
	left     atomic.Pointer[string] // which workloads are left if the command ends now, or nil
	restore  atomic.Pointer[func()] // gives the terminal back, while something is shown in it; or nil
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "reactorctl",
		Short: "Control a reactord daemon",
		Long: `reactorctl submits WebAssembly programs to a reactord daemon and follows them.

MODULE is a .wasm file or the folder of a Go main package (a path that begins with "./", "../" or
"/", or ends in ".wasm"), a digest or tag of a module that was pushed before, or an artifact of a
registry, oci://REGISTRY/REPOSITORY:TAG.

` + quantity.Help + `

On a terminal tables are cut to its width, which -o wide does not do, and have colours. NO_COLOR turns
these off, and FORCE_COLOR on anywhere.

With -o json or -o yaml an error, too, is one object, on standard error: code, reason, message, and where
there are any the fields at fault, advice, and the delay after which to try again.

If TRACEPARENT is in the environment, as W3C Trace Context has it, what is submitted is part of that trace.

` + exitHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		RunE:          helpOnly,
		Version:       version.Get().String(),
	}
	root.SetVersionTemplate("reactorctl {{.Version}}\n")
	root.SetHelpCommand(usage.HelpCommand())
	help.Install(root, screen.New(a.raw.Out, os.Getenv))
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	flags := root.PersistentFlags()
	flags.StringVar(&a.wanted.Address, "addr", "", "`ADDRESS` of the daemon: HOST:PORT, unix:///PATH, or dns:///HOST:PORT for one of those that a name leads to (env REACTORD_ADDR; default: this user's own one)")
	flags.StringVar(&a.wanted.Context, "context", "", "use this `CONTEXT` of the configuration file")
	flags.StringVar(&a.wanted.TokenFile, "token-file", "", "a `FILE` with the token that a daemon asks for over TCP, read again for each call (env REACTORD_TOKEN_FILE, or the token in REACTORD_TOKEN; default: that of this user's own daemon)")
	flags.VarP(&a.output, "output", "o", render.FormatHelp)
	flags.StringVar(&a.wanted.TLSCA, "tls-ca", "", "a `FILE` with the authority of the daemon's certificate, PEM (env REACTORCTL_TLS_CA; default: the system's)")
	flags.StringVar(&a.wanted.TLSCert, "tls-cert", "", "a `FILE` with the client's certificate, PEM, read again for each connection (env REACTORCTL_TLS_CERT)")
	flags.StringVar(&a.wanted.TLSKey, "tls-key", "", "a `FILE` with its key, PEM (env REACTORCTL_TLS_KEY)")
	flags.StringVar(&a.wanted.TLSServerName, "tls-server-name", "", "the `NAME` in the daemon's certificate, if it is not the address's (env REACTORCTL_TLS_SERVER_NAME)")
	flags.BoolVar(&a.wanted.InsecureNoTLS, "insecure-no-tls", false, "use plain text to another machine, even for the token; to this machine TLS is used only with one of the --tls flags")
	flags.DurationVar(&a.requestTimeout, "request-timeout", 0, "the longest `DURATION` of one call to the daemon, such as 10s; waiting for workloads has no limit (default: none)")
	flags.DurationVar(&a.reconnect, "reconnect", follow.DefaultPatience, "the `DURATION` to wait for a daemon that is gone, while following a workload")
	root.AddCommand(
		a.submitCommand(), a.runCommand(), a.callCommand(), a.serveCommand(), a.devCommand(), a.statusCommand(), a.listCommand(), a.logsCommand(),
		a.attachCommand(), a.waitCommand(), a.cancelCommand(), a.removeCommand(), a.grantsCommand(), a.revokeCommand(), a.opsCommand(), a.moduleCommand(),
		a.nodeCommand(), a.topCommand(), a.healthCommand(), a.drainCommand(), a.contextCommand(), a.versionCommand(), a.workloadCommand(),
	)
	usage.AddCompletions(root)
	a.addCompletions(root)
	return root
}

// connect finds the daemon's address and prepares a connection. It does not dial: the first call does,
// and reports its failure.
func (a *app) connect(ctx context.Context) (err error) {
	a.daemon, err = interrupt.Do(ctx, func() (*endpoint.Endpoint, error) {
		s, err := loadSettings()
		if err != nil {
			return nil, err
		}
		return endpoint.Find(a.wanted, s, os.Getenv)
	})
	if err != nil {
		a.daemon = nil
		return err
	}
	a.follower = &follow.Follower{Address: a.daemon.Address, Patience: a.reconnect, Say: a.notes.Say}
	a.conn, err = a.daemon.Dial(a.dialOptions()...)
	return err
}

func (a *app) workloads() reactorv1.WorkloadServiceClient {
	return reactorv1.NewWorkloadServiceClient(a.conn)
}

func (a *app) modules() reactorv1.ModuleServiceClient {
	return reactorv1.NewModuleServiceClient(a.conn)
}

func (a *app) node() reactorv1.NodeServiceClient {
	return reactorv1.NewNodeServiceClient(a.conn)
}

// remote wraps the function of a command that talks to the daemon.
func (a *app) remote(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.running = cmd
		if err := a.connect(cmd.Context()); err != nil {
			return err
		}
		return a.meantChain(cmd.Context(), run(cmd, args))
	}
}

// usageError returns the error for an invalid command line.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return usage.Errorf(cmd, format, args...)
}

// operands checks the number of arguments, and returns an error with the usage if it is wrong. It refuses what cannot be
// sent to a daemon, too.
func operands(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := paths(check)(cmd, args); err != nil {
			return err
		}
		return usage.Of(cmd, checkArguments(args))
	}
}

// paths is operands for arguments that are paths, which may have any bytes.
func paths(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := usage.Arguments(check)(cmd, args); err != nil {
			return err
		}
		return usage.Of(cmd, checkFlags(cmd.Flags()))
	}
}

// knownCommand refuses what is no command, and says whose command it is if it is reactord's.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && slices.Contains([]string{"serve", "demo", "store", "check-config", "token"}, args[0]) {
		return usageError(cmd, "%q is a command of the daemon's binary: `reactord %s`", args[0], args[0])
	}
	return usage.Subcommands(cmd, args)
}

// helpOnly is the function of a command that only groups others.
func helpOnly(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
