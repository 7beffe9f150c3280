package modules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// maxPushed bounds the complete pushes that wait to be compiled. They wait on disk; the engine bounds those in memory.
const maxPushed = 64

// compilerRetry is when clients are told to push again after a transient failure of a compilation.
const compilerRetry = 2 * time.Second

// Push is a push in progress. It is used by one goroutine at a time, and ended by Commit or Close.
type Push struct {
	registry *Registry
	req      api.PushRequest
	digest   store.Digest
	upload   store.Upload  // nil if the module exists already
	module   *store.Module // if it exists already
	held     bool
	ctx      context.Context // of the call: for making room
}

// Push begins or resumes the push of a module. It does not wait for other pushes. ctx applies until the push has ended.
func (r *Registry) Push(ctx context.Context, req api.PushRequest) (*Push, error) {
	digest, err := r.checkPush(req)
	if err != nil {
		return nil, err
	}
	p := &Push{registry: r, req: req, digest: digest, held: true, ctx: ctx}
	r.holds.add(digest)
	if err := p.begin(ctx); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// begin opens the upload, or finds that the module exists.
func (p *Push) begin(ctx context.Context) (err error) {
	for again := true; again; {
		p.upload, err = p.registry.Store.Upload(ctx, p.digest, int64(p.req.SizeBytes), resumeOf(p.req))
		again = errors.Is(err, store.ErrFull) && p.makeRoom(ctx, p.req.SizeBytes)
	}
	switch {
	case errors.Is(err, store.ErrExists):
		return p.checkExisting(ctx)
	case err != nil:
		return p.storeError(err)
	}
	return nil
}

// makeRoom prunes modules for the push, and reports whether there were any.
func (p *Push) makeRoom(ctx context.Context, bytes uint64) bool {
	pruned, err := p.registry.MakeRoom(ctx, bytes)
	if pruned.Modules > 0 {
		p.registry.OnPruned(pruned)
	}
	return err == nil && pruned.Modules > 0
}

// release lets the module be pruned again.
func (p *Push) release() {
	if p.held {
		p.held = false
		p.registry.holds.remove(p.digest)
	}
}

// storeError converts an error of the store for the client.
func (p *Push) storeError(err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		e := errs.Module(errs.StoreFull, p.req.Digest,
			"the store has no room for a module of %d bytes: delete modules, and the results of ended workloads, which hold theirs, or try again when other pushes have ended", p.req.SizeBytes)
		e.Cause, e.Retry = err, refusal.StoreFullRetry
		return e
	case errors.Is(err, store.ErrStalled):
		return p.Stalled()
	case errors.Is(err, store.ErrTooLong):
		return p.errExcess()
	}
	return refusal.OfStore(err)
}

// Stalled returns the error for a push that brought nothing for too long.
func (p *Push) Stalled() error {
	e := errs.Module(errs.PushStalled, p.req.Digest,
		"the push brought nothing for too long and made room for others: push again to resume it")
	e.Retry = time.Second
	return e
}

// resumeOf says which interrupted uploads the push may resume.
func resumeOf(req api.PushRequest) store.Resume {
	resume := store.Resume{Sender: req.Sender}
	for _, digest := range req.PrefixDigests {
		resume.Prefixes = append(resume.Prefixes, store.Digest(digest))
	}
	return resume
}

func (r *Registry) checkPush(req api.PushRequest) (store.Digest, error) {
	var f errs.Faults
	digest, err := store.ParseDigest(req.Digest)
	if err != nil {
		f.Add("header.digest", "%v", err)
	}
	if req.SizeBytes == 0 {
		f.Add("header.size_bytes", "a module must not be empty")
	}
	checkNames(&f, "header.", req.Tag, req.Name)
	if uint64(len(req.PrefixDigests)) > req.SizeBytes/store.PrefixBytes {
		f.Add("header.prefix_digests", "there are %d, more than the module has mebibytes", len(req.PrefixDigests))
	}
	for i, digest := range req.PrefixDigests {
		if len(digest) != len(store.Digest{}) {
			f.Add(fmt.Sprintf("header.prefix_digests[%d]", i), "has %d bytes, not %d", len(digest), len(store.Digest{}))
			break
		}
	}
	if len(f) > 0 {
		return digest, f.Err()
	}
	if req.SizeBytes > r.MaxBytes {
		return digest, errs.Module(errs.ModuleTooLarge, req.Digest,
			"the module has %d bytes, more than the %d allowed", req.SizeBytes, r.MaxBytes)
	}
	return digest, nil
}

// checkNames checks the tag and the name of a push; prefix is what their fields' paths begin with.
func checkNames(f *errs.Faults, prefix, tag, name string) {
	if tag != "" {
		intake.CheckNewTag(f, prefix+"tag", tag)
	}
	intake.CheckName(f, prefix+"name", name)
}

// checkExisting checks the push of a module that exists already.
func (p *Push) checkExisting(ctx context.Context) error {
	rec, err := p.registry.Store.Module(ctx, p.digest)
	if err != nil {
		return refusal.OfStore(err)
	}
	if uint64(rec.Size) != p.req.SizeBytes {
		return errs.Module(errs.DigestMismatch, p.req.Digest,
			"the module of that digest has %d bytes, not %d", rec.Size, p.req.SizeBytes)
	}
	p.module = rec
	p.registry.catalog.forgetDamage(p.digest) // the store has found it sound
	return nil
}

// Offset returns the offset of the first missing byte: SizeBytes if the module exists.
func (p *Push) Offset() uint64 {
	if p.upload == nil {
		return p.req.SizeBytes
	}
	return uint64(p.upload.Offset())
}

