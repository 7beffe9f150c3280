package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactorctl/internal/endpoint"
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
  125                     the daemon or reactorctl failed, or the command line is wrong
  129, 130, 143           a hangup, an interrupt or a SIGTERM ended reactorctl; 130 also if it was cancelled
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
func report(w io.Writer, err error, daemon *endpoint.Endpoint) int {
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitStatus](err); ok {
		return int(code)
	}
	if isClosedPipe(err) {
		return exitUnread
	}
	if signal, ok := errors.AsType[interrupt.Signal](err); ok {
		fmt.Fprintf(w, "reactorctl: %v\n", err)
		return signal.ExitStatus()
	}
	st, ok := grpcStatus(err)
	if !ok && errors.Is(err, context.Canceled) {
		fmt.Fprintf(w, "reactorctl: interrupted: %v\n", err)
		return exitCancelled
	}
	if !ok {
		fmt.Fprintf(w, "reactorctl: %v\n", err)
		return exitError
	}
	switch st.Code() {
	case codes.Canceled:
		fmt.Fprintln(w, "reactorctl: interrupted")
		return exitCancelled
	case codes.Unavailable:
		if len(st.Details()) == 0 {
			fmt.Fprintf(w, "reactorctl: no daemon answers at %s: %s\n  %s\n", daemon.Address, st.Message(), daemon.Advice(st.Message()))
			return exitError
		}
	case codes.Unimplemented:
		fmt.Fprintf(w, "reactorctl: the daemon at %s does not know this call (%s): it may be of another version, compare `reactorctl version`\n", daemon.Address, st.Message())
		return exitError
	}
	fmt.Fprintf(w, "reactorctl: %s\n", st.Message())
	for _, line := range detailLines(st) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	return exitError
}

func grpcStatus(err error) (*status.Status, bool) {
	wrapped, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return nil, false
	}
	return wrapped.GRPCStatus(), true
}

// detailLines describes the google.rpc details of an error, one per line.
func detailLines(st *status.Status) []string {
	var lines []string
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				if v.GetField() == "" { // it says how many more there are
					lines = append(lines, v.GetDescription())
					continue
				}
				lines = append(lines, fmt.Sprintf("%s: %s", v.GetField(), v.GetDescription()))
			}
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				lines = append(lines, fmt.Sprintf("%s: %s", v.GetSubject(), v.GetDescription()))
			}
		case *errdetails.QuotaFailure:
			for _, v := range d.GetViolations() {
				lines = append(lines, fmt.Sprintf("%s: %s", v.GetSubject(), v.GetDescription()))
			}
		case *errdetails.RetryInfo:
			lines = append(lines, fmt.Sprintf("try again in %s", d.GetRetryDelay().AsDuration()))
		case *errdetails.ErrorInfo:
			if hint := hints[d.GetReason()]; hint != "" {
				lines = append(lines, hint)
			}
		}
	}
	return dedupe(lines, st.Message())
}

// hints says what to do next, by reason. A reason whose message already says that has none.
var hints = map[string]string{
	"MODULE_NOT_FOUND":         "push it with `reactorctl module push FILE`, or see `reactorctl module list`",
	"MODULE_IN_USE":            "see which workloads use it with `reactorctl list --module DIGEST`, and cancel or wait for them",
	"WORKLOAD_NOT_FOUND":       "see `reactorctl list`",
	"WORKLOAD_EXISTS":          "choose another --id, or leave it out to have one made",
	"WORKLOAD_FINISHED":        "see its output with `reactorctl logs ID`",
	"WORKLOAD_NOT_INTERACTIVE": "submit it with --interactive to attach to it",
	"CURSOR_EXPIRED":           "list the workloads, then watch from there",
	"UNAUTHENTICATED":          "name a file that has it with --token-file or REACTORD_TOKEN_FILE, or set REACTORD_TOKEN",
	"DRAINING":                 "the daemon is shutting down or was drained; `reactorctl drain --undo` takes a drain back",
}

// dedupe drops lines that repeat the message: a detail's description may do so, and fields at fault are named
// in both.
func dedupe(lines []string, message string) []string {
	kept := lines[:0]
	for _, line := range lines {
		if _, text, _ := strings.Cut(line, ": "); text != message && !strings.Contains(message, line) {
			kept = append(kept, line)
		}
	}
	return kept
}
