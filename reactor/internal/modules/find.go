package modules

import (
	"context"
	"errors"
	"strings"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// A module is named by its digest, by the beginning of it if no other module's begins so, or by a tag. What begins with
// "sha256:" is no tag. What else looks like digits can be one, and then has precedence.

// LookUp finds a module for a submission. It refuses one whose signer is not admitted, and one that could not be loaded because
// it is damaged on disk: a new workload of it would wait until somebody pushes the module.
func (r *Registry) LookUp(ctx context.Context, ref string) (store.Digest, *abi.Description, error) {
	digest, m, err := r.lookUp(ctx, ref)
	switch {
	case err != nil:
		return digest, nil, err
	case !r.Admits(m.signer):
		return digest, nil, unsigned(digest, m.signer)
	case r.catalog.isDamaged(digest):
		return digest, nil, refusal.DamagedModule(digest.String())
	}
	return digest, m.info, nil
}

// unsigned is the error for a module whose signer is not admitted.
func unsigned(digest store.Digest, signer string) error {
	why := "no signature of this module was verified"
	if signer != "" {
		why = "this one was verified with another key than those that are accepted, " + signer
	}
	return errs.Module(errs.SignatureRequired, digest.String(),
		"this daemon runs signed modules only, and %s: have the daemon fetch it from its registry (--daemon-pulls)", why)
}

func (r *Registry) lookUp(ctx context.Context, ref string) (store.Digest, entry, error) {
	name, generation := "", 0
	digest, err := store.ParseDigest(ref)
	known := err == nil
	if !known {
		name = ref
		digest, generation, known = r.catalog.digest(name)
	}
	if known {
		m, g := r.catalog.module(digest)
		if m.info != nil {
			return digest, m, nil
		}
		generation = g
	}
	rec, err := r.find(ctx, ref)
	if err != nil {
		return digest, entry{}, err
	}
	info, err := decodeModule(rec)
	if err != nil {
		return digest, entry{}, errs.Wrap(err, "module")
	}
	m := entry{info, rec.Signer}
	r.catalog.remember(generation, name, rec.Digest, m)
	return rec.Digest, m, nil
}

// FindDigest returns the digest that ref names. Its module may have been deleted: workloads can outlive it.
func (r *Registry) FindDigest(ctx context.Context, path, ref string) (store.Digest, error) {
	if digest, err := store.ParseDigest(ref); err == nil {
		return digest, nil
	}
	rec, err := r.byTag(ctx, path, ref)
	switch {
	case err != nil:
		return store.Digest{}, err
	case rec != nil:
		return rec.Digest, nil
	}
	return r.byPrefix(ctx, path, ref, true)
}

// find returns the record of the module that ref names.
func (r *Registry) find(ctx context.Context, ref string) (*store.Module, error) {
	digest, err := store.ParseDigest(ref)
	if err != nil {
		rec, err := r.byTag(ctx, "module", ref)
		if rec != nil || err != nil {
			return rec, err
		}
		if digest, err = r.byPrefix(ctx, "module", ref, false); err != nil {
			return nil, err
		}
	}
	rec, err := r.Store.Module(ctx, digest)
	if missing(err) {
		return nil, refusal.NoModule(ref)
	}
	return rec, refusal.OfStore(err)
}

// byTag returns the module of a tag, nil if there is no such tag. path is the field of the request that has it.
func (r *Registry) byTag(ctx context.Context, path, tag string) (*store.Module, error) {
	if store.IsDigest(tag) {
		return nil, nil
	}
	var f errs.Faults
	if intake.CheckTag(&f, path, tag); len(f) > 0 {
		return nil, f.Err()
	}
	rec, err := r.Store.ModuleByTag(ctx, tag)
	if missing(err) {
		return nil, nil
	}
	return rec, refusal.OfStore(err)
}

// maxCandidates is how many modules an ambiguous prefix names.
const maxCandidates = 4

// byPrefix returns the only digest that begins with ref; former as for store.Modules.
func (r *Registry) byPrefix(ctx context.Context, path, ref string, former bool) (store.Digest, error) {
	prefix, err := store.ParsePrefix(ref)
	if err != nil && store.IsDigest(ref) {
		return store.Digest{}, errs.Invalid(errs.Field{Path: path, Description: err.Error()})
	}
	if err != nil {
		return store.Digest{}, noModule(ref)
	}
	found, err := r.Store.FindModules(ctx, prefix, former, maxCandidates+1)
	switch {
	case err != nil:
		return store.Digest{}, refusal.OfStore(err)
	case len(found) == 0:
		return store.Digest{}, refusal.NoModule(ref)
	case len(found) > 1:
		return store.Digest{}, ambiguous(ref, found)
	}
	return found[0], nil
}

// noModule is refusal.NoModule for what is neither a tag nor the beginning of a digest, but may be meant as one.
func noModule(ref string) error {
	if strings.Trim(ref, "0123456789abcdef") == "" && len(ref) < store.MinPrefix {
		return errs.Module(errs.ModuleNotFound, ref,
			"there is no tag %q, and %d digits at least stand for a digest", ref, store.MinPrefix)
	}
	return refusal.NoModule(ref)
}

// ambiguous is the error for a prefix of several digests, which are in order.
func ambiguous(ref string, found []store.Digest) error {
	digits := 12
	for i, d := range found[1:] {
		digits = max(digits, 4+common(found[i].Hex(), d.Hex()))
	}
	var names []string
	for i, d := range found {
		if i == maxCandidates {
			names = append(names, "and more")
			break
		}
		hex := d.Hex()
		names = append(names, hex[:min(digits, len(hex))])
	}
	return errs.Module(errs.ModuleAmbiguous, ref, "the digests of several modules begin with %q: %s", ref, strings.Join(names, ", "))
}

// common returns how many bytes two strings have in common at their beginnings.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// missing reports whether an error says that there is no such module or tag.
func missing(err error) bool {
	e, ok := errors.AsType[*store.NotFoundError](err)
	return ok && e.Kind != store.KindWorkload
}
