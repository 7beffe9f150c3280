package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// specFlags are the flags of submit and run that describe the workload.
type specFlags struct {
	id, name     string
	labels, env  []string
	stdin        string
	interactive  bool
	invoke       string
	plugs        []string
	granted      grantFlags
	grantMode    string
	timeout      time.Duration
	fuel         uint64
	memory       uint64
	stack        uint64
	logBytes     uint64
	descriptors  uint32
	pendingOps   uint32
	connections  uint32
	sent         uint64
	received     uint64
	rate         uint64
	count        int
	pipeTo       []string
	wait, detach bool
	quiet        bool
}

// add adds the flags to a command whose arguments are MODULE and then the guest's.
func (s *specFlags) add(cmd *cobra.Command) {
	s.addGuest(cmd)
	f := cmd.Flags()
	f.StringVar(&s.id, "id", "", "the workload's `ID`; submitting the same spec again under it creates nothing (default: a new id)")
	f.BoolVarP(&s.interactive, "interactive", "i", false, "keep the guest's standard input open for attach; run attaches at once")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "print only ids, all of them, and nothing about what is going on")
	f.StringArrayVar(&s.pipeTo, "pipe-to", nil, "the next `WORKLOAD` of a chain, \"[GRANTS] MODULE [ARG...]\", which reads the output of the one before (repeatable)")
	f.Var(quantity.CountFlag(&s.count, 1), "count", "submit this many workloads")
}

// addGuest adds the flags that say what a guest has and may use.
func (s *specFlags) addGuest(cmd *cobra.Command) {
	s.count = 1
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.StringVar(&s.name, "name", "", "a `NAME` to show (default: the module's)")
	f.StringArrayVarP(&s.labels, "label", "l", nil, "a label, `KEY=VALUE` (repeatable)")
	f.StringArrayVarP(&s.env, "env", "e", nil, "an environment variable, `NAME=VALUE`, or NAME to pass the caller's (repeatable)")
	f.StringVar(&s.stdin, "stdin", "", "a `FILE` the guest reads as its standard input; - for this command's standard input")
	f.StringVar(&s.invoke, "invoke", "", "the `EXPORT` to call in a core module without _start; arguments become its parameters")
	s.addBounds(f)
}

// addCall adds the flags to a command whose arguments are MODULE and a call.
func (s *specFlags) addCall(cmd *cobra.Command) {
	s.count = 1
	f := cmd.Flags()
	f.StringVar(&s.id, "id", "", "the workload's `ID`; calling the same again under it returns what it returned (default: a new id)")
	f.StringVar(&s.name, "name", "", "a `NAME` to show (default: the module's)")
	f.StringArrayVarP(&s.labels, "label", "l", nil, "a label, `KEY=VALUE` (repeatable)")
	f.StringArrayVarP(&s.env, "env", "e", nil, "an environment variable, `NAME=VALUE`, or NAME to pass the caller's (repeatable)")
	f.StringVar(&s.stdin, "stdin", "", "a `FILE` the function reads as its standard input; - for this command's standard input")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "print nothing about what is going on")
	s.addBounds(f)
}

// addService adds the flags to a command whose arguments are MODULE and those of a component that serves.
func (s *specFlags) addService(cmd *cobra.Command) {
	s.count = 1
	f := cmd.Flags()
	f.StringVar(&s.id, "id", "", "the workload's `ID`; serving the same again under it creates nothing (default: a new id)")
	f.StringVar(&s.name, "name", "", "a `NAME` to show (default: the module's)")
	f.StringArrayVarP(&s.labels, "label", "l", nil, "a label, `KEY=VALUE` (repeatable)")
	f.StringArrayVarP(&s.env, "env", "e", nil, "an environment variable, `NAME=VALUE`, or NAME to pass the caller's (repeatable)")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "print nothing about what is going on")
	s.addBounds(f)
}

