package grant

import (
	"context"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/policy"
)

// Rules are what the operator allows.
type Rules struct {
	Allow policy.Policy
	// LookUp returns why the folder at a path may not be granted. It may wait for the folder's file system.
	LookUp func(ctx context.Context, path string) error
}

// Authorize returns an error if a grant of a valid spec is not allowed, or if its folder does not exist. If the file
// system of a folder does not answer the error is temporary.
func Authorize(ctx context.Context, rules Rules, grants []Grant) error {
	for i, g := range grants {
		if err := g.authorize(ctx, rules, pathOf(i)+"."+g.Kind()); err != nil {
			return err
		}
	}
	return nil
}

// denied returns the error for the field at a path, which asks for what may not be granted.
func denied(what, path string, why error) error {
	return &errs.Error{
		Class: errs.GrantDenied, Message: what + ": " + why.Error(), Cause: why,
		Fields: []errs.Field{{Path: path, Description: why.Error()}},
	}
}
