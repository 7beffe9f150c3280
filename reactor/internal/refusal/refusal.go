package refusal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// StoreFullRetry is when clients are told to try again if the store is full: pruning goes on, and operators free space.
const StoreFullRetry = 10 * time.Second

// OfStore converts an error of the store for clients. It returns nil for nil, and the error of an ended context as it is.
func OfStore(err error) error {
	if err == nil {
		return nil
	}
	if missing, ok := errors.AsType[*store.NotFoundError](err); ok {
		if missing.Kind == store.KindWorkload {
			return NoWorkload(missing.Name)
		}
		return NoModule(missing.Name)
	}
	if corrupt, ok := errors.AsType[*store.CorruptError](err); ok && corrupt.Kind == store.KindModule {
		e := DamagedModule(corrupt.Name)
		e.Cause = err
		return e
	}
	if busy, ok := errors.AsType[*store.InUseError](err); ok {
		users := "a workload that has not finished: cancel it or wait"
		if busy.Workloads != 1 {
			users = fmt.Sprintf("%d workloads that have not finished: cancel them or wait", busy.Workloads)
		}
		return errs.Module(errs.ModuleInUse, busy.Digest.String(), "module %s is used by %s", busy.Digest, users)
	}
	if kept, ok := errors.AsType[*store.KeptError](err); ok {
		return errs.Module(errs.ModuleInUse, kept.Digest.String(), "%v", kept)
	}
	if open, ok := errors.AsType[*store.UnfinishedError](err); ok {
		return errs.Workload(errs.WorkloadUnfinished, open.ID, "workload %q has not ended: cancel it first, or wait for its end", open.ID)
	}
	if tags, ok := errors.AsType[*store.TagsError](err); ok {
		return tooManyTags(tags)
	}
	switch {
	case errors.Is(err, store.ErrClosed):
		return Draining()
	case errors.Is(err, store.ErrFull):
		e := errs.New(errs.StoreFull, "%v: try again later, or delete results or modules", err)
		e.Cause, e.Retry = err, StoreFullRetry
		return e
	case errors.Is(err, store.ErrUnavailable):
		e := errs.New(errs.Unavailable, "the store is not available for now: %v", err)
		e.Cause, e.Retry = err, time.Second
		return e
	case errors.Is(err, store.ErrBadToken):
		return errs.Invalid(errs.Field{Path: "page_token", Description: "is not one that a list gave out"})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return errs.Wrap(err, "store")
}

func tooManyTags(err *store.TagsError) error {
	const help = "remove a tag, or delete modules"
	if err.Digest == (store.Digest{}) {
		return errs.New(errs.LimitExceeded, "there are %d tags, as many as there may be: %s", err.Bound, help)
	}
	return errs.Module(errs.LimitExceeded, err.Digest.String(),
		"module %s has %d tags, as many as one may have: %s", err.Digest, err.Bound, help)
}

// NoWorkload returns the error for an id without a workload.
func NoWorkload(id string) error {
	return errs.Workload(errs.WorkloadNotFound, id, "there is no workload %q", id)
}

// NoModule returns the error for a digest or tag without a module.
func NoModule(ref string) error {
	return errs.Module(errs.ModuleNotFound, ref, "there is no module %q", ref)
}

// DamagedModule returns the error for a module that can't be read from the disk. A client that has the module can treat
// it as one that is missing, and push it.
func DamagedModule(digest string) *errs.Error {
	return errs.Module(errs.ModuleNotFound, digest, "module %s is damaged on disk: push it again", digest)
}

// Unrecorded returns the error for a workload that is unfinished in the store and no longer in memory: the store
// refused to record its end.
func Unrecorded(id string) error {
	return errs.Workload(errs.Internal, id, "the end of workload %q could not be recorded", id)
}

// Draining returns the error for what a reactor does not do while it drains or shuts down.
func Draining() *errs.Error {
	e := errs.New(errs.Draining, "the daemon is draining and takes no new work")
	e.Retry = time.Second
	return e
}

// QueueFull refuses a submission for which the queue has no room.
func QueueFull(format string, args ...any) error {
	e := errs.New(errs.QueueFull, format, args...)
	e.Retry = time.Second
	return e
}

// InUse refuses a submission under an id that is another workload's.
func InUse(id string) error {
	return errs.Workload(errs.WorkloadExists, id, "there is a workload %q with another spec: choose another id, or delete that workload once it has ended", id)
}
