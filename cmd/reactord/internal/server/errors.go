package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/errs"
)

// Domain is the domain in the ErrorInfo of every error of the API.
const Domain = "reactor.v1"

// code returns the gRPC code of a class. A request that exceeds one of the daemon's bounds is refused with
// RESOURCE_EXHAUSTED: with a RetryInfo if the bound may have room later, without one if only another request
// or another configuration helps.
func code(class errs.Class) codes.Code {
	switch class {
	case errs.InvalidArgument, errs.ModuleInvalid, errs.ModuleUnsupported, errs.ModuleAmbiguous, errs.DigestMismatch:
		return codes.InvalidArgument
	case errs.ModuleNotFound, errs.WorkloadNotFound:
		return codes.NotFound
	case errs.WorkloadExists:
		return codes.AlreadyExists
	case errs.ModuleInUse, errs.WorkloadFinished, errs.WorkloadUnfinished, errs.WorkloadNotInteractive,
		errs.WorkloadAttached, errs.GrantDenied, errs.CursorExpired, errs.SnapshotFailed,
		errs.RegistryDenied, errs.RegistryFault, errs.SignatureRequired:
		return codes.FailedPrecondition
	case errs.ModuleTooLarge, errs.LimitExceeded, errs.QueueFull, errs.StoreFull, errs.TooMuchInFlight:
		return codes.ResourceExhausted
	case errs.PushStalled:
		return codes.Aborted
	case errs.Unauthenticated:
		return codes.Unauthenticated
	case errs.Draining, errs.Unavailable:
		return codes.Unavailable
	default:
		return codes.Internal
	}
}

// toStatus returns the status of a call that failed with err. A call whose context is done ends with the
// context's status, unless the reactor had answered before that.
func toStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return fromError(e)
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if _, ok := status.FromError(err); ok { // from gRPC itself: the stream broke
		return err
	}
	return fromError(&errs.Error{Class: errs.Internal, Message: "internal error: " + err.Error(), Cause: err})
}

func fromError(e *errs.Error) error {
	clipped := *e
	clipped.Message = clipEncoded(e.Message, maxMessageText)
	clipped.Resource.Name = clipEncoded(e.Resource.Name, maxFieldText)
	st, err := status.New(code(e.Class), clipped.Message).WithDetails(details(&clipped)...)
	if err != nil {
		return status.Error(code(e.Class), clipped.Message)
	}
	return st.Err()
}

// details returns the google.rpc details of e. All texts are clipped, fields by badRequest.
func details(e *errs.Error) []protoadapt.MessageV1 {
	info := &errdetails.ErrorInfo{Reason: e.Class.String(), Domain: Domain}
	list := []protoadapt.MessageV1{info}
	if e.Resource != (errs.Resource{}) {
		info.Metadata = map[string]string{e.Resource.Type: e.Resource.Name}
		list = append(list, &errdetails.ResourceInfo{
			ResourceType: e.Resource.Type,
			ResourceName: e.Resource.Name,
			Description:  e.Message,
		})
	}
	if len(e.Fields) > 0 {
		list = append(list, badRequest(e.Fields))
	}
	switch code(e.Class) {
	case codes.FailedPrecondition:
		list = append(list, &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: e.Class.String(), Subject: subject(e), Description: e.Message},
		}})
	case codes.ResourceExhausted:
		list = append(list, &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{
			{Subject: subject(e), Description: e.Message},
		}})
	}
	if e.Retry > 0 {
		list = append(list, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.Retry)})
	}
	return list
}

// subject returns what a quota violation is about: the resource, or else the node as a whole.
func subject(e *errs.Error) string {
	if e.Resource == (errs.Resource{}) {
		return "node"
	}
	return e.Resource.Type + ":" + e.Resource.Name
}

// toItem returns the error of one item of a batch, with a message of about most bytes; nil for nil.
func toItem(err error, most int) *reactorv1.Error {
	if err == nil {
		return nil
	}
	class := errs.ClassOf(err)
	item := &reactorv1.Error{
		Code:    int32(code(class)),
		Reason:  reactorv1.ErrorReason(class),
		Message: clipEncoded(err.Error(), most),
	}
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Retry > 0 {
		item.RetryDelay = durationpb.New(e.Retry)
	}
	return item
}

// fields collects the faults of a message that the reactor has no value for.
type fields []errs.Field

func (f *fields) add(description, path string, args ...any) {
	*f = append(*f, errs.Field{Path: fmt.Sprintf(path, args...), Description: description})
}

func (f fields) err() error { return errs.Invalid(f...) }
