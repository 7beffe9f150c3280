package server

import (
	"context"
	"errors"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
)

// Audit is told who is granted what, and who drains the node. Its methods do not block, and may be called from any goroutine.
type Audit interface {
	// OnGranted is called when a workload with grants has been submitted, or with an empty one when a call with grants has ended.
	OnGranted(caller, workload string, grants []string)
	// OnRefused is called when a submission is refused for one of its grants.
	OnRefused(caller, workload, why string)
	// OnRevoked is called when grants of a workload have been revoked.
	OnRevoked(caller, workload string, grants []string)
	// OnDrained is called when a call has drained the node, or has undone that.
	OnDrained(caller string, undone bool)
}

// auditSubmission tells what came of a submission, which has an id if it was accepted or the client chose it.
func auditSubmission(ctx context.Context, audit Audit, id string, spec *api.Spec, created bool, err error) {
	if len(spec.Grants) == 0 {
		return
	}
	if created {
		audit.OnGranted(access.FromContext(ctx).String(), id, flagsOf(spec.Grants))
	} else if e, ok := errors.AsType[*errs.Error](err); ok && e.Class == errs.GrantDenied {
		audit.OnRefused(access.FromContext(ctx).String(), id, e.Message)
	}
}

// flagsOf returns grants as the command line has them. Secrets are in it by their references.
func flagsOf(grants []grant.Grant) []string {
	flags := make([]string, len(grants))
	for i, g := range grants {
		flags[i] = grant.CommandLine(g)
	}
	return flags
}
