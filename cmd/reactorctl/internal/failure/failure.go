package failure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/internal/usage"
)

// Reasons of failures that are not the daemon's. Its own are those of ErrorReason in the API.
const (
	CommandLine = "COMMAND_LINE" // the command line is wrong
	NoDaemon    = "NO_DAEMON"    // nobody answers, or nobody who knows the call
	Interrupted = "INTERRUPTED"  // the command was told to end
	Client      = "CLIENT"       // something else went wrong before the daemon was asked, or after it had answered
)

// InvalidArgument is the daemon's reason for faults of a request, also where they are found here.
const InvalidArgument = "INVALID_ARGUMENT"

// Failure is the error of a command.
type Failure struct {
	Code       string   `json:"code"`   // the gRPC code's name, such as "NOT_FOUND"
	Reason     string   `json:"reason"` // one of the daemon's, or one of the above
	Message    string   `json:"message"`
	Fields     []Field  `json:"fields,omitempty"`     // that are at fault
	Advice     []string `json:"advice,omitempty"`     // what to do next
	RetryDelay string   `json:"retryDelay,omitempty"` // after which to try again, such as "1s"
}

// AdvisedError is an error with advice that takes the place of what there would be otherwise.
type AdvisedError struct {
	Err    error
	Advice string
}

func (e *AdvisedError) Error() string { return e.Err.Error() }

// Unwrap returns the error without the advice.
func (e *AdvisedError) Unwrap() error { return e.Err }

// FieldError is a fault of a field of a request, found before the daemon was asked.
type FieldError struct {
	Field string // its path in the API
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the fault without the field.
func (e *FieldError) Unwrap() error { return e.Err }

// Field is a faulty field of a request.
type Field struct {
	Field       string `json:"field,omitempty"` // its path in the API; empty for how many more faults there are
	Flag        string `json:"flag,omitempty"`  // what sets it on the command line, if anything does
	Description string `json:"description"`
}

// Command is what a failure has to know of the command that failed.
type Command struct {
	Flag    func(name string) bool    // whether it has a flag
	Grant   func(i int) string        // the argument that gave a grant, by its index in the spec; empty: not known; nil: none is
	Address string                    // of the daemon; empty if none was looked for
	Advice  func(cause string) string // what helps if nobody answers there
}

// Of describes an error that is not nil.
func Of(err error, cmd Command) *Failure {
	f := of(err, cmd)
	if advised, ok := errors.AsType[*AdvisedError](err); ok {
		f.Advice = []string{advised.Advice}
	}
	f.Message = inWords(f.Message, cmd.Flag)
	return f
}

func of(err error, cmd Command) *Failure {
	if wrong, ok := errors.AsType[*usage.Error](err); ok {
		f := &Failure{Code: name(codes.InvalidArgument), Reason: CommandLine, Message: wrong.Error()}
		if len(wrong.Faults) > 1 {
			f.Message = fmt.Sprintf("%d faults; see `%s --help`", len(wrong.Faults), wrong.Command)
			for _, fault := range wrong.Faults {
				f.Fields = append(f.Fields, Field{Description: fault})
			}
		}
		return f
	}
	if wrong, ok := errors.AsType[*FieldError](err); ok {
		field := Field{wrong.Field, cmd.flagOf(wrong.Field), wrong.Err.Error()}
		return &Failure{Code: name(codes.InvalidArgument), Reason: InvalidArgument, Message: field.String(), Fields: []Field{field}}
	}
	st, ok := statusOf(err)
	switch {
	case ok:
		return ofStatus(err, st, cmd)
	case errors.Is(err, context.Canceled):
		return &Failure{Code: name(codes.Canceled), Reason: Interrupted, Message: "interrupted: " + err.Error()}
	}
	return &Failure{Code: name(codes.Unknown), Reason: Client, Message: err.Error()}
}

// Text returns the message of an error without what gRPC adds to it, for a sentence that goes on around it.
func Text(err error) string {
	if st, ok := statusOf(err); ok {
		if len(st.Details()) == 0 {
			return plain(message(err, st))
		}
		return message(err, st)
	}
	return err.Error()
}

// statusOf returns the status of the call that err comes from.
func statusOf(err error) (*status.Status, bool) {
	call, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return nil, false
	}
	return call.GRPCStatus(), true
}

