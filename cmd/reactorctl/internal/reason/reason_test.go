package reason

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestOf(t *testing.T) {
	with := func(reason string) error {
		st, err := status.New(codes.Unavailable, "try later").WithDetails(&errdetails.BadRequest{}, &errdetails.ErrorInfo{Reason: reason})
		if err != nil {
			t.Fatal(err)
		}
		return st.Err()
	}
	for _, tc := range []struct {
		name string
		err  error
		want reactorv1.ErrorReason
		told bool
	}{
		{"none", nil, 0, false},
		{"not of a call", errors.New("broken"), 0, false},
		{"of the transport", status.Error(codes.Unavailable, "connection refused"), 0, false},
		{"of the daemon", with("DRAINING"), reactorv1.ErrorReason_ERROR_REASON_DRAINING, true},
		{"wrapped", fmt.Errorf("w: %w", with("WORKLOAD_ATTACHED")), reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_ATTACHED, true},
		{"of a newer daemon", with("BORED"), 0, true},
	} {
		if reason, told := Of(tc.err); reason != tc.want || told != tc.told {
			t.Errorf("%s: %v, %t; want %v, %t", tc.name, reason, told, tc.want, tc.told)
		}
	}
}
