package cli

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// How often a workload is asked for its addresses: until they are known, and after that, since a further attempt has others.
// A service is asked sooner: most listen very soon.
const (
	firstServing     = 20 * time.Millisecond
	unknownAddresses = 200 * time.Millisecond
	knownAddresses   = 2 * time.Second
)

// tellAddresses says where a guest listens, if it serves or its spec leaves a port to the daemon: now, and when it has changed. It
// does so until the returned function is called.
func (a *app) tellAddresses(ctx context.Context, id string, spec *reactorv1.WorkloadSpec) (stop func()) {
	say, pause := "the guest listens on ", unknownAddresses
	switch {
	case spec.GetServe().GetCertificate() != "":
		say, pause = "serving https://", firstServing
	case spec.GetServe() != nil:
		say, pause = "serving http://", firstServing
	case !choosesPort(spec):
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		told := ""
		for follow.Sleep(ctx, pause) == nil {
			if told == "" {
				pause = unknownAddresses
			}
			response, err := a.workloads().GetWorkload(ctx, &reactorv1.GetWorkloadRequest{Id: id})
			if err != nil {
				continue // whoever follows the workload says what is wrong
			}
			if at := strings.Join(response.GetWorkload().GetStatus().GetListenAddresses(), ", "); at != "" && at != told {
				a.notes.Say(say + at)
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
