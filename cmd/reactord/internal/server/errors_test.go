package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/errs"
)

// codeOf is the code of every class: what the API promises.
var codeOf = map[errs.Class]codes.Code{
	errs.InvalidArgument:        codes.InvalidArgument,
	errs.ModuleInvalid:          codes.InvalidArgument,
	errs.ModuleUnsupported:      codes.InvalidArgument,
	errs.ModuleNotFound:         codes.NotFound,
	errs.ModuleInUse:            codes.FailedPrecondition,
	errs.ModuleTooLarge:         codes.ResourceExhausted,
	errs.DigestMismatch:         codes.InvalidArgument,
	errs.WorkloadNotFound:       codes.NotFound,
	errs.WorkloadExists:         codes.AlreadyExists,
	errs.WorkloadFinished:       codes.FailedPrecondition,
	errs.WorkloadNotInteractive: codes.FailedPrecondition,
	errs.WorkloadAttached:       codes.FailedPrecondition,
	errs.GrantDenied:            codes.FailedPrecondition,
	errs.LimitExceeded:          codes.ResourceExhausted,
	errs.QueueFull:              codes.ResourceExhausted,
	errs.StoreFull:              codes.ResourceExhausted,
	errs.CursorExpired:          codes.FailedPrecondition,
	errs.Draining:               codes.Unavailable,
	errs.Internal:               codes.Internal,
	errs.PushStalled:            codes.Aborted,
	errs.Unavailable:            codes.Unavailable,
	errs.TooMuchInFlight:        codes.ResourceExhausted,
	errs.Unauthenticated:        codes.Unauthenticated,
	errs.WorkloadUnfinished:     codes.FailedPrecondition,
	errs.ModuleAmbiguous:        codes.InvalidArgument,
	errs.SnapshotFailed:         codes.FailedPrecondition,
	errs.RegistryDenied:         codes.FailedPrecondition,
	errs.RegistryFault:          codes.FailedPrecondition,
	errs.SignatureRequired:      codes.FailedPrecondition,
}

// The guide for authors of clients has each reason in the row of its code.
func TestDocumentedCodes(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // the line of a code
	for line := range strings.Lines(string(text)) {
		if code, ok := strings.CutPrefix(line, "| `"); ok {
			code, _, _ = strings.Cut(code, "`")
			rows[code] = line
		}
	}
	for class, code := range codeOf {
		name := spelled(code)
		_, reasons, _ := strings.Cut(rows[name], " | ")
		if !strings.Contains(reasons, "`"+class.String()+"`") {
			t.Errorf("the row of %s in docs/clients.md lacks %s: %q", name, class, rows[name])
		}
	}
}

// spelled returns the name of a code in capital letters, as the API's texts have it.
func spelled(code codes.Code) string {
	return strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(code.String(), "${1}_$2"))
}

// Every reason of the API is a class, by number and by name, and has a code and an ErrorInfo.
func TestEveryReason(t *testing.T) {
	for number, name := range reactorv1.ErrorReason_name {
		if number == 0 {
			continue
		}
		class, reason := errs.Class(number), strings.TrimPrefix(name, "ERROR_REASON_")
		t.Run(reason, func(t *testing.T) {
			if class.String() != reason {
				t.Errorf("class %d is %s", number, class)
			}
			err := toStatus(t.Context(), fmt.Errorf("wrapped: %w", errs.New(class, "what was wrong")))
			st := status.Convert(err)
			if st.Code() != codeOf[class] || st.Message() != "what was wrong" {
				t.Errorf("status is %v %q, want %v", st.Code(), st.Message(), codeOf[class])
			}
			info, ok := st.Details()[0].(*errdetails.ErrorInfo)
			if !ok || info.GetReason() != reason || info.GetDomain() != "reactor.v1" {
				t.Errorf("the first detail is %v, want an ErrorInfo of %s", st.Details()[0], reason)
			}
		})
	}
	if len(codeOf) != len(reactorv1.ErrorReason_name)-1 {
		t.Errorf("%d classes have codes, and the API has %d reasons", len(codeOf), len(reactorv1.ErrorReason_name)-1)
	}
}

