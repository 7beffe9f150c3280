package refusal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// TestOfStore: clients are told of the class of what the store says, wrapped or not, and when trying again helps.
func TestOfStore(t *testing.T) {
	for _, tc := range []struct {
		err   error
		class errs.Class
		retry bool
	}{
		{&store.NotFoundError{Kind: store.KindWorkload, Name: "w"}, errs.WorkloadNotFound, false},
		{&store.NotFoundError{Kind: store.KindModule, Name: "m"}, errs.ModuleNotFound, false},
		{&store.CorruptError{Kind: store.KindModule, Name: "m", Err: store.ErrDamaged}, errs.ModuleNotFound, false},
		{&store.CorruptError{Kind: store.KindWorkload, Name: "w", Err: errors.New("bad sum")}, errs.Internal, false},
		{&store.InUseError{Workloads: 2}, errs.ModuleInUse, false},
		{&store.KeptError{}, errs.ModuleInUse, false},
		{&store.UnfinishedError{ID: "w"}, errs.WorkloadUnfinished, false},
		{&store.TagsError{Bound: 3}, errs.LimitExceeded, false},
		{store.ErrClosed, errs.Draining, true},
		{store.ErrFull, errs.StoreFull, true},
		{store.ErrUnavailable, errs.Unavailable, true},
		{store.ErrBadToken, errs.InvalidArgument, false},
		{errors.New("anything else"), errs.Internal, false},
	} {
		for _, err := range []error{tc.err, fmt.Errorf("wrapped: %w", tc.err)} {
			e, ok := errors.AsType[*errs.Error](OfStore(err))
			if !ok || e.Class != tc.class || e.Retry > 0 != tc.retry {
				t.Errorf("OfStore(%v) = %+v, want %v", err, e, tc.class)
			}
		}
	}
	for _, err := range []error{nil, context.Canceled, context.DeadlineExceeded} {
		if got := OfStore(err); got != err {
			t.Errorf("OfStore(%v) = %v", err, got)
		}
	}
}

func TestModuleInUse(t *testing.T) {
	for n, want := range map[int64]string{1: "is used by a workload that has not finished", 2: "is used by 2 workloads that have not finished"} {
		if err := OfStore(&store.InUseError{Workloads: n}); !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
