package reactor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// permit decides about grants: when they are submitted, so that a client hears of a refusal at once,
// and when they are opened, as a hostcalls.Permit. The second is what counts, since links and names may
// lead elsewhere by then, and the workload may be of a daemon that allowed more. It does not change.
type permit struct {
	allow   policy.Policy
	private []private
	lookups *lookup.Lookups // of what is submitted: what is opened is looked up by the guest's own job
}

// private is a place of the daemon's own: itself, and the folders that contain it.
type private []lookup.Step

// lookupPatience is how long a submission waits for the file system of a folder that it grants.
const lookupPatience = 3 * time.Second

// newPermit makes the permit of a configuration, whose data folder is there.
func newPermit(cfg Config, lookups *lookup.Lookups) (*permit, error) {
	p := &permit{allow: cfg.Allow, lookups: lookups}
	for _, path := range append([]string{cfg.DataDir}, cfg.Private...) {
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

// check refuses what is not allowed among the grants of a spec that is valid, and folders that are not
// there. A folder whose file system does not answer is refused for now.
func (p *permit) check(ctx context.Context, grants []api.Grant) error {
	for i, g := range grants {
		var what, field string
		var err error
		switch g := g.(type) {
		case api.DirectoryGrant:
			what, field = fmt.Sprintf("folder %q", g.HostPath), "directory.host_path"
			if err = p.lookUp(ctx, g.HostPath); err != nil && ctx.Err() != nil {
				return err
			}
			if _, hangs := errors.AsType[*lookup.HangError](err); hangs || err != nil && retry.OfFile(err) != retry.None {
				return unavailable(err, "%s can't be looked at for now: %v", what, err)
			}
		case api.ListenerGrant:
			what, field = fmt.Sprintf("listener on %q", g.Address), "listener.address"
			if host, port := hostPort(g.Address); !p.allow.MayListen(host, port) {
				err = errListen
			}
		case api.ConnectionGrant:
			what, field = fmt.Sprintf("connection to %q", g.Address), "connection.address"
			if host, port := hostPort(g.Address); !p.allow.MayConnect(host, port) {
				err = errConnect
			}
		}
		if err != nil {
			return &errs.Error{
				Class: errs.GrantDenied, Message: what + ": " + err.Error(), Cause: err,
				Fields: []errs.Field{{Path: fmt.Sprintf("spec.grants[%d].%s", i, field), Description: err.Error()}},
			}
		}
	}
	return nil
}

// hostPort splits an address that was checked.
func hostPort(address string) (host string, port uint16) {
	host, service, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(service, 10, 16)
	return host, uint16(n)
}

// The refusals name what the operator can change.
var (
	errDir     = errors.New("the operator does not allow it: --allow-dir has to name it, or a folder that contains it")
	errListen  = errors.New("the operator does not allow it: --allow-listen has to cover it")
	errConnect = errors.New("the operator does not allow it: --allow-connect has to cover it")
)

// lookUp tells whether a folder may be granted, without waiting for ever for its file system. Where no
// folder may be, no file system is touched.
func (p *permit) lookUp(ctx context.Context, path string) error {
	if len(p.allow.Dirs) == 0 {
		return errDir
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

// Dir implements hostcalls.Permit.
func (p *permit) Dir(path string) (string, error) { return p.dir(lookup.Host{}, path) }

// dir returns the path of a folder that may be granted, without links. Of what is not allowed it does not
// even tell whether it is there.
func (p *permit) dir(files lookup.Files, path string) (string, error) {
	steps, err := lookup.Resolve(files, path)
	resolved := filepath.Clean(path)
	if err == nil {
		resolved = steps[len(steps)-1].Path
	}
	if !p.allow.AllowsDir(resolved, func(dir string) (string, error) { return resolve(files, dir) }) {
		return "", errDir
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

// refuse refuses the folder that steps lead to if it has to do with a place of the daemon's own. Folders
// are compared as such, not by name: where case does not matter, or a folder is mounted twice, the same
// has several.
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

// Listen implements hostcalls.Permit.
func (p *permit) Listen(at netip.AddrPort) error {
	if p.allow.AllowsListen(at) {
		return nil
	}
	return errListen
}

// Connect implements hostcalls.Permit.
func (p *permit) Connect(host string, to netip.AddrPort) error {
	if p.allow.AllowsConnect(host, to) {
		return nil
	}
	return fmt.Errorf("it leads to %s: %w", to, errConnect)
}
