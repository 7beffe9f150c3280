package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// A workload is asked after firstOpening what connection its start waits for, and then again after ever longer pauses.
const (
	firstOpening = 200 * time.Millisecond
	mostOpening  = 2 * time.Second
)

// tellOpening says once, if the guest does not start since a connection that it was granted is not there yet, what is
// waited for. It looks for that until the returned function is called.
func (a *app) tellOpening(ctx context.Context, id string, spec *reactorv1.WorkloadSpec) (stop func()) {
	if !hasConnection(spec) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		for pause := firstOpening; follow.Sleep(ctx, pause) == nil; pause = min(2*pause, mostOpening) {
			response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
			if err != nil {
				continue // whoever follows the workload says what is wrong
			}
			if text := opening(response.GetWorkload()); text != "" {
				a.notes.Say(text)
				return
			}
		}
	})
	return func() { cancel(); asking.Wait() }
}

func hasConnection(spec *reactorv1.WorkloadSpec) bool {
	for _, grant := range spec.GetGrants() {
		if grant.GetConnection() != nil {
			return true
		}
	}
	return false
}

// opening says what connection the start of a guest waits for; nothing if it has started, or waits for something else.
func opening(w *reactorv1.Workload) string {
	for _, op := range w.GetStatus().GetWaitingFor() {
		if !strings.HasPrefix(op.GetGrant(), "--connect ") {
			continue
		}
		longest := ""
		if d := op.GetDeadline(); d != nil {
			longest = fmt.Sprintf(", for %v at most", d.AsTime().Sub(op.GetStartTime().AsTime()).Round(time.Second))
		}
		peer, isPeer := strings.CutPrefix(op.GetTarget(), forWorkloads+" ")
		switch {
		case isPeer && op.GetKind() == reactorv1.OpKind_OP_KIND_CONNECT:
			text := fmt.Sprintf("%s starts when workload %s listens for other workloads (--listen %s)%s", w.GetId(), peer, forWorkloads, longest)
			if why := op.GetReason(); why != "" {
				text += "; now " + why
			}
			return text
		case op.GetKind() == reactorv1.OpKind_OP_KIND_CONNECT:
			return fmt.Sprintf("%s starts when it is connected to %s%s", w.GetId(), op.GetTarget(), longest)
		case op.GetKind() == reactorv1.OpKind_OP_KIND_ACCEPT:
			return fmt.Sprintf("%s starts when somebody connects to %s", w.GetId(), op.GetTarget())
		}
	}
	return ""
}
