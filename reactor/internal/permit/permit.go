package permit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/policy"
)

// Permit decides about grants. Of it only the operator's policy changes.
type Permit struct {
	allow   atomic.Pointer[policy.Policy]
	private []private
	own     own
	lookups *lookup.Lookups // for submitted grants: a grant that is opened is looked up by the guest's own job
}

var _ capability.Permit = (*Permit)(nil)

// private is a place that belongs to the daemon: the place itself, and the folders that contain it.
type private []lookup.Step

// patience is how long a submission waits for the file system of a folder that it grants.
const patience = 3 * time.Second

// New makes a permit from the operator's policy. The private paths, which must exist, are never granted, nor is anything
// below them, nor are folders that contain them. The daemon serves at its own addresses, and nobody is let to them.
func New(allow policy.Policy, privatePaths []string, ownAddresses []netip.AddrPort, mounts lookup.Mounts) (*Permit, error) {
	p := &Permit{own: ownAddresses, lookups: lookup.New(lookup.Host{}, mounts, patience)}
	p.SetPolicy(allow)
	for _, path := range privatePaths {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("what is not to be granted: %w", err)
		}
		steps, err := lookup.Resolve(lookup.Host{}, path)
		if err != nil {
			return nil, fmt.Errorf("what is not to be granted: %w", err)
		}
		p.private = append(p.private, steps)
	}
	return p, nil
}

// SetPolicy changes what the operator allows. It applies to what is submitted and to what is opened from now on; what
// guests have open stays open.
func (p *Permit) SetPolicy(allow policy.Policy) { p.allow.Store(&allow) }

// Check returns an error for grants of a valid spec that are not allowed.
func (p *Permit) Check(ctx context.Context, grants []grant.Grant) error {
	return grant.Authorize(ctx, p.rules(), grants)
}

// CheckSecret returns an error if a secret that a valid spec has at path is not allowed.
func (p *Permit) CheckSecret(ctx context.Context, path, ref string) error {
	return grant.AuthorizeSecret(ctx, p.rules(), path, ref)
}

func (p *Permit) rules() grant.Rules {
	return grant.Rules{Allow: *p.allow.Load(), LookUp: p.lookUp, LookUpSecret: p.lookUpSecret, RefuseOwn: p.refuseOwn}
}

// lookUp checks whether a folder may be granted, and gives up if its file system does not answer. If no folder may be
// granted it touches no file system.
func (p *Permit) lookUp(ctx context.Context, path string) error {
	if len(p.allow.Load().Dirs) == 0 {
		return policy.ErrDir
	}
	refusal, err := lookup.Do(ctx, p.lookups, func(files lookup.Files) error {
		_, refusal := p.dir(files, path)
		return refusal
	})
	if err != nil {
		return err
	}
	return refusal
}

// Dir implements capability.Permit.
func (p *Permit) Dir(path string) (string, error) { return p.dir(lookup.Host{}, path) }

// dir returns the path of a folder that may be granted, without links. For a path that is not allowed it does not even
// reveal whether it exists.
func (p *Permit) dir(files lookup.Files, path string) (string, error) {
	steps, err := lookup.Resolve(files, path)
	resolved := filepath.Clean(path)
	if err == nil {
		resolved = steps[len(steps)-1].Path
	}
	if !p.allow.Load().AllowsDir(resolved, func(dir string) (string, error) { return resolve(files, dir) }) {
		return "", policy.ErrDir
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.New("there is no such folder on the daemon's machine")
	case errors.Is(err, syscall.ENOTDIR), err == nil && !steps[len(steps)-1].Info.IsDir():
		return "", errors.New("it is not a folder")
	case err != nil:
		return "", err
	}
	for _, own := range p.private {
		if err := own.refuse(steps); err != nil {
			return "", err
		}
	}
	return resolved, nil
}

func resolve(files lookup.Files, path string) (string, error) {
	steps, err := lookup.Resolve(files, path)
	if err != nil {
		return "", err
	}
	return steps[len(steps)-1].Path, nil
}

// refuse returns an error if the folder that steps lead to is, contains or lies in a place of the daemon. It compares
// files, not names: a folder has several names where case does not matter, or where it is mounted twice.
func (own private) refuse(steps []lookup.Step) error {
	place, folder := own[len(own)-1], steps[len(steps)-1]
	for _, above := range own {
		if os.SameFile(folder.Info, above.Info) {
			return fmt.Errorf("it has %s in it, which is the daemon's own: grant a folder without that, or keep the daemon's data elsewhere with --data-dir", place.Path)
		}
	}
	for _, above := range steps {
		if os.SameFile(above.Info, place.Info) {
			return fmt.Errorf("it lies in %s, which is the daemon's own", place.Path)
		}
	}
	return nil
}

// Listen implements capability.Permit.
func (p *Permit) Listen(at netip.AddrPort) error {
	if p.allow.Load().AllowsListen(at) {
		return nil
	}
	return policy.ErrListen
}

// Resolve returns an error if a name, in lower case and without a last dot, may not be looked up.
func (p *Permit) Resolve(name string) error {
	if p.allow.Load().AllowsResolve(name) {
		return nil
	}
	return policy.ErrResolve
}

// Dial returns an error if nothing that a pattern covers may be connected to.
func (p *Permit) Dial(pattern policy.Pattern) error {
	if p.allow.Load().MayDial(pattern) {
		return nil
	}
	return policy.ErrConnect
}

// DialName returns why nothing may be connected to by a name.
func (p *Permit) DialName(name string) error {
	if p.allow.Load().MayDialName(name) {
		return nil
	}
	return policy.ErrConnect
}

// HTTP returns an error if no requests may be sent to an origin.
func (p *Permit) HTTP(origin policy.Origin) error {
	if p.allow.Load().MayHTTP(origin) {
		return nil
	}
	return policy.ErrHTTP
}

// HTTPAt returns an error if no requests by a scheme to a host may be sent to an address that it leads to.
func (p *Permit) HTTPAt(scheme, host string, to netip.AddrPort) error {
	if err := p.refuseOwn(to); err != nil {
		return fmt.Errorf("it leads to %s: %w", to, err)
	}
	if p.allow.Load().AllowsHTTP(scheme, host, to) {
		return nil
	}
	return fmt.Errorf("it leads to %s: %w", to, policy.ErrHTTP)
}

// refuseOwn returns an error if a connection to an address would reach the daemon.
func (p *Permit) refuseOwn(to netip.AddrPort) error {
	if p.own.reachedBy(to) {
		return errOwn
	}
	return nil
}

// Connect implements capability.Permit.
func (p *Permit) Connect(host string, to netip.AddrPort) error {
	if err := p.refuseOwn(to); err != nil {
		return fmt.Errorf("it leads to %s: %w", to, err)
	}
	if p.allow.Load().AllowsConnect(host, to) {
		return nil
	}
	return fmt.Errorf("it leads to %s: %w", to, policy.ErrConnect)
}
