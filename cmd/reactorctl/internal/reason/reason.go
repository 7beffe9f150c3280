package reason

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Of returns the reason that the daemon has given for an error. told is false if it has given none; a reason that this
// command does not know is unspecified.
func Of(err error) (reason reactorv1.ErrorReason, told bool) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return OfInfo(info), true
		}
	}
	return 0, false
}

// Subject returns what an error of the daemon is about, such as the "workload"; empty if it does not say.
func Subject(err error, kind string) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetMetadata()[kind]
		}
	}
	return ""
}

// OfInfo returns the reason that a detail of an error has.
func OfInfo(info *errdetails.ErrorInfo) reactorv1.ErrorReason {
	return reactorv1.ErrorReason(reactorv1.ErrorReason_value["ERROR_REASON_"+info.GetReason()])
}
