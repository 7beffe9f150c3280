package launch

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// retryPause is the time between two tries of a cancel.
	retryPause = 100 * time.Millisecond
	// settle is how long a workload whose submission was not answered may still appear.
	settle = 2 * time.Second
)

// Cancelled says what Cancel has found.
type Cancelled struct {
	// Cancelled counts the workloads that were cancelled, Ended those that had ended by themselves before.
	Cancelled, Ended int
}

// Cancel cancels all workloads that may exist, and returns when the daemon has confirmed that none of them runs. It tries
// again while the daemon is gone, until ctx ends: then some may be left, and it returns an error.
func (l *Launch) Cancel(ctx context.Context) (Cancelled, error) {
	var total Cancelled
	if !l.MayExist() {
		return total, nil
	}
	until := time.Now().Add(settle)
	for next := 0; next < l.asked; next += mostOfBatch {
		ids := l.Plan.Names(next, min(next+mostOfBatch, l.asked))
		for len(ids) > 0 {
			missing, err := l.cancel(ctx, ids, &total)
			if err != nil {
				return total, err
			}
			if l.answered || time.Now().After(until) {
				break
			}
			if ids = missing; len(ids) > 0 {
				if err := follow.Sleep(ctx, retryPause); err != nil {
					return total, err
				}
			}
		}
	}
	return total, nil
}

// cancel cancels some workloads once, and returns those that the daemon does not know.
func (l *Launch) cancel(ctx context.Context, ids []string, total *Cancelled) (missing []string, _ error) {
	var response *reactorv1.CancelWorkloadsResponse
	for {
		var err error
		if response, err = l.Client.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{Ids: ids}); err == nil {
			break
		}
		if code := status.Code(err); ctx.Err() != nil || code != codes.Unavailable && code != codes.Canceled && code != codes.ResourceExhausted {
			return nil, err
		}
		if follow.Sleep(ctx, retryPause) != nil {
			return nil, err
		}
	}
	var failed error
	for _, result := range response.GetResults() {
		switch {
		case result.GetCancelled():
			total.Cancelled++
		case result.GetError().GetReason() == reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_FINISHED:
			total.Ended++
		case result.GetError().GetReason() == reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_FOUND:
			missing = append(missing, result.GetId())
		case failed == nil:
			failed = errors.New(result.GetError().GetMessage())
		}
	}
	return missing, failed
}