// Write appends the next bytes.
func (p *Push) Write(b []byte) (int, error) {
	if p.upload == nil {
		if len(b) > 0 {
			return 0, p.errExcess()
		}
		return 0, nil
	}
	n, err := p.upload.Write(b)
	for errors.Is(err, store.ErrFull) && p.makeRoom(p.ctx, uint64(len(b))) {
		n, err = p.upload.Write(b)
	}
	if err != nil {
		return n, p.storeError(err)
	}
	return n, nil
}

func (p *Push) errExcess() error {
	return errs.Invalid(errs.Field{Path: "chunk", Description: "there are more bytes than the header announced"})
}

// Commit ends the push: it validates the module, which includes compiling it, and stores it. existed is true if
// the module was there already.
func (p *Push) Commit(ctx context.Context) (m *api.Module, existed bool, err error) {
	defer p.release()
	if p.upload == nil {
		m, err = p.push(ctx)
		return m, true, err
	}
	defer p.Close() //nolint:errcheck // a failed close harms nobody: the next push of the digest finds the bytes
	if uint64(p.upload.Offset()) < p.req.SizeBytes {
		return nil, false, p.uploadError(io.ErrUnexpectedEOF)
	}
	info, err := p.validate(ctx)
	if err != nil {
		if fault, ok := errors.AsType[*errs.Error](err); ok && fault.Class != errs.Internal && fault.Retry == 0 && ctx.Err() == nil {
			err = errors.Join(err, refusal.OfStore(p.discard())) // resuming it would be useless
		}
		return nil, false, err
	}
	rec, err := p.upload.Commit(ctx, store.NewModule{
		Created: time.Now(), Info: encodeModule(info), Tag: p.req.Tag, Provenance: p.provenance(),
	})
	if err != nil {
		return nil, false, p.storeError(err)
	}
	p.registry.catalog.forget()
	p.registry.catalog.forgetDamage(p.digest)
	p.registry.OnStored(p.digest)
	m, err = p.registry.moduleOf(rec)
	return m, false, errs.Wrap(err, "module")
}

func (p *Push) provenance() store.Provenance {
	return store.Provenance{Name: p.req.Name, Artifact: p.req.Artifact, Signer: p.req.Signer}
}

// push notes the push of the existing module, and points the tag at it if there is one.
func (p *Push) push(ctx context.Context) (*api.Module, error) {
	now := time.Now()
	from := p.provenance()
	if from.Over(p.module.Provenance) != p.module.Provenance || now.Sub(p.module.Used) >= store.UseStep {
		err := p.registry.Store.UseModule(ctx, p.digest, from, now)
		p.registry.catalog.forget()
		if err != nil {
			return nil, refusal.OfStore(err)
		}
	}
	if p.req.Tag != "" {
		return p.registry.Tag(ctx, p.req.Digest, p.req.Tag)
	}
	return p.registry.Get(ctx, p.req.Digest)
}

func (p *Push) uploadError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errs.Invalid(errs.Field{Path: "chunk", Description: "there are fewer bytes than the header announced: push again to resume"})
	case errors.Is(err, store.ErrDigestMismatch):
		return errs.Module(errs.DigestMismatch, p.req.Digest, "the bytes do not have the digest that was announced")
	}
	return p.storeError(err)
}

func (p *Push) discard() error {
	upload := p.upload
	p.upload = nil
	return upload.Discard()
}

// Discard ends the push, if it is not committed, and forgets the received bytes, of which nothing good can come.
func (p *Push) Discard() error {
	p.release()
	if p.upload == nil {
		return nil
	}
	return refusal.OfStore(p.discard())
}

// Close ends the push, if it is not committed. The received bytes are kept for another push of the same digest.
func (p *Push) Close() error {
	p.release()
	if p.upload == nil {
		return nil
	}
	upload := p.upload
	p.upload = nil
	return refusal.OfStore(upload.Close())
}

// validate returns the module's description, or why it can't be run here. It compiles the module, since some faults show
// only in the compiler, and so that the first workload starts sooner.
func (p *Push) validate(ctx context.Context) (info *abi.Description, err error) {
	r := p.registry
	select {
	case r.pushed <- struct{}{}:
		defer func() { <-r.pushed }()
	default:
		e := errs.New(errs.QueueFull, "%d modules wait to be compiled: push again when some are", maxPushed)
		e.Retry = compilerRetry
		return nil, e
	}
	source := &pushedBytes{push: p}
	defer source.end()
	program, err := r.ABIs.Load(ctx, r.Engine, abi.Source{
		Digest: p.digest.String(), Read: source.read,
		Accept: func(info *abi.Description) error { return r.checkFits(p.digest, info) },
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, errs.Wrap(refuse(p.digest.String(), err), "load the module")
	}
	defer program.Release()
	info = program.Description()
	return info, r.checkFits(p.digest, info)
}

// checkFits returns an error for a module that starts with more memory than a workload can have.
func (r *Registry) checkFits(digest store.Digest, info *abi.Description) error {
	if least := info.StartBytes(); least > r.MaxMemoryBytes() {
		return errs.Module(errs.LimitExceeded, digest.String(),
			"the module starts with %d bytes of memory, more than a workload can have here: the operator can raise --max-memory", least)
	}
	return nil
}

// pushedBytes reads the bytes of a push when its compilation begins, on another goroutine, unless the push has ended.
type pushedBytes struct {
	mu    sync.Mutex
	push  *Push
	ended bool
}

func (b *pushedBytes) read() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil, &engine.TransientError{Err: errors.New("the push has ended")}
	}
	binary, err := b.push.upload.Bytes()
	if err != nil {
		return nil, b.push.uploadError(err)
	}
	return binary, nil
}

// end waits for a running read.
func (b *pushedBytes) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
}
