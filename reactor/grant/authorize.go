package grant

import (
	"context"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/policy"
)

// Rules are what the operator allows.
type Rules struct {
	Allow policy.Policy
	// LookUp tells why the folder at a path may not be granted. It may wait for the folder's file system.
	LookUp func(ctx context.Context, path string) error
}

// Authorize refuses what is not allowed among the grants of a spec that is valid, and folders that are not
// there. A folder whose file system does not answer is refused for now.
func Authorize(ctx context.Context, rules Rules, grants []Grant) error {
	for i, g := range grants {
		if err := g.authorize(ctx, rules, pathOf(i)+"."+g.Kind()); err != nil {
			return err
		}
	}
	return nil
}

// denied is the error of what may not be granted, because of the field at a path.
func denied(what, path string, why error) error {
	return &errs.Error{
		Class: errs.GrantDenied, Message: what + ": " + why.Error(), Cause: why,
		Fields: []errs.Field{{Path: path, Description: why.Error()}},
	}
}
