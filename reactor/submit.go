package reactor

import (
	"context"
	"fmt"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// MaxBatch bounds the workloads of one SubmitWorkloads.
const MaxBatch = 10_000

// defaultTenant is whose workloads all are, for now.
const defaultTenant = "default"

// SubmitWorkload stores a workload and queues it. When it returns the workload is on disk. The same
// spec under the same id again creates nothing and returns the workload there is.
func (r *Reactor) SubmitWorkload(ctx context.Context, req api.SubmitRequest) (w *api.Workload, created bool, err error) {
	results, err := r.submit(ctx, []api.SubmitRequest{req})
	if err != nil {
		return nil, false, err
	}
	if results[0].err != nil {
		return nil, false, results[0].err
	}
	if results[0].created {
		w = &api.Workload{
			ID: results[0].id, Spec: *results[0].spec,
			Status: api.Status{State: api.Pending, CreateTime: results[0].rec.Created},
		}
	} else if w, err = record.Decode(results[0].rec); err != nil {
		return nil, false, errs.Wrap(err, "workload")
	}
	r.overlay(w)
	return w, results[0].created, nil
}

// SubmitWorkloads submits many, each on its own terms. The results are in order. The error is not
// nil if nothing was done.
func (r *Reactor) SubmitWorkloads(ctx context.Context, reqs []api.SubmitRequest) ([]api.SubmitResult, error) {
	if len(reqs) > MaxBatch {
		return nil, errs.Invalid(errs.Field{Path: "requests", Description: fmt.Sprintf("%d workloads are more than the %d allowed", len(reqs), MaxBatch)})
	}
	submissions, err := r.submit(ctx, reqs)
	if err != nil {
		return nil, err
	}
	results := make([]api.SubmitResult, len(submissions))
	for i, s := range submissions {
		results[i] = api.SubmitResult{ID: s.id, Created: s.created, Err: s.err}
	}
	return results, nil
}

// submission is one workload on its way into the store.
type submission struct {
	id       string
	sent     *api.Spec    // as the client sent it
	hash     store.Digest // of that
	spec     *api.Spec    // what rec.Spec says; not changed any more
	rec      *store.Workload
	granted  bool  // it has a place in the queue until unreserve
	reserved int64 // bytes
	created  bool
	err      error
}

// submit takes submissions through their checks and stores what passes, in order. What is
// refused for a reason that lies in the reactor (its modules, files, room), not in the request,
// may be the repetition of one that succeeded: then that is the answer.
func (r *Reactor) submit(ctx context.Context, reqs []api.SubmitRequest) ([]submission, error) {
	now := time.Now()
	submissions := make([]submission, len(reqs))
	for i := range reqs {
		submissions[i] = r.check(ctx, &reqs[i], now)
	}
	r.reserve(submissions)
	defer r.unreserve(submissions)
	if err := r.commit(ctx, submissions); err != nil {
		return nil, err
	}
	for i := range submissions {
		if s := &submissions[i]; s.err != nil && reqs[i].ID != "" && repeatable(s.err) {
			r.repeat(ctx, s)
		}
	}
	return submissions, nil
}

// check checks a request and makes the record of it.
func (r *Reactor) check(ctx context.Context, req *api.SubmitRequest, now time.Time) (s submission) {
	s.id, s.sent = req.ID, &req.Spec
	var f errs.Faults
	if s.id == "" {
		s.id = intake.NewID(now)
	} else {
		intake.CheckNewID(&f, "id", s.id)
	}
	limits := req.Spec.Limits.Or(r.cfg.DefaultLimits)
	r.bounds.CheckSpec(&f, &req.Spec, limits)
	if len(f) > 0 {
		s.err = f.Err()
		return s
	}
	encoding := record.EncodeSpec(&req.Spec)
	s.hash = encoding.Hash()
	digest, info, err := r.modules.LookUp(ctx, req.Spec.Module)
	if err != nil {
		s.err = err
		return s
	}
	r.checkNode(&f, info, &req.Spec)
	if s.err = r.modules.CheckSpec(&f, info, &req.Spec, limits); s.err != nil {
		return s
	}
	if len(f) > 0 {
		s.err = f.Err()
		return s
	}
	if s.err = r.grants.Check(ctx, req.Spec.Grants); s.err != nil {
		return s
	}
	trace, _ := hooks.ParseTraceParent(req.TraceParent)
	encoding.TraceParent = string(trace)
	spec := req.Spec
	spec.Module, spec.Limits = digest.String(), limits
	s.spec = &spec
	s.rec = &store.Workload{
		ID: s.id, Tenant: defaultTenant, Name: spec.Name, Labels: spec.Labels, Module: digest,
		Spec: encoding.Spec(limits), SpecHash: s.hash, Created: now,
	}
	return s
}

// checkNode finds that a workload starts with more memory than the node has.
func (r *Reactor) checkNode(f *errs.Faults, module *abi.Description, spec *api.Spec) {
	if least := int64(module.MinMemoryBytes()) + int64(len(spec.Stdin)) + firstStack; least > r.cfg.MemoryBytes {
		f.Add("spec.module", "%v", &outcome.NodeMemoryError{Need: least, Node: r.cfg.MemoryBytes})
	}
}

// decoded is a spec beside what it was encoded to, so that it need not be decoded to be run.
type decoded struct {
	spec    *api.Spec
	encoded []byte
}

// reserve takes places in the queue for what passed the checks, and refuses what there is no place
// for.
func (r *Reactor) reserve(submissions []submission) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range submissions {
		s := &submissions[i]
		if s.err != nil {
			continue
		}
		place := store.PlaceOf(s.rec)
		size := sizeOf(&place)
		switch r.sched.Promise(size) {
		case schedule.Draining:
			s.err = refusal.Draining()
		case schedule.NoPlace:
			s.err = queueFull("%d workloads wait to be started, and no more are taken until some have (--queue): try again later", r.cfg.MaxPending)
		case schedule.NoBytes:
			s.err = queueFull("%d bytes of workloads wait to be started, and %d more would be above the bound of %d (--queue-bytes): try again later",
				r.sched.Taken(), size, r.cfg.MaxPendingBytes)
		default:
			s.granted, s.reserved = true, size
			r.submitting[s.id] = decoded{s.spec, s.rec.Spec}
		}
	}
}