// addBounds adds the flags for plugs, grants and limits.
func (s *specFlags) addBounds(f *pflag.FlagSet) {
	addPlugs(f.StringArrayVar, &s.plugs)
	s.granted.add(f)
	f.StringVar(&s.grantMode, "grants", grantModes[0], "the `MODE`: what is noted when the guest is refused something for want of a grant, for reactorctl grants: enforce, the first few things; report, all (names are looked up all the same)")
	f.DurationVar(&s.timeout, "timeout", 0, "cancel it after this `DURATION`")
	f.Var(limit(quantity.CountFlag(&s.fuel, 1)), "fuel", "how many instructions it may execute, about one unit each, such as 1e9")
	f.Var(limit(quantity.SizeFlag(&s.memory, 1)), "memory", "the most linear memory it may have, such as 64MiB")
	f.Var(limit(quantity.SizeFlag(&s.stack, 1)), "stack", "the most call stack it may have, such as 1MiB")
	f.Var(limit(quantity.SizeFlag(&s.logBytes, 1)), "log-bytes", "how many bytes of its output to keep, such as 1MiB")
	f.Var(limit(quantity.CountFlag(&s.descriptors, 1)), "descriptors", "the most descriptors it may have open")
	f.Var(limit(quantity.CountFlag(&s.pendingOps, 1)), "pending-ops", "the most operations it may wait for at once")
	f.Var(limit(quantity.CountFlag(&s.connections, 1)), "connections", "the most sockets it may have open; a listener is one, too")
	f.Var(limit(quantity.SizeFlag(&s.sent, 1)), "sent-bytes", "how many bytes it may send over the network in all, such as 1GiB")
	f.Var(limit(quantity.SizeFlag(&s.received, 1)), "received-bytes", "how many bytes it may receive over the network in all")
	f.Var(limit(quantity.SizeFlag(&s.rate, 1)), "bytes-per-second", "how fast it may send, and receive, over the network; beyond that it waits")
}

const limitsHelp = `A limit that no flag gives is the daemon's default. None can be given as 0.`

// errNoLimit says that a limit is 0.
var errNoLimit = errors.New("a limit is more than 0: without the flag it is the daemon's default")

// limitFlag is a flag whose value is not 0: in the API that stands for a limit that is not given.
type limitFlag struct{ pflag.Value }

func limit(value pflag.Value) pflag.Value { return limitFlag{value} }

// Set implements pflag.Value.
func (f limitFlag) Set(text string) error {
	if n, err := quantity.ParseSize(text); err == nil && n == 0 {
		return errNoLimit
	}
	return f.Value.Set(text)
}

// addWaiting adds --wait and --detach; waits is the command's default.
func (s *specFlags) addWaiting(cmd *cobra.Command, waits bool) {
	cmd.Flags().BoolVar(&s.wait, "wait", waits, "wait for the end, and exit as the workload did")
	cmd.Flags().BoolVarP(&s.detach, "detach", "d", !waits, "print the id and do not wait")
	cmd.MarkFlagsMutuallyExclusive("wait", "detach")
}

// waits reports whether to wait, once the flags are parsed: a flag overrides the default.
func (s *specFlags) waits(cmd *cobra.Command) bool {
	if cmd.Flags().Changed("detach") {
		return !s.detach
	}
	return s.wait
}

// spec builds the message for a MODULE argument, except for its module and its input. It returns all faults at once.
func (s *specFlags) spec(cmd *cobra.Command, module string, arguments []string) (*reactorv1.WorkloadSpec, error) {
	spec := &reactorv1.WorkloadSpec{
		Name:        s.name,
		Args:        arguments,
		Interactive: s.interactive,
		Invoke:      s.invoke,
		Limits: &reactorv1.Limits{
			MemoryBytes: s.memory, StackBytes: s.stack, LogBytes: s.logBytes,
			Fuel: s.fuel, Descriptors: s.descriptors, PendingOps: s.pendingOps,
			Connections: s.connections, SentBytes: s.sent, ReceivedBytes: s.received, BytesPerSecond: s.rate,
		},
	}
	if s.grantMode == grantModes[1] {
		spec.GrantMode = reactorv1.GrantMode_GRANT_MODE_REPORT
	}
	if spec.Name == "" {
		spec.Name = source.Name(module)
	}
	var timeout error
	if s.timeout != 0 {
		spec.Limits.Timeout = durationpb.New(s.timeout)
	} else if cmd.Flags().Changed("timeout") {
		timeout = fmt.Errorf("--timeout 0: %w", errNoLimit)
	}
	var labels, env, grants error
	spec.Labels, labels = keyValues("label", s.labels, nil)
	spec.Env, env = keyValues("env", s.env, os.LookupEnv)
	spec.Grants, grants = s.granted.grants()
	if err := errors.Join(s.contradictions(module), timeout, labels, env, grants, checkText(module, spec), checkFlags(cmd.Flags())); err != nil {
		return nil, usage.Of(cmd, err)
	}
	return spec, nil
}

