package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/component/signature"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/component/wave"
	"github.com/reactord/reactord/internal/clip"
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
function writes to its standard streams is printed, too. -o json and -o yaml print what it returns as a
message of the API, -o name the id of the workload instead.

` + connectionHelp + `

` + streamsHelp + `

` + limitsHelp + `

` + callExitHelp,
		Example: `  reactorctl call ./calc.wasm 'add(1, 2)'
  reactorctl call --memory 64MiB shapes 'bounds([{x: 1, y: 2}, {x: 3, y: 4}])'
  reactorctl call ./text.wasm 'upper(-)' < a.txt > b.txt
  reactorctl call ./text.wasm 'merge(@a.txt, @"my notes.txt")'
  reactorctl call ./wire.wasm 'proxy(@db, -)' --connect db=127.0.0.1:5432'`,
		Args: moduleThenCall,
	}
	flags.addCall(cmd)
	a.addRegistry(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		j, err := a.plan(cmd, &flags, args[:1])
		if err != nil {
			return err
		}
		j.stages[0].spec.OutputMode = reactorv1.OutputMode_OUTPUT_MODE_DELIVER
		if err := j.load(cmd.Context()); err != nil {
			return err
		}
		return j.call(cmd, args[1])
	})
	return cmd
}

// connectionHelp tells how open connections are given.
const connectionHelp = `An argument of type tcp-socket (WASI 0.3) is an open connection: @NAME, of --connect NAME=HOST:PORT. The function reads and writes it,
and can open no other.`

// streamsHelp tells how streams and futures are given and printed.
const streamsHelp = `A function that takes or returns streams or futures is called while they are there, so that call is no workload: it ends with
this command, it has no grants but --connect and --link, and nothing of it is stored. A stream in the arguments is

  -        the standard input: the bytes of a stream<u8>, or a value in WAVE a line
  @FILE    the same of a file; in quotes if its name has spaces or brackets: @"my file"
  [1, 2]   a list of its items
  @NAME    what comes from the open connection of --connect NAME=HOST:PORT: a stream<u8>

and a future is its value. If one stream is returned, its items are printed as they come, bytes as they are and others one a line;
what is returned besides, such as the error of a result, goes to the standard error at the end, with futures as their values. If
more streams may be returned, so does each line say of which it is: <stream 1>: 7. Then bytes are shown as lines of text. With
-o json each message of the API is on a line of its own; the last has how the call ended. An interrupt cancels the call, and a
second one ends it at once.`

// callExitHelp tells the exit statuses of call.
const callExitHelp = `Exit status: 0 when the function returned; 1 when it returned the error of a result, at once or by a future; otherwise that of reactorctl run.`

func moduleThenCall(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return moduleThenArguments(cmd, args)
	case len(args) == 1:
		return usageError(cmd, "no CALL is given: name a function and its arguments, such as 'add(1, 2)'")
	case len(args) > 2 && strings.Contains(args[1], "("):
		return usageError(cmd, "%s after CALL: put the whole call in quotes, such as 'add(1, 2)'", listArguments(args[2:]))
	case len(args) > 2:
		return usageError(cmd, "%s after MODULE: a call is one argument, with parentheses and in quotes, such as 'add(1, 2)'", listArguments(args[1:]))
	}
	return nil
}

// listArguments lists arguments that are too many.
func listArguments(args []string) string {
	const most, length = 4, 32
	var list []string
	for i, arg := range args {
		if i == most {
			list = append(list, "...")
			break
		}
		list = append(list, strconv.Quote(clip.Text(arg, length)))
	}
	verb := " come"
	if len(args) == 1 {
		verb = " comes"
	}
	return strings.Join(list, " ") + verb
}

// call makes the call of the text: as a workload, unless the function has streams or futures.
func (j *job) call(cmd *cobra.Command, text string) error {
	ctx := cmd.Context()
	name, function, err := j.findFunction(ctx, text)
	if err != nil {
		return err
	}
	if function.Streams() {
		return j.callStreams(cmd, name, function, text)
	}
	if err := j.setCall(name, function, text, nil); err != nil {
		return err
	}
	return j.run(ctx)
}

// readCall makes the call of the text for a workload, by the types that the component's functions have.
func (j *job) readCall(ctx context.Context, text string) error {
	name, function, err := j.findFunction(ctx, text)
	if err != nil {
		return err
	}
	if function.Streams() {
		return callFault("export", fmt.Errorf("%s takes or returns a stream or a future, which a workload can't have: `reactorctl call` calls it without one", name))
	}
	return j.setCall(name, function, text, nil)
}

// findFunction finds the function that the text calls, and its whole name.
func (j *job) findFunction(ctx context.Context, text string) (whole string, f *signature.Resolution, err error) {
	name, err := wave.Function(text)
	if err != nil {
		return "", nil, callFault("export", err)
	}
	description, err := j.modules().DescribeModule(ctx, &reactorv1.DescribeModuleRequest{Module: j.stages[0].spec.GetModule()})
	if err != nil {
		return "", nil, meantPath(err, j.stages[0].module)
	}
	if len(description.GetFunctions()) == 0 {
		return "", nil, &failure.FieldError{Field: "spec.call", Err: errors.New(
			"the module is no component: its exports have no types to call them by; reactorctl run --invoke calls those of core modules")}
	}
	set := values.Signatures(description)
	number, err := set.Find(name)
	if err != nil {
		return "", nil, callFault("export", suggested(err))
	}
	function, err := set.ResolveFunction(number)
	if err != nil {
		return "", nil, fmt.Errorf("what the daemon tells of the module's types: %w", err)
	}
	if !function.Callable() && !function.Streams() {
		return "", nil, callFault("export", fmt.Errorf("%s takes or returns a resource, which exists only within a component that runs", name))
	}
	return set.Functions[number].FullName(), function, nil
}

// setCall makes the call of the text for a function.
func (j *job) setCall(name string, function *signature.Resolution, text string, open wave.Opener) error {
	args, err := wave.ParseCall(function.Func, text, open)
	if err != nil {
		return callFault("args", err)
	}
	call := &reactorv1.FunctionCall{Export: name}
	for i, arg := range args {
		literal := value.LiteralOf(function.Func.Params[i].Type, arg)
		call.Args = append(call.Args, values.Message(&literal))
	}
	j.stages[0].spec.Call = call
	j.args = args
	j.returns = returned(function.Func.Result)
	return nil
}

// callFault is an error in the text of a call: in the value that it names, or else in a part of the call.
func callFault(part string, err error) error {
	if wrong, ok := errors.AsType[*wave.Error](err); ok && wrong.Path != "" {
		part, err = wrong.Path, errors.New(wrong.Msg)
	}
	return &failure.FieldError{Field: "spec.call." + part, Err: err}
}

// suggested is an error about the name of a function, with the one that may be meant.
func suggested(err error) error {
	unknown, ok := errors.AsType[*signature.NameError](err)
	if !ok || unknown.Ambiguous {
		return err
	}
	var known []string
	for _, name := range unknown.Candidates {
		known = append(known, name, signature.Named(name).Name)
	}
	if near := usage.Nearest(unknown.Name, known); near != "" {
		return fmt.Errorf("no function %q is exported: did you mean %s?", unknown.Name, near)
	}
	return err
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

// called prints what a call has returned, or the workload's id if that is asked for, and returns the exit status.
func (a *app) called(w *reactorv1.Workload) error {
	result := w.GetStatus().GetResult()
	text, failed := a.returns(result)
	switch {
	case a.output.String() == "name":
		if err := a.output.Message(a.Out, w); err != nil {
			return err
		}
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