func queueFull(format string, args ...any) error {
	e := errs.New(errs.QueueFull, format, args...)
	e.Retry = time.Second
	return e
}

func (r *Reactor) unreserve(submissions []submission) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range submissions {
		if s := &submissions[i]; s.granted {
			r.sched.Redeem(s.reserved)
			delete(r.submitting, s.id)
		}
	}
}

// commitBytes bounds what is stored in one commit, but for a single workload that is larger: others wait for
// the commit of a batch's part, not for that of the batch.
const commitBytes = 512 << 10

// commit stores what has no error yet, in as many commits as it takes. It fails if the first of them does;
// when a later one fails, that is the error of the submissions that are not stored.
func (r *Reactor) commit(ctx context.Context, submissions []submission) error {
	var failed error
	part := make([]*submission, 0, len(submissions))
	size, first := int64(0), true
	flush := func() error {
		err := failed
		if err == nil && len(part) > 0 {
			err = r.commitPart(ctx, part)
		}
		if err != nil && !first {
			failed, err = err, nil
			for _, s := range part {
				s.err = failed
			}
		}
		part, size, first = part[:0], 0, false
		return err
	}
	for i := range submissions {
		s := &submissions[i]
		if s.err != nil {
			continue
		}
		bytes := s.rec.Bytes()
		if len(part) > 0 && size+bytes > commitBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		part, size = append(part, s), size+bytes
	}
	return flush()
}

// commitPart stores submissions in one commit.
func (r *Reactor) commitPart(ctx context.Context, part []*submission) error {
	recs := make([]*store.Workload, len(part))
	for i, s := range part {
		recs[i] = s.rec
	}
	answers, err := r.store.Submit(ctx, recs)
	if err != nil {
		return refusal.OfStore(err)
	}
	for i, answer := range answers {
		s := part[i]
		s.rec, s.created = answer.Workload, answer.Created
		switch {
		case answer.Err != nil:
			s.err = refusal.OfStore(answer.Err)
		case !answer.Created && !record.IsOf(answer.Workload, s.sent, s.hash):
			s.rec, s.err = nil, inUse(s.id)
		}
	}
	return nil
}

func inUse(id string) error {
	return errs.Workload(errs.WorkloadExists, id, "there is a workload %q with another spec: choose another id", id)
}

// repeatable tells whether a request that is refused now may have succeeded before.
func repeatable(err error) bool {
	switch errs.ClassOf(err) {
	case errs.ModuleNotFound, errs.GrantDenied, errs.QueueFull, errs.Draining, errs.Unavailable:
		return true
	default:
		return false
	}
}

// repeat answers with the workload there is, if it has the spec of this submission.
func (r *Reactor) repeat(ctx context.Context, s *submission) {
	rec, err := r.store.Workload(ctx, s.id)
	if err == nil && record.IsOf(rec, s.sent, s.hash) {
		s.rec, s.err = rec, nil
	}
}
