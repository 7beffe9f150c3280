package reactor

import (
	"context"
	"errors"
	"time"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// storeFullRetry is when it may help to try again what found the store full: pruning goes on, and
// operators make room.
const storeFullRetry = 10 * time.Second

// stored turns what the store says into an error for clients. What says an ended context stays so.
func stored(err error) error {
	if err == nil {
		return nil
	}
	if missing, ok := errors.AsType[*store.NotFoundError](err); ok {
		if missing.Kind == store.KindWorkload {
			return noWorkload(missing.Name)
		}
		return noModule(missing.Name)
	}
	if busy, ok := errors.AsType[*store.InUseError](err); ok {
		return errs.Module(errs.ModuleInUse, busy.Digest.String(),
			"module %s is used by %d workloads that have not finished: cancel them or wait", busy.Digest, busy.Workloads)
	}
	if tags, ok := errors.AsType[*store.TagsError](err); ok {
		return tooManyTags(tags)
	}
	switch {
	case errors.Is(err, store.ErrClosed):
		return errDraining()
	case errors.Is(err, store.ErrFull):
		e := errs.New(errs.StoreFull, "%v: try again later, or have results or modules deleted", err)
		e.Cause, e.Retry = err, storeFullRetry
		return e
	case errors.Is(err, store.ErrUnavailable):
		return unavailable(err, "the store is not available for now: %v", err)
	case errors.Is(err, store.ErrBadToken):
		return errs.Invalid(errs.Field{Path: "page_token", Description: "is not one that a list gave out"})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return errs.Wrap(err, "store")
}

func tooManyTags(err *store.TagsError) error {
	const help = "point a tag that is there at another module, or delete modules"
	if err.Digest == (store.Digest{}) {
		return errs.New(errs.LimitExceeded, "there are %d tags, as many as there may be: %s", err.Bound, help)
	}
	return errs.Module(errs.LimitExceeded, err.Digest.String(),
		"module %s has %d tags, as many as one may have: %s", err.Digest, err.Bound, help)
}

// unavailable is a passing failure of the host that a client met: trying again helps.
func unavailable(cause error, format string, args ...any) error {
	e := errs.New(errs.Unavailable, format, args...)
	e.Cause, e.Retry = cause, time.Second
	return e
}

// noWorkload says that there is no workload of that id.
func noWorkload(id string) error {
	return errs.Workload(errs.WorkloadNotFound, id, "there is no workload %q", id)
}

// noModule says that there is no module of that digest or tag.
func noModule(ref string) error {
	return errs.Module(errs.ModuleNotFound, ref, "there is no module %q: push it first", ref)
}

// unrecorded tells of a workload that has not ended in the store and is not in memory: the store
// refused to record its end.
func unrecorded(id string) error {
	return errs.Workload(errs.Internal, id, "the end of workload %q could not be recorded", id)
}

// errDraining refuses what a reactor that drains or shuts down does not do any more.
func errDraining() *errs.Error {
	e := errs.New(errs.Draining, "the daemon is draining and takes no new work")
	e.Retry = time.Second
	return e
}
