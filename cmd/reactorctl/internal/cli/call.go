package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/component/wave"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) callCommand() *cobra.Command {
	var flags specFlags
	cmd := &cobra.Command{
		Use:   "call [flags] MODULE CALL",
		Short: "Call a function that a component exports, and print what it returns",
		Long: `Call a function that a component exports, and print what it returns. CALL is the function's name and its arguments
in WAVE, the notation of values of the component model:

  area(line({a: {x: 1, y: 2}, b: {x: 4, y: 6}}))

Of a function in an interface the whole name is ns:pkg/iface@1.0.0#area; the version, the package or the interface may
be left out where one function only is meant. reactorctl module inspect shows functions and types.

The call is a workload: it is stored, is in reactorctl list, and is made again if the daemon dies before it has returned. What the
function writes to its standard output and error output is printed, too. -o json and -o yaml print what it returns as a
message of the API.

` + limitsHelp + `

` + callExitHelp,
		Example: `  reactorctl call ./calc.wasm 'add(1, 2)'
  reactorctl call --memory 64MiB shapes 'bounds([{x: 1, y: 2}, {x: 3, y: 4}])'`,
		Args: moduleThenCall,
	}
	flags.addCall(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		j, err := a.plan(cmd, &flags, args[:1])
		if err != nil {
			return err
		}
		j.stages[0].spec.OutputMode = reactorv1.OutputMode_OUTPUT_MODE_DELIVER
		if err := j.load(cmd.Context()); err != nil {
			return err
		}
		if err := j.readCall(cmd.Context(), args[1]); err != nil {
			return err
		}
		return j.run(cmd.Context())
	})
	return cmd
}

// callExitHelp tells the exit statuses of call.
const callExitHelp = `Exit status: 0 when the function returned; 1 when it returned the error of a result; otherwise that of reactorctl run.`

func moduleThenCall(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return moduleThenArguments(cmd, args)
	case len(args) == 1:
		return usageError(cmd, "no CALL is given: name a function and its arguments, such as 'add(1, 2)'")
	case len(args) > 2:
		return usageError(cmd, "%d arguments come after MODULE: put the call in quotes, such as 'add(1, 2)'", len(args)-1)
	}
	return nil
}

// readCall makes the call of the text, by the types that the component's functions have.
func (j *job) readCall(ctx context.Context, text string) error {
	spec := j.stages[0].spec
	name, err := wave.Function(text)
	if err != nil {
		return fmt.Errorf("CALL: %w", err)
	}
	description, err := j.modules().DescribeModule(ctx, &reactorv1.DescribeModuleRequest{Module: spec.GetModule()})
	if err != nil {
		return meantPath(err, j.stages[0].module)
	}
	if len(description.GetFunctions()) == 0 {
		return errors.New("the module is no component: its exports have no types to call them by; reactorctl run --invoke calls those of core modules")
	}
	set := values.Signatures(description)
	number, err := set.Find(name)
	if err != nil {
		return err
	}
	resolved, err := set.Resolve()
	if err != nil {
		return fmt.Errorf("what the daemon tells of the module's types: %w", err)
	}
	function := &resolved.Functions[number]
	if !function.Callable() {
		return fmt.Errorf("%s takes or returns a resource, a stream or a future, and such values can't be written", name)
	}
	args, err := wave.ParseCall(function.Func, text)
	if err != nil {
		return err
	}
	spec.Call = &reactorv1.FunctionCall{Export: set.Functions[number].FullName()}
	for i, arg := range args {
		literal := value.LiteralOf(function.Func.Params[i].Type, arg)
		spec.Call.Args = append(spec.Call.Args, values.Message(&literal))
	}
	j.returns = returned(function.Func.Result)
	return nil
}

// returned makes the text of what a function returns, and says whether that is an error.
func returned(t *types.Type) func(*reactorv1.Value) (text string, failed bool) {
	return func(v *reactorv1.Value) (string, bool) {
		literal, ok := values.Literal(v)
		if !ok || t == nil {
			return "", false
		}
		typed, faults := value.Typed(t, &literal, "result")
		if len(faults) > 0 {
			return values.Text(v, maxResultText), false // of a component that was pushed anew under its tag
		}
		return wave.Format(t, typed), t.Kind == types.Result && typed.Bits == 1
	}
}

// maxResultText bounds the text of a result that is shown beside other things.
const maxResultText = 1 << 20

// called prints what a call has returned, and returns the exit status.
func (a *app) called(w *reactorv1.Workload) error {
	result := w.GetStatus().GetResult()
	text, failed := a.returns(result)
	switch {
	case result == nil:
	case !a.output.IsTable():
		if err := a.output.Message(a.Out, result); err != nil {
			return err
		}
	default:
		fmt.Fprintln(a.Out, text)
	}
	if failed {
		return exitStatus(1)
	}
	return nil
}
