package launch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// answerGrace is how long an interrupted call waits for the daemon's answer.
	answerGrace = 10 * time.Second
	// mostOfBatch is how many workloads one call submits or cancels, and bytesOfBatch how large they are together.
	mostOfBatch  = 1000
	bytesOfBatch = 4 << 20
	// mostPushes is how often the module is pushed again, if others keep removing it.
	mostPushes = 10
)

// Launch submits the workloads of a plan.
type Launch struct {
	Client   reactorv1.WorkloadServiceClient
	Node     reactorv1.NodeServiceClient
	Follower *follow.Follower
	Plan     Plan
	// Chosen says that a user chose the ids, so that others may have them already.
	Chosen bool
	Spec   *reactorv1.WorkloadSpec
	// Chain has the spec of each workload, as many as the plan counts, if they are joined by pipes; Spec is not used then.
	// They are submitted in one call.
	Chain []*reactorv1.WorkloadSpec
	// Push pushes the module, which may have been pruned since it was pushed before: nothing refers to it until the
	// first workload is submitted. It is nil if the module is not this client's to push.
	Push func(ctx context.Context) error
	// OnProgress is called with how many workloads were submitted so far; it may be nil.
	OnProgress func(submitted int)

	pushes   int // of Push
	existing *reactorv1.Workload
	accepted int    // workloads
	fates    []fate // of the workloads of the plan, as far as they were asked for
	began    time.Time
}

// Existing returns the only workload if it existed already with the same spec, or nil.
func (l *Launch) Existing() *reactorv1.Workload { return l.existing }

// Accepted returns how many workloads are submitted.
func (l *Launch) Accepted() int { return l.accepted }

// MayExist reports whether there may be workloads of this launch: it created them, or the daemon's answer did not arrive.
func (l *Launch) MayExist() bool { return l.count(created)+l.count(uncertain) > 0 }

// Earlier returns how many workloads existed already, with the specs that were submitted. They are not this launch's.
func (l *Launch) Earlier() int { return l.count(earlier) }

