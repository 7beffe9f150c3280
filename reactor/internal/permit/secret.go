package permit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/policy"
)

// maxSecretBytes bounds a secret.
const maxSecretBytes = 64 << 10

// Secret implements capability.Permit.
func (p *Permit) Secret(ref capability.Reference) ([]byte, error) {
	r, err := policy.ParseReference(string(ref))
	if err != nil {
		return nil, err
	}
	if r.File == "" {
		value, err := p.variable(r.Variable)
		return []byte(value), err
	}
	file, err := p.secretFile(lookup.Host{}, r.File)
	if err != nil {
		return nil, err
	}
	return readSecret(file)
}

// lookUpSecret checks whether a secret may be granted, and gives up if its file system does not answer.
func (p *Permit) lookUpSecret(ctx context.Context, ref string) error {
	r, err := policy.ParseReference(ref)
	switch {
	case err != nil:
		return err
	case r.File == "":
		_, err := p.variable(r.Variable)
		return err
	case !p.allow.Load().AllowsFiles():
		return policy.ErrSecret
	}
	refusal, err := lookup.Do(ctx, p.lookups, func(files lookup.Files) error {
		_, refusal := p.secretFile(files, r.File)
		return refusal
	})
	if err != nil {
		return err
	}
	return refusal
}

// variable returns a variable of the daemon's environment. Of one that is not allowed it does not even reveal whether it
// exists.
func (p *Permit) variable(name string) (string, error) {
	if !p.allow.Load().AllowsVariable(name) {
		return "", policy.ErrSecret
	}
	value, ok := os.LookupEnv(name)
	switch {
	case !ok:
		return "", errors.New("the daemon has no such variable")
	case len(value) > maxSecretBytes:
		return "", errTooLarge
	}
	return value, nil
}

var errTooLarge = fmt.Errorf("it is larger than %d KiB", maxSecretBytes>>10)

// secretFile finds the file at a path, if it may be granted. Of one that is not allowed it does not even reveal whether it
// exists.
func (p *Permit) secretFile(files lookup.Files, path string) (lookup.Step, error) {
	steps, err := lookup.Resolve(files, path)
	file := lookup.Step{Path: filepath.Clean(path)}
	if err == nil {
		file = steps[len(steps)-1]
	}
	if !p.allow.Load().AllowsFile(file.Path, func(dir string) (string, error) { return resolve(files, dir) }) {
		return file, policy.ErrSecret
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return file, errors.New("there is no such file on the daemon's machine")
	case err != nil:
		return file, err
	case !file.Info.Mode().IsRegular():
		return file, errors.New("it is not a file")
	}
	for _, own := range p.private {
		if err := own.refuse(steps); err != nil {
			return file, err
		}
	}
	return file, nil
}

// readSecret reads the file that was found, if it is still the one at its path, without one newline at its end.
func readSecret(found lookup.Step) ([]byte, error) {
	f, err := os.OpenFile(found.Path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !os.SameFile(info, found.Info) {
		return nil, fmt.Errorf("the file was replaced meanwhile: %w", syscall.EAGAIN)
	}
	value, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(value) > maxSecretBytes:
		return nil, errTooLarge
	}
	return bytes.TrimSuffix(value, []byte("\n")), nil
}