func TestDetails(t *testing.T) {
	info := func(class errs.Class, metadata map[string]string) *errdetails.ErrorInfo {
		return &errdetails.ErrorInfo{Reason: class.String(), Domain: Domain, Metadata: metadata}
	}
	for _, tt := range []struct {
		name string
		err  *errs.Error
		want []proto.Message
	}{
		{
			"fields",
			&errs.Error{Class: errs.InvalidArgument, Fields: []errs.Field{{Path: "a", Description: "x"}, {Path: "b[1]", Description: "y"}}},
			[]proto.Message{
				info(errs.InvalidArgument, nil),
				&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
					{Field: "a", Description: "x"}, {Field: "b[1]", Description: "y"},
				}},
			},
		},
		{
			"resource",
			errs.Workload(errs.WorkloadNotFound, "w1", "no such workload"),
			[]proto.Message{
				info(errs.WorkloadNotFound, map[string]string{"workload": "w1"}),
				&errdetails.ResourceInfo{ResourceType: "workload", ResourceName: "w1", Description: "no such workload"},
			},
		},
		{
			"precondition",
			errs.Module(errs.ModuleInUse, "m", "in use"),
			[]proto.Message{
				info(errs.ModuleInUse, map[string]string{"module": "m"}),
				&errdetails.ResourceInfo{ResourceType: "module", ResourceName: "m", Description: "in use"},
				&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
					{Type: "MODULE_IN_USE", Subject: "module:m", Description: "in use"},
				}},
			},
		},
		{
			"quota that may be free later",
			&errs.Error{Class: errs.QueueFull, Message: "full", Retry: 2 * time.Second},
			[]proto.Message{
				info(errs.QueueFull, nil),
				&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{
					{Subject: "node", Description: "full"},
				}},
				&errdetails.RetryInfo{RetryDelay: durationpb.New(2 * time.Second)},
			},
		},
		{
			"quota that will not",
			errs.New(errs.ModuleTooLarge, "too large"),
			[]proto.Message{
				info(errs.ModuleTooLarge, nil),
				&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{
					{Subject: "node", Description: "too large"},
				}},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []proto.Message
			for _, d := range status.Convert(toStatus(t.Context(), tt.err)).Details() {
				got = append(got, d.(proto.Message))
			}
			if diff := cmp.Diff(tt.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOtherErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	broken := status.Error(codes.Unavailable, "transport is closing")
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		want codes.Code
	}{
		{"none", t.Context(), nil, codes.OK},
		{"cancelled", cancelled, context.Canceled, codes.Canceled},
		{"late", late, context.DeadlineExceeded, codes.DeadlineExceeded},
		{"wrapped by the store", late, fmt.Errorf("querying: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
		{"interrupted otherwise", cancelled, errors.New("interrupted"), codes.Canceled},
		{"an answer before the end", cancelled, errs.New(errs.WorkloadNotFound, "none"), codes.NotFound},
		{"somebody else's context", t.Context(), context.Canceled, codes.Internal},
		{"of gRPC", t.Context(), broken, codes.Unavailable},
		{"unknown", t.Context(), errors.New("disk on fire"), codes.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := status.Code(toStatus(tt.ctx, tt.err)); got != tt.want {
				t.Errorf("code is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestToItem(t *testing.T) {
	if toItem(nil, 100) != nil {
		t.Error("nil has an item")
	}
	got := toItem(&errs.Error{Class: errs.QueueFull, Message: "full", Retry: time.Second}, 100)
	want := &reactorv1.Error{
		Code:    int32(codes.ResourceExhausted),
		Reason:  reactorv1.ErrorReason_ERROR_REASON_QUEUE_FULL,
		Message: "full",

		RetryDelay: durationpb.New(time.Second),
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}
