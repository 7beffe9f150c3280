package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) cancelCommand() *cobra.Command {
	var selector string
	cmd := &cobra.Command{
		SuggestFor: []string{"kill", "stop", "abort"},
		Use:        "cancel ID... | cancel --label SELECTOR",
		Short:      "Cancel workloads",
		Args:       operands(cobra.ArbitraryArgs),
	}
	cmd.Flags().StringVarP(&selector, "label", "l", "", "cancel the workloads with these `LABELS`, such as app=web")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		if err := idsOrLabel(cmd, args, selector); err != nil {
			return err
		}
		response, err := a.workloads().CancelWorkloads(cmd.Context(), &reactorv1.CancelWorkloadsRequest{Ids: args, LabelSelector: selector})
		if err != nil {
			return err
		}
		return a.printCancelled(response)
	})
	return cmd
}

func (a *app) printCancelled(response *reactorv1.CancelWorkloadsResponse) error {
	if !a.output.IsTable() {
		if err := a.output.Message(a.Out, response); err != nil {
			return err
		}
	}
	var failed error
	shown := 0
	for _, result := range response.GetResults() {
		if result.GetError() != nil {
			failed = errors.Join(failed, cancelError(result))
			continue
		}
		shown++
		if a.output.IsTable() {
			fmt.Fprintf(a.Out, "%s cancelled\n", result.GetId())
		}
	}
	if len(response.GetResults()) == 0 {
		fmt.Fprintln(a.Err, "nothing to cancel")
	}
	if response.GetTotal() <= uint64(len(response.GetResults())) {
		return failed
	}
	beyond := response.GetCancelled() - uint64(shown)
	if a.output.IsTable() {
		fmt.Fprintf(a.Out, "and %d more cancelled\n", beyond)
	}
	if left := response.GetTotal() - uint64(len(response.GetResults())) - beyond; left > 0 {
		failed = errors.Join(failed, fmt.Errorf("and %d more that had ended already", left))
	}
	return failed
}

// cancelError is the error of a workload that was not cancelled.
func cancelError(result *reactorv1.CancelWorkloadsResult) error {
	text := fmt.Sprintf("%s: %s", result.GetId(), result.GetError().GetMessage())
	if result.GetError().GetReason() == reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_FOUND {
		return &absentError{result.GetId(), text}
	}
	return errors.New(text)
}
