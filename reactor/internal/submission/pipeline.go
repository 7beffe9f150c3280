package submission

import (
	"context"
	"errors"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/pipes"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// defaultTenant is whose workloads all are, for now.
const defaultTenant = "default"

// Modules looks up the modules that workloads run.
type Modules interface {
	LookUp(ctx context.Context, ref string) (store.Digest, *abi.Description, error)
	// Hold keeps a module from being pruned until Release.
	Hold(digest store.Digest)
	Release(digest store.Digest)
	// CheckSpec adds to f what is wrong with a spec for its module. An error is one of the host.
	CheckSpec(f *errs.Faults, module *abi.Description, spec *api.Spec, limits api.Limits, channels bool) error
}

// Queue holds a place for each submission until its workload is queued.
type Queue interface {
	// Reserve takes a place and returns its size in bytes. An error is an *errs.Error.
	Reserve(rec *store.Workload, spec *api.Spec) (size int64, err error)
	// Release gives the place back: the workload has been stored, or will not be.
	Release(id string, size int64)
}

// Pipeline takes workloads in. Its fields do not change.
type Pipeline struct {
	Modules Modules
	Queue   Queue
	Store   store.Workloads
	// Limits returns what a submission may have at most, and the limits of a workload that sets none.
	Limits func() (most intake.Bounds, defaults api.Limits)
	// MemoryBytes is the node's memory for all guests.
	MemoryBytes int64
	// Authorize refuses grants that are not allowed.
	Authorize func(context.Context, []grant.Grant) error
	// AuthorizeSecret refuses a secret that is not allowed, which a spec has at path.
	AuthorizeSecret func(ctx context.Context, path, ref string) error
	// Awaits reports whether a workload of a pair waits for the one on a side. It does not block.
	Awaits func(pair pipes.Pair, side pipes.Side) bool
}

// Result is what became of a submission.
type Result struct {
	ID      string
	Created bool
	Spec    *api.Spec       // of one that was created, with defaults filled in
	Record  *store.Workload // as it is in the store; nil if Err is not
	Err     error
}

// submission is one workload on its way into the store. Its Record is the one to store until it has been.
type submission struct {
	Result
	named    bool         // the client chose its id
	sent     *api.Spec    // as the client sent it
	hash     store.Digest // of that; zero if something is wrong with the spec itself
	module   store.Digest // what it runs
	held     bool         // its module is held
	reserved bool         // it has a place in the queue, of this size
	size     int64
	answered bool // the store has answered: it has looked for the id
}

// Submit checks submissions and stores those that pass, in order. A submission that is refused for any reason but its own
// spec (because of the daemon's modules, folders, queue or room) may repeat one that succeeded before: then the answer is
// the workload that exists. Submit fails if the first commit fails and none of the workloads exists. If ctx ends during a
// commit, it is unknown whether the commit took place: the same submission under the same id finds out.
func (p *Pipeline) Submit(ctx context.Context, reqs []api.SubmitRequest) ([]Result, error) {
	now := time.Now()
	submissions := make([]submission, len(reqs))
	defer p.letGo(submissions)
	most, defaults := p.Limits() // one answer for all of them
	others := p.partnersOf(reqs)
	for i := range reqs {
		p.check(ctx, &submissions[i], &reqs[i], now, &most, defaults)
		if one := &submissions[i]; one.Err == nil && (one.sent.StdoutTo != "" || one.sent.StdinFrom != "") {
			one.Err = p.checkPipes(ctx, &others, one.ID, one.sent)
		}
	}
	failed := p.store(ctx, submissions)
	known := p.lookUp(ctx, submissions)
	if failed != nil && known == 0 {
		return nil, failed
	}
	results := make([]Result, len(submissions))
	for i := range submissions {
		one := &submissions[i]
		if one.Err != nil {
			one.Record = nil // it is not in the store
		}
		results[i] = one.Result
	}
	return results, nil
}

// check checks a request and makes the record of it.
func (p *Pipeline) check(ctx context.Context, one *submission, req *api.SubmitRequest, now time.Time, most *intake.Bounds, defaults api.Limits) {
	one.ID, one.named, one.sent = req.ID, req.ID != "", &req.Spec
	var f errs.Faults
	if one.named {
		intake.CheckNewID(&f, "id", one.ID)
	} else {
		one.ID = intake.NewID(now)
	}
	limits := req.Spec.Limits.Or(defaults)
	most.CheckSpec(&f, &req.Spec, limits)
	intake.CheckPartners(&f, req.ID, &req.Spec)
	if len(f) > 0 {
		one.Err = f.Err()
		return
	}
	encoding := record.EncodeSpec(&req.Spec)
	one.hash = encoding.Hash()
	digest, module, err := p.Modules.LookUp(ctx, req.Spec.Module)
	if err != nil {
		one.Err = err
		return
	}
	p.Modules.Hold(digest)
	one.module, one.held = digest, true
	if one.Err = p.checkModule(ctx, module, &req.Spec, limits); one.Err != nil {
		return
	}
	encoding.Trace = hooks.ParseTrace(req.TraceParent, req.TraceState)
	spec := req.Spec
	spec.Module, spec.Limits = digest.String(), limits
	one.Spec = &spec
	one.Record = &store.Workload{
		ID: one.ID, Tenant: defaultTenant, Name: spec.Name, Labels: spec.Labels, Module: digest,
		Spec: encoding.Spec(limits), SpecHash: one.hash, Created: now,
	}
}

// letGo releases the modules.
func (p *Pipeline) letGo(submissions []submission) {
	for i := range submissions {
		if one := &submissions[i]; one.held {
			p.Modules.Release(one.module)
		}
	}
}

// checkModule checks a spec against its module, the node's memory, and what may be granted.
func (p *Pipeline) checkModule(ctx context.Context, module *abi.Description, spec *api.Spec, limits api.Limits) error {
	var f errs.Faults
	if least := int64(module.StartBytes()) + int64(len(spec.Stdin)) + attempt.FirstStackBytes; least > p.MemoryBytes {
		f.Add("spec.module", "%v", &outcome.NodeMemoryError{Need: least, Node: p.MemoryBytes})
	}
	if err := p.Modules.CheckSpec(&f, module, spec, limits, false); err != nil {
		return err
	}
	if len(f) > 0 {
		return f.Err()
	}
	if err := p.Authorize(ctx, spec.Grants); err != nil || spec.Serve == nil || spec.Serve.Certificate == "" {
		return err
	}
	if err := p.AuthorizeSecret(ctx, "spec.serve.certificate", spec.Serve.Certificate); err != nil {
		return err
	}
	return p.AuthorizeSecret(ctx, "spec.serve.key", spec.Serve.Key)
}

// store stores what passed the checks, and has places in the queue meanwhile. Its error is that of commit.
func (p *Pipeline) store(ctx context.Context, submissions []submission) error {
	p.reserve(submissions)
	defer p.release(submissions)
	return p.commit(ctx, submissions)
}

// reserve takes places in the queue for what passed the checks.
func (p *Pipeline) reserve(submissions []submission) {
	for i := range submissions {
		one := &submissions[i]
		if one.Err != nil {
			continue
		}
		one.size, one.Err = p.Queue.Reserve(one.Record, one.Spec)
		one.reserved = one.Err == nil
	}
}

func (p *Pipeline) release(submissions []submission) {
	for i := range submissions {
		if one := &submissions[i]; one.reserved {
			p.Queue.Release(one.ID, one.size)
		}
	}
}

// CommitBytes bounds the size of one commit, except for a single larger workload. So others wait for the commit of a
// part of a batch, not for the whole batch.
const CommitBytes = 512 << 10

// commit stores the submissions without an error, in parts. If one fails, that is the error of the submissions in it and
// in the parts after it. It returns the error of the first part: then nothing was stored, as far as is known.
func (p *Pipeline) commit(ctx context.Context, submissions []submission) (first error) {
	var failed error
	for i, part := range parts(submissions) {
		if failed == nil {
			failed = p.commitPart(ctx, part)
		}
		if failed == nil {
			continue
		}
		if i == 0 {
			first = failed
		}
		for _, one := range part {
			one.Err = failed
		}
	}
	return first
}

// parts divides the submissions without an error into commits.
func parts(submissions []submission) [][]*submission {
	var all [][]*submission
	size := int64(CommitBytes)
	for i := range submissions {
		one := &submissions[i]
		if one.Err != nil {
			continue
		}
		bytes := one.Record.Bytes()
		if size += bytes; size > CommitBytes {
			all, size = append(all, nil), bytes
		}
		last := len(all) - 1
		all[last] = append(all[last], one)
	}
	return all
}

// commitPart stores submissions in one commit.
func (p *Pipeline) commitPart(ctx context.Context, part []*submission) error {
	recs := make([]*store.Workload, len(part))
	for i, one := range part {
		recs[i] = one.Record
	}
	answers, err := p.Store.Submit(ctx, recs)
	if err != nil {
		return refusal.OfStore(err)
	}
	for i, answer := range answers {
		one := part[i]
		one.Record, one.Created, one.answered = answer.Workload, answer.Created, true
		switch {
		case answer.Err != nil:
			one.Err = refusal.OfStore(answer.Err)
		case !answer.Created && answer.Workload.SpecHash != one.hash:
			one.Record, one.Err = nil, refusal.InUse(one.ID)
			one.answered = !record.IsOf(answer.Workload, one.sent, one.hash) // an older daemon's may lack its spec here
		}
	}
	return nil
}

// lookUp answers the submissions that were refused without asking the store, and that may repeat others, with the
// workloads there are. It returns how many those are. A store that can't be written to can still be read; when it can't
// be read either, that is the error of those whose workloads may exist, and none is looked for any more.
func (p *Pipeline) lookUp(ctx context.Context, submissions []submission) (known int) {
	var unreadable error
	for i := range submissions {
		one := &submissions[i]
		if one.Err == nil || one.answered || !one.named || one.hash == (store.Digest{}) {
			continue
		}
		if unreadable != nil {
			one.Err = unreadable
			continue
		}
		rec, err := p.existing(ctx, one)
		_, missing := errors.AsType[*store.NotFoundError](err)
		_, corrupt := errors.AsType[*store.CorruptError](err)
		switch {
		case missing:
		case err != nil:
			one.Err = refusal.OfStore(err)
			if !corrupt {
				unreadable = one.Err
			}
		case rec != nil:
			one.Record, one.Err = rec, nil
			known++
		}
	}
	return known
}

// existing returns the workload that a submission repeats, nil if the one with its id has another spec.
func (p *Pipeline) existing(ctx context.Context, one *submission) (*store.Workload, error) {
	rec, err := p.Store.Existing(ctx, one.ID, one.hash)
	switch {
	case err != nil || rec.SpecHash == one.hash:
		return rec, err
	case record.IsOf(rec, one.sent, one.hash): // it is an older daemon's, and may lack its spec
		return p.Store.Workload(ctx, one.ID)
	}
	return nil, nil
}