func ofStatus(err error, st *status.Status, cmd Command) *Failure {
	f := &Failure{Code: name(st.Code()), Message: message(err, st)}
	if len(st.Details()) == 0 {
		f.fromTransport(st, cmd)
		return f
	}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			f.Reason = d.GetReason()
			if hint := advice(d, cmd.Flag); hint != "" {
				f.Advice = append(f.Advice, hint)
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				f.Fields = append(f.Fields, Field{v.GetField(), cmd.flagOf(v.GetField()), v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			f.RetryDelay = d.GetRetryDelay().AsDuration().String()
		}
	}
	if len(f.Fields) > 0 && strings.HasPrefix(st.Message(), f.Fields[0].Field+": "+f.Fields[0].Description) { // it only lists the fields
		said := fmt.Sprintf("%d faults", len(f.Fields))
		if len(f.Fields) == 1 {
			said = f.Fields[0].String()
		}
		f.Message = strings.ReplaceAll(f.Message, st.Message(), said)
	}
	return f
}

// String returns the field as its author knows it, and what is wrong with it.
func (f Field) String() string {
	switch {
	case f.Flag != "":
		return f.Flag + ": " + f.Description
	case f.Field != "":
		return f.Field + ": " + f.Description
	}
	return f.Description
}

// message returns the text of an error without what gRPC adds to it.
func message(err error, st *status.Status) string {
	return strings.ReplaceAll(err.Error(), st.Err().Error(), st.Message())
}

// fromTransport describes a status that is not the daemon's.
func (f *Failure) fromTransport(st *status.Status, cmd Command) {
	f.Reason = NoDaemon
	cause := plain(st.Message())
	switch st.Code() {
	case codes.Canceled:
		f.Reason, f.Message = Interrupted, "interrupted"
	case codes.DeadlineExceeded:
		f.Reason, f.Message = Client, "the daemon has not answered in time"
	case codes.Unavailable:
		f.Message = fmt.Sprintf("no daemon answers at %s: %s", cmd.Address, cause)
		if cmd.Advice != nil {
			f.Advice = append(f.Advice, cmd.Advice(st.Message()))
		}
	case codes.Unimplemented:
		f.Message = fmt.Sprintf("what answers at %s does not know this call: %s", cmd.Address, cause)
		f.Advice = append(f.Advice, "it may be another version of the daemon: compare `reactorctl version`; or it is no reactord")
	default:
		f.Message = fmt.Sprintf("the call to %s failed: %s", cmd.Address, cause)
	}
}

// noise is what gRPC and Go put around the cause of a failed connection.
var noise = []string{
	`connection error: desc = `, "last connection error: ", "last resolver error: ", "transport: ", "authentication handshake failed: ",
	"Error while dialing: ", "error reading from server: ", "error reading server preface: ", "connect: ", `"`,
}

// transfer is how the net package begins the errors of a connection.
var transfer = regexp.MustCompile(`(raw-)?(read|write) (tcp|unix) \S+->\S+: `)

// plain returns the cause of a failed connection.
func plain(text string) string {
	for _, n := range noise {
		text = strings.ReplaceAll(text, n, "")
	}
	if _, rest, ok := strings.Cut(text, "dial "); ok { // unix PATH: cause; tcp ADDRESS: cause
		if _, cause, ok := strings.Cut(rest, ": "); ok {
			text = cause
		}
	}
	switch text = transfer.ReplaceAllString(text, ""); text {
	case "EOF", "unexpected EOF":
		return "the connection was closed"
	case "use of closed network connection": // gRPC has closed it, after a while
		return "nothing came back"
	case "no such file or directory":
		return "there is no such socket"
	}
	return text
}

// name returns the name of a code as gRPC's specification has it.
func name(c codes.Code) string {
	switch c {
	case codes.Canceled:
		return "CANCELLED"
	case codes.OK:
		return "OK"
	}
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// Write writes the failure for people.
func (f *Failure) Write(w io.Writer) {
	fmt.Fprintf(w, "reactorctl: %s\n", f.Message)
	if len(f.Fields) > 1 || len(f.Fields) == 1 && !strings.Contains(f.Message, f.Fields[0].Description) {
		for _, field := range f.Fields {
			fmt.Fprintf(w, "  %s\n", field)
		}
	}
	for _, line := range f.Advice {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if f.RetryDelay != "" {
		fmt.Fprintf(w, "  try again in %s\n", f.RetryDelay)
	}
}
