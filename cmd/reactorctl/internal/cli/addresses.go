package cli

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// How often a workload is asked for the addresses that the daemon has chosen: until they are known, and after that, since
// a further attempt has others.
const (
	unknownAddresses = 200 * time.Millisecond
	knownAddresses   = 2 * time.Second
)

// tellAddresses says where a guest listens, if its spec leaves a port to the daemon: now, and when it has changed. It does
// so until the returned function is called.
func (a *app) tellAddresses(ctx context.Context, id string, spec *reactorv1.WorkloadSpec) (stop func()) {
	if !choosesPort(spec) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		told, pause := "", unknownAddresses
		for follow.Sleep(ctx, pause) == nil {
			response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
			if err != nil {
				continue // whoever follows the workload says what is wrong
			}
			if at := strings.Join(response.GetWorkload().GetStatus().GetListenAddresses(), ", "); at != "" && at != told {
				a.notes.Say("the guest listens on " + at)
				told, pause = at, knownAddresses
			}
		}
	})
	return func() { cancel(); asking.Wait() }
}

// choosesPort reports whether a grant has the daemon choose a port.
func choosesPort(spec *reactorv1.WorkloadSpec) bool {
	for _, grant := range spec.GetGrants() {
		if strings.HasSuffix(grant.GetListener().GetAddress(), ":0") {
			return true
		}
	}
	return false
}
