package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/quantity"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// specFlags are the flags of submit and run that describe the workload.
type specFlags struct {
	id, name     string
	labels, env  []string
	stdin        string
	interactive  bool
	invoke       string
	granted      grantFlags
	timeout      time.Duration
	fuel         uint64
	memory       uint64
	stack        uint64
	logBytes     uint64
	descriptors  uint32
	pendingOps   uint32
	count        int
	wait, detach bool
}

// add adds the flags to a command whose arguments are MODULE and then the guest's.
func (s *specFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.StringVar(&s.id, "id", "", "the workload's id; submitting the same spec again under it creates nothing (default: a new id)")
	f.StringVar(&s.name, "name", "", "a name to show (default: the module's)")
	f.StringArrayVarP(&s.labels, "label", "l", nil, "a label, KEY=VALUE (repeatable)")
	f.StringArrayVarP(&s.env, "env", "e", nil, "an environment variable, NAME=VALUE, or NAME to pass the caller's (repeatable)")
	f.StringVar(&s.stdin, "stdin", "", "a file the guest reads as its standard input; - for this command's standard input")
	f.BoolVarP(&s.interactive, "interactive", "i", false, "keep the guest's standard input open for attach; run attaches at once")
	f.StringVar(&s.invoke, "invoke", "", "the export to call in a module without _start; arguments become its parameters")
	s.granted.add(f)
	f.DurationVar(&s.timeout, "timeout", 0, "cancel it after this long")
	f.Var(quantity.CountFlag(&s.fuel, 0), "fuel", "how many instructions it may execute, about one unit each, such as 1e9")
	f.Var(quantity.SizeFlag(&s.memory, 0), "memory", "the most linear memory it may have, such as 64MiB")
	f.Var(quantity.SizeFlag(&s.stack, 0), "stack", "the most call stack it may have, such as 1MiB")
	f.Var(quantity.SizeFlag(&s.logBytes, 0), "log-bytes", "how many bytes of its output to keep, such as 1MiB")
	f.Var(quantity.CountFlag(&s.descriptors, 0), "descriptors", "the most descriptors it may have open")
	f.Var(quantity.CountFlag(&s.pendingOps, 0), "pending-ops", "the most operations it may wait for at once")
	s.count = 1
	f.Var(quantity.CountFlag(&s.count, 0), "count", "submit this many workloads")
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

// spec builds the message, except for its module.
func (s *specFlags) spec(cmd *cobra.Command, in io.Reader, defaultName string, arguments []string) (*reactorv1.WorkloadSpec, error) {
	spec := &reactorv1.WorkloadSpec{
		Name:        s.name,
		Args:        arguments,
		Interactive: s.interactive,
		Invoke:      s.invoke,
		Limits: &reactorv1.Limits{
			MemoryBytes: s.memory, StackBytes: s.stack, LogBytes: s.logBytes,
			Fuel: s.fuel, Descriptors: s.descriptors, PendingOps: s.pendingOps,
		},
	}
	if spec.Name == "" {
		spec.Name = defaultName
	}
	if s.timeout != 0 {
		spec.Limits.Timeout = durationpb.New(s.timeout)
	}
	if s.count < 1 {
		return nil, usageError(cmd, "--count %d: it must be at least 1", s.count)
	}
	var err error
	if spec.Labels, err = keyValues("label", s.labels, nil); err != nil {
		return nil, usageError(cmd, "%w", err)
	}
	if spec.Env, err = keyValues("env", s.env, os.LookupEnv); err != nil {
		return nil, usageError(cmd, "%w", err)
	}
	if spec.Grants, err = s.granted.grants(); err != nil {
		return nil, usageError(cmd, "%w", err)
	}
	if s.stdin != "" {
		if spec.Stdin, err = readInput(s.stdin, in); err != nil {
			return nil, fmt.Errorf("--stdin: %w", err)
		}
	}
	return spec, nil
}

// keyValues parses KEY=VALUE flags. lookup, if not nil, supplies the value of a KEY alone.
func keyValues(flag string, pairs []string, lookup func(string) (string, bool)) (map[string]string, error) {
	m := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok && lookup != nil {
			if value, ok = lookup(key); !ok {
				return nil, fmt.Errorf("--%s %s: it is not set here; give %s=VALUE", flag, key, key)
			}
		}
		if !ok || key == "" {
			return nil, fmt.Errorf("--%s %q: give KEY=VALUE", flag, pair)
		}
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("--%s %s is given twice", flag, key)
		}
		m[key] = value
	}
	return m, nil
}

// maxInput bounds the input of a submission: a call takes no larger message. The daemon's own bound is lower.
const maxInput = 16 << 20

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
		return nil, fmt.Errorf("it has more than the %s that can be submitted: use \"run -i\" or attach, or grant a folder", humanize.IBytes(maxInput))
	}
	return b, nil
}
