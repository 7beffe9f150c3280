package failure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/internal/usage"
)

// submits are the flags of a command that submits.
func submits(flag string) bool { return flag != "tag" }

func none(string) bool { return false }

// refused is an error of the daemon.
func refused(t *testing.T, code codes.Code, message string, details ...protoadapt.MessageV1) error {
	t.Helper()
	st, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func violations(pairs ...string) *errdetails.BadRequest {
	bad := &errdetails.BadRequest{}
	for i := 0; i < len(pairs); i += 2 {
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: pairs[i], Description: pairs[i+1]})
	}
	return bad
}

func TestFailures(t *testing.T) {
	info := func(reason string, pairs ...string) *errdetails.ErrorInfo {
		about := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			about[pairs[i]] = pairs[i+1]
		}
		return &errdetails.ErrorInfo{Reason: reason, Domain: "reactor.v1", Metadata: about}
	}
	command := func(has func(string) bool) Command {
		return Command{Flag: has, Address: "unix:///s", Advice: func(string) string { return "start one" }}
	}
	for _, tt := range []struct {
		name string
		err  error
		has  func(string) bool
		text string // without the command's name
		code string // and the reason
	}{
		{"one field", refused(t, codes.InvalidArgument, "spec.limits.memory_bytes: 9 is above the maximum, 8",
			info("INVALID_ARGUMENT"), violations("spec.limits.memory_bytes", "9 is above the maximum, 8")), submits,
			"--memory: 9 is above the maximum, 8\n", "INVALID_ARGUMENT INVALID_ARGUMENT"},
		{"several fields", refused(t, codes.InvalidArgument, "id: bad; spec.args[1]: has a NUL",
			info("INVALID_ARGUMENT"), violations("id", "bad", "spec.args[1]", "has a NUL", "", "and 3 more")), submits,
			"3 faults\n  --id: bad\n  argument 2: has a NUL\n  and 3 more\n", "INVALID_ARGUMENT INVALID_ARGUMENT"},
		{"a field of a command without that flag", refused(t, codes.InvalidArgument, "id: bad", info("INVALID_ARGUMENT"), violations("id", "bad")), none,
			"id: bad\n", "INVALID_ARGUMENT INVALID_ARGUMENT"},
		{"within other text", fmt.Errorf("after 3 of 9: %w", refused(t, codes.InvalidArgument, "spec.name: bad", info("INVALID_ARGUMENT"), violations("spec.name", "bad"))), submits,
			"after 3 of 9: --name: bad\n", "INVALID_ARGUMENT INVALID_ARGUMENT"},
		{"a reason", refused(t, codes.NotFound, `there is no workload "w"`, info("WORKLOAD_NOT_FOUND", "workload", "w")), none,
			"there is no workload \"w\"\n  see `reactorctl list`; results are deleted after a while\n", "NOT_FOUND WORKLOAD_NOT_FOUND"},
		{"no module", refused(t, codes.NotFound, "there is none", info("MODULE_NOT_FOUND", "module", "tool")), submits,
			"there is none\n  push it with `reactorctl module push FILE`, or see `reactorctl module list`; a file or folder is a path, such as ./tool\n", "NOT_FOUND MODULE_NOT_FOUND"},
		{"an artifact without oci://", refused(t, codes.NotFound, "there is none", info("MODULE_NOT_FOUND", "module", "127.0.0.1:5000/me/tool:1")), submits,
			"there is none\n  see `reactorctl module list`; an artifact of a registry is oci://127.0.0.1:5000/me/tool:1, and a file or folder a path, such as ./127.0.0.1:5000/me/tool:1\n", "NOT_FOUND MODULE_NOT_FOUND"},
		{"no artifact", refused(t, codes.NotFound, "the registry has none", info("MODULE_NOT_FOUND", "module", "oci://127.0.0.1:5000/me/tool:1")), submits,
			"the registry has none\n", "NOT_FOUND MODULE_NOT_FOUND"},
		{"no module of a digest", refused(t, codes.NotFound, "there is none", info("MODULE_NOT_FOUND", "module", "sha256:12")), submits,
			"there is none\n  push it with `reactorctl module push FILE`, or see `reactorctl module list`\n", "NOT_FOUND MODULE_NOT_FOUND"},
		{"too few digits", refused(t, codes.NotFound, "there is none", info("MODULE_NOT_FOUND", "module", "9b5a")), submits,
			"there is none\n  if it is the beginning of a digest, give 6 digits at least; see `reactorctl module list`\n", "NOT_FOUND MODULE_NOT_FOUND"},
		{"a module where none is submitted", refused(t, codes.NotFound, "there is none", info("MODULE_NOT_FOUND", "module", "tool")), none,
			"there is none\n  see `reactorctl module list`\n", "NOT_FOUND MODULE_NOT_FOUND"},
		{"advice names what it is about", refused(t, codes.FailedPrecondition, "it has ended", info("WORKLOAD_FINISHED", "workload", "w7")), none,
			"it has ended\n  see its output with `reactorctl logs w7`, and how it ended with `reactorctl status w7`\n", "FAILED_PRECONDITION WORKLOAD_FINISHED"},
		{"advice fits the command", refused(t, codes.AlreadyExists, "there is one", info("WORKLOAD_EXISTS", "workload", "w")), submits,
			"there is one\n  see it with `reactorctl status w`; `reactorctl rm w` frees the id once it has ended; without --id one is made\n", "ALREADY_EXISTS WORKLOAD_EXISTS"},
		{"try again", refused(t, codes.ResourceExhausted, "the queue is full", info("QUEUE_FULL"), &errdetails.RetryInfo{RetryDelay: durationpb.New(2 * time.Second)}), submits,
			"the queue is full\n  try again in 2s\n", "RESOURCE_EXHAUSTED QUEUE_FULL"},
		{"a refusal's text once", refused(t, codes.FailedPrecondition, "granting folder \"/x\" is denied", info("GRANT_DENIED"),
			&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Subject: "node", Description: "granting folder \"/x\" is denied"}}}), submits,
			"granting folder \"/x\" is denied\n", "FAILED_PRECONDITION GRANT_DENIED"},
		{"no daemon", status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial unix /s: connect: no such file or directory"`), none,
			"no daemon answers at unix:///s: there is no such socket\n  start one\n", "UNAVAILABLE NO_DAEMON"},
		{"refused", status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`), none,
			"no daemon answers at unix:///s: connection refused\n  start one\n", "UNAVAILABLE NO_DAEMON"},
		{"lost", status.Error(codes.Unavailable, "error reading from server: EOF"), none,
			"no daemon answers at unix:///s: the connection was closed\n  start one\n", "UNAVAILABLE NO_DAEMON"},
		{"mute", status.Error(codes.Unavailable, `connection error: desc = "error reading server preface: raw-read tcp 127.0.0.1:40014->127.0.0.1:7599: use of closed network connection"`), none,
			"no daemon answers at unix:///s: nothing came back\n  start one\n", "UNAVAILABLE NO_DAEMON"},
		{"cut off", status.Error(codes.Unavailable, `error reading from server: read unix @->/s: connection reset by peer`), none,
			"no daemon answers at unix:///s: connection reset by peer\n  start one\n", "UNAVAILABLE NO_DAEMON"},
		{"another version", status.Error(codes.Unimplemented, "unknown method F"), none,
			"what answers at unix:///s does not know this call: unknown method F\n  it may be another version of the daemon: compare `reactorctl version`; or it is no reactord\n", "UNIMPLEMENTED NO_DAEMON"},
		{"interrupted", status.Error(codes.Canceled, "context canceled"), none, "interrupted\n", "CANCELLED INTERRUPTED"},
		{"interrupted elsewhere", context.Canceled, none, "interrupted: context canceled\n", "CANCELLED INTERRUPTED"},
		{"of an item of a batch", errors.New("w-0 was refused: spec.limits.memory_bytes: 9 is too much; spec.args[0]: bad"), submits,
			"w-0 was refused: --memory: 9 is too much; argument 1: bad\n", "UNKNOWN CLIENT"},
		{"a value of a call", &FieldError{"spec.call.args[0].x", errors.New("300 is not a u8")}, none,
			"args[0].x: 300 is not a u8\n", "INVALID_ARGUMENT INVALID_ARGUMENT"},
		{"a call", &FieldError{"spec.call.export", errors.New("there is none")}, none,
			"CALL: there is none\n", "INVALID_ARGUMENT INVALID_ARGUMENT"},
		{"of its own", errors.New("no such file"), none, "no such file\n", "UNKNOWN CLIENT"},
		{"the command line", &usage.Error{Command: "reactorctl run", Faults: []string{"--a: bad", "--b: worse"}}, none,
			"2 faults; see `reactorctl run --help`\n  --a: bad\n  --b: worse\n", "INVALID_ARGUMENT COMMAND_LINE"},
		{"one fault of the command line", &usage.Error{Command: "reactorctl run", Faults: []string{"--a: bad"}}, none,
			"--a: bad; see `reactorctl run --help`\n", "INVALID_ARGUMENT COMMAND_LINE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := Of(tt.err, command(tt.has))
			var b strings.Builder
			f.Write(&b)
			if diff := cmp.Diff("reactorctl: "+tt.text, b.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if got := f.Code + " " + f.Reason; got != tt.code {
				t.Errorf("code and reason %s, want %s", got, tt.code)
			}
			for _, internal := range []string{"rpc error", "desc =", "transport:", "spec.", "strconv"} {
				if strings.Contains(b.String(), internal) {
					t.Errorf("%q is told", internal)
				}
			}
		})
	}
}

func TestText(t *testing.T) {
	for want, err := range map[string]error{
		"before: gone":     fmt.Errorf("before: %w", refused(t, codes.NotFound, "gone", &errdetails.ErrorInfo{Reason: "R"})),
		"refused":          status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: refused"`),
		"something: wrong": errors.New("something: wrong"),
	} {
		if got := Text(err); got != want {
			t.Errorf("Text(%v) = %q, want %q", err, got, want)
		}
	}
}
