package launch

import (
	"context"
	"errors"
	"slices"
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

// Cancel cancels the workloads of this launch that may exist, and returns when the daemon has confirmed that none of them
// runs. It tries again while the daemon is gone, until ctx ends: then some may be left, and it returns an error.
func (l *Launch) Cancel(ctx context.Context) (total Cancelled, _ error) {
	for ids := range slices.Chunk(l.names(created), mostOfBatch) {
		if _, err := l.cancel(ctx, ids, &total); err != nil {
			return total, err
		}
	}
	until := time.Now().Add(settle)
	for ids := range slices.Chunk(l.names(uncertain), mostOfBatch) {
		if err := l.cancelUncertain(ctx, ids, until, &total); err != nil {
			return total, err
		}
	}
	return total, nil
}

// cancelUncertain cancels workloads that may still appear until some time.
func (l *Launch) cancelUncertain(ctx context.Context, ids []string, until time.Time, total *Cancelled) error {
	for {
		own, err := l.own(ctx, ids)
		if err != nil {
			return err
		}
		if ids, err = l.cancel(ctx, own, total); err != nil || len(ids) == 0 || time.Now().After(until) {
			return err
		}
		if err := follow.Sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

// own leaves out the workloads that are older than this launch: a user chose the ids, and others had them. The daemon's
// clock tells their age, since that here may differ from it.
func (l *Launch) own(ctx context.Context, ids []string) (own []string, _ error) {
	if !l.Chosen {
		return ids, nil
	}
	for _, id := range ids {
		age, err := l.age(ctx, id)
		if err != nil {
			return nil, err
		}
		if age <= time.Since(l.began) {
			own = append(own, id)
		}
	}
	return own, nil
}

// age returns how long ago a workload was created, or 0 if it was not.
func (l *Launch) age(ctx context.Context, id string) (age time.Duration, _ error) {
	return age, insist(ctx, func() error {
		node, err := l.Node.GetStats(ctx, &reactorv1.GetStatsRequest{})
		if err != nil {
			return err
		}
		response, err := l.Client.GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
		if status.Code(err) == codes.NotFound {
			return nil
		}
		age = node.GetStats().GetTime().AsTime().Sub(response.GetWorkload().GetStatus().GetCreateTime().AsTime())
		return err
	})
}

// insist calls try again while the daemon is gone or has no room, until ctx ends.
func insist(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		if code := status.Code(err); ctx.Err() != nil || code != codes.Unavailable && code != codes.Canceled && code != codes.ResourceExhausted {
			return err
		}
		if follow.Sleep(ctx, retryPause) != nil {
			return err
		}
	}
}

// cancel cancels some workloads once, and returns those that the daemon does not know.
func (l *Launch) cancel(ctx context.Context, ids []string, total *Cancelled) (missing []string, _ error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var response *reactorv1.CancelWorkloadsResponse
	err := insist(ctx, func() (err error) {
		response, err = l.Client.CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{Ids: ids})
		return err
	})
	if err != nil {
		return nil, err
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