// contradictions returns the faults of values that are valid by themselves.
func (s *specFlags) contradictions(module string) error {
	var faults []error
	if s.count > 1 && s.interactive {
		faults = append(faults, errors.New("--interactive is for one workload: leave out --count"))
	}
	if s.count > 1 && len(s.pipeTo) > 0 {
		faults = append(faults, errors.New("--pipe-to makes a chain of single workloads: leave out --count"))
	}
	readers := 0
	for _, reads := range []bool{module == source.Stdin, s.stdin == "-", s.interactive && (module == source.Stdin || s.stdin == "-")} {
		if reads {
			readers++
		}
	}
	if readers > 1 {
		faults = append(faults, errors.New("standard input can be read once: as MODULE, by --stdin - or by --interactive"))
	}
	if !slices.Contains(grantModes, s.grantMode) {
		faults = append(faults, fmt.Errorf("--grants %q: give %s", s.grantMode, strings.Join(grantModes, " or ")))
	}
	return errors.Join(faults...)
}

// grantModes are the values of --grants, the default first.
var grantModes = []string{"enforce", "report"}

// checkText returns an error that names what is not UTF-8 of MODULE, the guest's arguments and its variables. The API takes
// no others. A file's path may be called anything.
func checkText(module string, spec *reactorv1.WorkloadSpec) error {
	var faults []error
	if !source.IsPath(module) && !utf8.ValidString(module) {
		faults = append(faults, fmt.Errorf("MODULE %q is not UTF-8", module))
	}
	for i, argument := range spec.GetArgs() {
		if !utf8.ValidString(argument) {
			faults = append(faults, fmt.Errorf("argument %d of the guest, %q, is not UTF-8", i+1, argument))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spec.GetEnv())) {
		if !utf8.ValidString(name) || !utf8.ValidString(spec.GetEnv()[name]) {
			faults = append(faults, fmt.Errorf("--env %q: the variable is not UTF-8", name))
		}
	}
	return errors.Join(faults...)
}

// keyValues parses KEY=VALUE flags. lookup, if not nil, supplies the value of a KEY alone. The error joins all faults.
func keyValues(flag string, pairs []string, lookup func(string) (string, bool)) (map[string]string, error) {
	m := make(map[string]string, len(pairs))
	var faults []error
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		missing := !ok && lookup != nil && key != ""
		if missing {
			value, ok = lookup(key)
		}
		_, twice := m[key]
		switch {
		case missing && !ok:
			faults = append(faults, fmt.Errorf("--%s %s: it is not set here; give %s=VALUE", flag, key, key))
		case !ok || key == "":
			faults = append(faults, fmt.Errorf("--%s %q: give KEY=VALUE", flag, pair))
		case twice:
			faults = append(faults, fmt.Errorf("--%s %s is given twice", flag, key))
		default:
			m[key] = value
		}
	}
	return m, errors.Join(faults...)
}

// maxInput bounds the input of a submission, as the daemon does.
const maxInput = 2 << 20

// readInput reads the file that is submitted as input, or in for "-". It reads no more than a submission may have: the
// file may have no end.
func readInput(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxInput {
		return nil, fmt.Errorf("it has more than the %s that can be submitted: use \"run -i\", or grant a folder", quantity.HumanSize(maxInput))
	}
	return b, nil
}
