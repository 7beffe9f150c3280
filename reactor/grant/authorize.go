package grant

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// Rules are what the operator allows.
type Rules struct {
	Allow policy.Policy
	// LookUp returns why the folder at a path may not be granted. It may wait for the folder's file system.
	LookUp func(ctx context.Context, path string) error
	// LookUpSecret returns why the secret at a reference may not be granted. It may wait for the file system that it is on.
	LookUpSecret func(ctx context.Context, ref string) error
	// RefuseOwn returns an error if a connection to an address would reach the daemon.
	RefuseOwn func(to netip.AddrPort) error
}

// Authorize returns an error if a grant of a valid spec is not allowed, or if its folder does not exist: it tells of all such
// grants. If the file system of a folder does not answer the error is temporary.
func Authorize(ctx context.Context, rules Rules, grants []Grant) error {
	var all []*errs.Error
	for i, g := range grants {
		err := g.authorize(ctx, rules, pathOf(i)+"."+g.Kind())
		if err == nil {
			continue
		}
		one, ok := errors.AsType[*errs.Error](err)
		if !ok || one.Class != errs.GrantDenied {
			return err
		}
		all = append(all, one)
	}
	return allDenied(all)
}

// AuthorizeSecret returns an error if a secret that a valid spec has at path, besides its grants, is not allowed.
func AuthorizeSecret(ctx context.Context, rules Rules, path, ref string) error {
	return lookUp(ctx, rules.LookUpSecret, ref, fmt.Sprintf("secret %q", ref), path)
}

// allDenied returns the error for all grants that are denied; nil if there are none.
func allDenied(all []*errs.Error) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	var faults errs.Faults
	var causes []error
	for _, one := range all {
		faults = append(faults, errs.Field{Path: one.Fields[0].Path, Description: one.Message})
		causes = append(causes, one.Cause)
	}
	list, _ := errors.AsType[*errs.Error](faults.Err())
	return &errs.Error{Class: errs.GrantDenied, Message: list.Message, Fields: list.Fields, Cause: errors.Join(causes...)}
}

// lookUp asks find about a name that the grant has in the field at path. what describes the grant.
func lookUp(ctx context.Context, find func(context.Context, string) error, name, what, path string) error {
	err := find(ctx, name)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	if _, hangs := errors.AsType[*lookup.HangError](err); hangs || retry.OfFile(err) != retry.None {
		e := errs.New(errs.Unavailable, "%s can't be looked at for now: %v", what, err)
		e.Cause, e.Retry = err, time.Second
		return e
	}
	return denied(what, path, err)
}

// denied returns the error for the field at a path, which asks for what may not be granted.
func denied(what, path string, why error) error {
	return &errs.Error{
		Class: errs.GrantDenied, Message: what + ": " + why.Error(), Cause: why,
		Fields: []errs.Field{{Path: path, Description: why.Error()}},
	}
}