// Submit submits the workloads. After an interrupt it submits no more, but waits some time for the answer to what it has
// sent already; then it returns the cause. A call that a daemon's end has cut off is made again: the ids keep a workload
// from being submitted twice.
func (l *Launch) Submit(ctx context.Context) error {
	submit := l.submitOne
	if l.Plan.Count > 1 {
		submit = l.submitAll
	}
	if err := submit(ctx); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func (l *Launch) submitOne(ctx context.Context) error {
	for {
		err := l.askForOne(ctx)
		if status.Code(err) != codes.NotFound {
			return err
		}
		if pushed, failed := l.pushAgain(ctx); failed != nil {
			return failed
		} else if !pushed {
			return err
		}
	}
}

// pushAgain pushes the module, which the daemon does not have any more. It returns false if that is of no use.
func (l *Launch) pushAgain(ctx context.Context) (pushed bool, _ error) {
	if l.Push == nil || l.pushes == mostPushes {
		return false, nil
	}
	l.pushes++
	err := l.Push(ctx)
	return err == nil, err
}

func (l *Launch) askForOne(ctx context.Context) error {
	return l.call(ctx, 0, 1, func(ctx context.Context) error {
		request := &reactorv1.SubmitWorkloadRequest{Id: l.Plan.ID, Spec: l.Spec}
		response, err := l.Client.SubmitWorkload(ctx, request)
		if err != nil {
			why, _ := reason.Of(err)
			l.refuse(0, why)
			return err
		}
		l.accepted = 1
		if l.accept(0, response.GetCreated()); l.fates[0] == earlier {
			l.existing = response.GetWorkload()
		}
		return nil
	})
}

func (l *Launch) submitAll(ctx context.Context) error {
	batch := max(1, min(mostOfBatch, bytesOfBatch/(proto.Size(l.Spec)+1)))
	if l.Chain != nil {
		batch = l.Plan.Count
	}
	for next := 0; next < l.Plan.Count && ctx.Err() == nil; {
		end := min(next+batch, l.Plan.Count)
		var response *reactorv1.SubmitWorkloadsResponse
		err := l.call(ctx, next, end, func(ctx context.Context) (err error) {
			response, err = l.Client.SubmitWorkloads(ctx, l.request(next, end))
			return err
		})
		if err != nil {
			if l.accepted == 0 {
				return err
			}
			return l.incomplete(status.Convert(err).Message())
		}
		results := response.GetResults()
		for i, result := range results {
			if refusal := result.GetError(); refusal != nil {
				l.refuse(next+i, refusal.GetReason())
			} else {
				l.accept(next+i, result.GetCreated())
			}
		}
		if slices.ContainsFunc(results, lacksModule) {
			if pushed, _ := l.pushAgain(ctx); pushed {
				continue // with the same ids: what was submitted stays as it is
			}
		}
		if err := l.take(results); err != nil {
			return err
		}
		next = end
		if l.OnProgress != nil {
			l.OnProgress(l.accepted)
		}
	}
	return nil
}

func (l *Launch) request(from, to int) *reactorv1.SubmitWorkloadsRequest {
	request := &reactorv1.SubmitWorkloadsRequest{}
	for i, id := range l.Plan.Names(from, to) {
		spec := l.Spec
		if l.Chain != nil {
			spec = l.Chain[from+i]
		}
		request.Requests = append(request.Requests, &reactorv1.SubmitWorkloadRequest{Id: id, Spec: spec})
	}
	return request
}

func lacksModule(result *reactorv1.SubmitWorkloadsResult) bool {
	return result.GetError().GetReason() == reactorv1.ErrorReason_ERROR_REASON_MODULE_NOT_FOUND
}

// take counts the results of a call. It returns an error if any is a refusal.
func (l *Launch) take(results []*reactorv1.SubmitWorkloadsResult) error {
	var refused *reactorv1.SubmitWorkloadsResult
	for _, result := range results {
		switch {
		case result.GetError() == nil:
			l.accepted++
		case refused == nil:
			refused = result
		}
	}
	if refused == nil {
		return nil
	}
	err := l.incomplete(fmt.Sprintf("%s was refused: %s", refused.GetId(), refused.GetError().GetMessage()))
	if refused.GetError().GetReason() == reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS {
		err.Taken = refused.GetId()
	}
	return err
}

// IncompleteError says that not all workloads were submitted.
type IncompleteError struct {
	Plan      Plan
	Submitted int
	Earlier   int // of those that are submitted, how many existed already
	Why       string
	Taken     string // the id of a workload with another spec, if that is why
}

func (e *IncompleteError) Error() string {
	if e.Earlier > 0 {
		return fmt.Sprintf("%d of %d workloads were submitted, %d of them before: %s", e.Submitted, e.Plan.Count, e.Earlier, e.Why)
	}
	return fmt.Sprintf("%d of %d workloads were submitted: %s", e.Submitted, e.Plan.Count, e.Why)
}

func (l *Launch) incomplete(why string) *IncompleteError {
	return &IncompleteError{Plan: l.Plan, Submitted: l.accepted, Earlier: l.Earlier(), Why: why}
}

// call submits the workloads from one to before another; try makes the call.
func (l *Launch) call(ctx context.Context, from, to int, try func(context.Context) error) error {
	return l.Follower.Do(ctx, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.ask(to)
		outliving, stop := Outlive(ctx)
		defer stop()
		err := try(outliving)
		if isUnknown(err) {
			l.lose(from, to)
			return err
		}
		return follow.Permanent(err)
	})
}

// isUnknown reports whether a call may have submitted workloads although it failed.
func isUnknown(err error) bool {
	s := status.Convert(err)
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unknown, codes.Internal, codes.Aborted, codes.DataLoss:
		return true
	case codes.Unavailable:
		return len(s.Details()) == 0 // otherwise the daemon has refused it
	}
	return false
}

// Outlive returns a context for a call that leaves something on the daemon. It ends some time after ctx, so that an
// interrupt does not cut off the daemon's answer: nobody would know what was left.
func Outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	outliving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(answerGrace):
			cancel()
		case <-outliving.Done():
		}
	})
	return outliving, func() { forget(); cancel() }
}
