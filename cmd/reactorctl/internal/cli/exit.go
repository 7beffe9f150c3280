package cli

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/cmd/reactorctl/internal/failure"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Exit statuses other than the guest's own.
const (
	exitDeadline  = 124 // the workload's timeout passed; the status is that of timeout(1)
	exitError     = 125 // the daemon or the CLI failed, or the command line is wrong
	exitCancelled = 130 // the workload was cancelled
	exitCrashed   = 134 // the guest trapped or ran out of fuel, memory or stack
	exitUnread    = 141 // nobody reads the output; the status is that of a program that SIGPIPE ends
)

const exitHelp = `Exit status:
  the guest's exit code   when the workload exited
  124                     its timeout passed, or that of wait
  125                     the daemon or reactorctl failed, the command line is wrong, or the workload could not
                          start: a grant is denied, the module is not valid, the node has too little memory
  129, 130, 131, 143      a hangup, an interrupt, Ctrl-\ or a SIGTERM ended reactorctl; 130 also if it was cancelled
  134                     it trapped, or ran out of fuel, memory or stack
  141                     nobody reads reactorctl's output`

// exitStatus is an error that only carries the exit status; everything there was to say has been
// printed.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// workloadExit returns the exit status of a finished workload; nil means 0.
func workloadExit(w *reactorv1.Workload) error {
	s := w.GetStatus()
	switch s.GetReason() {
	case reactorv1.EndReason_END_REASON_EXIT:
		if s.GetExitCode() == 0 {
			return nil
		}
		// A process can only exit with a byte; a guest's larger code must not turn into success.
		if code := s.GetExitCode() & 0xff; code != 0 {
			return exitStatus(code)
		}
		return exitStatus(1)
	case reactorv1.EndReason_END_REASON_DEADLINE:
		return exitStatus(exitDeadline)
	case reactorv1.EndReason_END_REASON_CANCELLED:
		return exitStatus(exitCancelled)
	case reactorv1.EndReason_END_REASON_TRAP,
		reactorv1.EndReason_END_REASON_OUT_OF_FUEL,
		reactorv1.EndReason_END_REASON_OUT_OF_MEMORY,
		reactorv1.EndReason_END_REASON_STACK_OVERFLOW:
		return exitStatus(exitCrashed)
	default:
		return exitStatus(exitError)
	}
}

// report prints err and what to do next, and returns the exit status.
func (a *app) report(err error) int {
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitStatus](err); ok {
		return int(code)
	}
	if isClosedPipe(err) {
		return exitUnread
	}
	f := failure.Of(err, a.failed())
	signal, interrupted := errors.AsType[interrupt.Signal](err)
	if interrupted {
		f.Code, f.Reason = "CANCELLED", failure.Interrupted
	}
	if !a.output.IsDocument() {
		f.Write(a.Err)
	} else if err := a.output.Value(a.Err, f); err != nil {
		fmt.Fprintf(a.Err, "reactorctl: %v\n", err)
	}
	switch {
	case interrupted:
		return signal.ExitStatus()
	case f.Reason == failure.Interrupted:
		return exitCancelled
	}
	return exitError
}

// failed describes the command that has failed.
func (a *app) failed() failure.Command {
	cmd := failure.Command{Flag: func(name string) bool { return a.running != nil && a.running.Flags().Lookup(name) != nil }}
	if a.running != nil {
		cmd.Grant = func(i int) string { return grantArgument(a.running.Flags(), i) }
	}
	if a.daemon != nil {
		cmd.Address, cmd.Advice = a.daemon.Address, a.daemon.Advice
	}
	return cmd
}
