package reactor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// permit decides about grants: when they are submitted, so that a client hears of a refusal at once,
// and when they are opened, as a hostcalls.Permit. The second is what counts, since links and names may
// lead elsewhere by then, and the workload may be of a daemon that allowed more. It does not change.
type permit struct {
	allow   policy.Policy
	private []private
}

// private is a place of the daemon's own.
type private struct {
	path  string        // without links
	chain []fs.FileInfo // of it and of the folders that contain it
}

// newPermit makes the permit of a configuration, whose data folder is there.
func newPermit(cfg Config) (*permit, error) {
	p := &permit{allow: cfg.Allow}
	for _, path := range append([]string{cfg.DataDir}, cfg.Private...) {
		resolved, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, fmt.Errorf("what is not to be granted: %w", err)
		}
		chain, err := chainOf(resolved)
		if err != nil {
			return nil, fmt.Errorf("what is not to be granted: %w", err)
		}
		p.private = append(p.private, private{resolved, chain})
	}
	return p, nil
}

// chainOf is the file at path, which is absolute and without links, and the folders that contain it, up
// to the root.
func chainOf(path string) (chain []fs.FileInfo, err error) {
	for {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		chain = append(chain, info)
		if path == filepath.Dir(path) {
			return chain, nil
		}
		path = filepath.Dir(path)
	}
}

// check refuses what is not allowed among the grants of a spec that is valid, and folders that are not
// there.
func (p *permit) check(grants []Grant) error {
	for i, g := range grants {
		var what, field string
		var err error
		switch g := g.(type) {
		case DirectoryGrant:
			what, field = fmt.Sprintf("folder %q", g.HostPath), "directory.host_path"
			if _, err = p.Dir(g.HostPath); err != nil && retry.OfFile(err) != retry.None {
				return unavailable(err, "%s can't be looked at for now: %v", what, err)
			}
		case ListenerGrant:
			what, field = fmt.Sprintf("listener on %q", g.Address), "listener.address"
			if host, port := hostPort(g.Address); !p.allow.MayListen(host, port) {
				err = errListen
			}
		case ConnectionGrant:
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

// Dir implements hostcalls.Permit. Of what is not allowed it does not even tell whether it is there.
func (p *permit) Dir(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		resolved = filepath.Clean(path)
	}
	if !p.allow.AllowsDir(resolved, filepath.EvalSymlinks) {
		return "", errDir
	}
	chain, err := chainOf(resolved)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.New("there is no such folder on the daemon's machine")
	case err != nil:
		return "", err
	case !chain[0].IsDir():
		return "", errors.New("it is not a folder")
	}
	for _, own := range p.private {
		if err := own.refuse(chain); err != nil {
			return "", err
		}
	}
	return resolved, nil
}

// refuse refuses the folder at the start of a chain if it has to do with a place of the daemon's own.
// Folders are compared as such, not by name: where case does not matter, or a folder is mounted twice,
// the same has several.
func (own *private) refuse(chain []fs.FileInfo) error {
	for _, above := range own.chain {
		if os.SameFile(chain[0], above) {
			return fmt.Errorf("it has %s in it, which is the daemon's own: grant a folder without that, or keep the daemon's data elsewhere with --data-dir", own.path)
		}
	}
	for _, above := range chain {
		if os.SameFile(above, own.chain[0]) {
			return fmt.Errorf("it lies in %s, which is the daemon's own", own.path)
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
