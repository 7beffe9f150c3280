package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactorctl/internal/channels"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	"github.com/reactord/reactord/component/signature"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// callStreams makes the call of the text, whose streams and futures are here.
func (j *job) callStreams(cmd *cobra.Command, name string, function *signature.Resolution, text string) error {
	defer j.closeSources()
	for _, flag := range []string{"id", "name", "label"} {
		if cmd.Flags().Changed(flag) {
			return usageError(cmd, "--%s is for a call that is a workload, and %s takes or returns a stream or a future: leave it out", flag, name)
		}
	}
	if j.output.String() == "name" {
		return usageError(cmd, "-o name prints the id of a workload, and this call is none, since %s takes or returns a stream or a future", name)
	}
	grants := j.stages[0].spec.GetGrants()
	if slices.ContainsFunc(grants, func(g *reactorv1.Grant) bool { return g.GetConnection() == nil && g.GetLink() == nil }) {
		return usageError(cmd, "a call that is no workload is granted connections and links only (--connect, --link), and %s takes or returns a stream or a future: leave out the others", name)
	}
	connections := connectionNames(grants)
	var in io.Reader
	if j.stages[0].module != source.Stdin && j.flags.stdin != "-" {
		in = j.In
	}
	ctx, sources := cmd.Context(), channels.NewSources(in, connections)
	defer sources.Close()
	_, err := interrupt.Do(ctx, func() (struct{}, error) { // a file may be a pipe that nobody writes yet
		return struct{}{}, j.setCall(name, function, text, sources.Open)
	})
	if err != nil {
		return err
	}
	printed := &channels.Text{Result: function.Func.Result, Raw: j.raw.Out, Out: j.Out, Err: j.Err}
	call := channels.Call{
		Client: j.workloads(), Spec: j.stages[0].spec, Func: function.Func, Args: j.args, Sources: sources, Printer: printed,
	}
	if !j.output.IsTable() {
		printed.Raw, printed.Out, printed.Err = io.Discard, io.Discard, io.Discard
		call.Printer = channels.Documents(func(m *reactorv1.CallResponse) error {
			if err := printed.Print(m); err != nil {
				return err
			}
			return j.output.Line(j.Out, m)
		})
	}
	ended, err := call.Run(ctx)
	if err != nil {
		return brokenOff(err)
	}
	return j.callEnded(ended, printed.Failed())
}

// connectionNames are the names under which connections are granted.
func connectionNames(grants []*reactorv1.Grant) (names []string) {
	for _, g := range grants {
		if c := g.GetConnection(); c != nil {
			names = append(names, cmp.Or(c.GetName(), "connection"))
		}
	}
	return names
}

// brokenOff says of a call whose daemon has gone that it is over.
func brokenOff(err error) error {
	if s, ok := status.FromError(err); ok && s.Code() == codes.Unavailable && len(s.Details()) == 0 {
		return fmt.Errorf("the call was broken off, and is not made again: %w", err)
	}
	return err
}

// callEnded prints what the guest wrote and why it did not succeed, and returns the exit status.
func (a *app) callEnded(ended *reactorv1.CallFunctionResponse, failed bool) error {
	w := &reactorv1.Workload{Status: ended.GetStatus()}
	exit := workloadExit(w)
	if a.output.IsTable() {
		if _, err := a.raw.Err.Write(ended.GetOutput()); err != nil {
			return err
		}
		if n := ended.GetOutputDroppedBytes(); n > 0 {
			fmt.Fprintf(a.Err, "reactorctl: %d bytes more of what it wrote were not kept\n", n)
		}
		if exit != nil {
			fmt.Fprintf(a.Err, "reactorctl: the call %s\n", render.CallEnd(ended.GetStatus()))
			a.tellCrash(w)
		}
	}
	if exit == nil && failed {
		return exitStatus(1)
	}
	return exit
}
