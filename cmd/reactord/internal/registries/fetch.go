package registries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/internal/smallfile"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

const (
	// maxTime bounds one fetch, so that a registry that sends a byte now and then does not keep others from theirs.
	maxTime = 15 * time.Minute
	// maxName is how long the name of a module may be.
	maxName = 128
	// retryDelay is when clients are told to try again after a registry has failed.
	retryDelay = 5 * time.Second
)

// Settings say what may be read, and how.
type Settings struct {
	// Places may be read from; none by default.
	Places []Place
	// Credentials is a file with credentials for registries, in the form of docker's configuration; empty: there are none.
	Credentials string
	// Keys are files with public keys: if there are any, what is stored has to be signed with one of them.
	Keys []Path
}

// Files are the paths of the files.
func (s Settings) Files() (paths []string) {
	if s.Credentials != "" {
		paths = append(paths, s.Credentials)
	}
	for _, key := range s.Keys {
		paths = append(paths, string(key))
	}
	return paths
}

// Check returns what is wrong with the files.
func (s Settings) Check() error {
	_, err := s.credentials()
	_, keyErr := ReadKeys(s.Keys)
	return errors.Join(err, keyErr)
}

// credentials reads the file with the credentials.
func (s Settings) credentials() (oci.Credentials, error) {
	if s.Credentials == "" {
		return nil, nil //nolint:nilnil // there are none
	}
	text, err := smallfile.ReadRegular(s.Credentials)
	if err == nil {
		var find oci.Credentials
		if find, err = oci.FileCredentials(text); err == nil {
			return find, nil
		}
	}
	return nil, fmt.Errorf("--registry-credentials %s: %w", s.Credentials, err)
}

// Push is a module on its way into the store.
type Push interface {
	io.Writer
	Offset() uint64
	Commit(ctx context.Context) (m *api.Module, existed bool, err error)
	Discard() error
	Close() error
}

// Config configures a Fetcher.
type Config struct {
	// Push begins the push of a module.
	Push func(ctx context.Context, req api.PushRequest) (Push, error)
	// Signers are those of whom one has to have signed a module.
	Signers *Signers
	// MaxBytes bounds the size of a module.
	MaxBytes int64
	// UserAgent is what registries are told.
	UserAgent string
	Log       *zap.Logger
}

// Fetcher reads modules from registries and stores them.
type Fetcher struct {
	Config
	settings Settings
	places   atomic.Pointer[[]Place] // instead of those of settings
	turns    turns
	failing  atomic.Bool // the files of keys or credentials could not be read, and that was logged
}

// New makes a fetcher.
func New(cfg Config, settings Settings) *Fetcher {
	f := &Fetcher{Config: cfg, settings: settings}
	f.Allow(settings.Places)
	return f
}

// Allow changes what later calls may read from.
func (f *Fetcher) Allow(places []Place) { f.places.Store(&places) }

// Request names a module of a registry.
type Request struct {
	Reference string
	Tag, Name string // of the stored module, as in an api.PushRequest
}

// Result is a module that was fetched.
type Result struct {
	Module   *api.Module
	Existed  bool
	Artifact string // the reference by the digest of its manifest
}

// CheckPush returns an error if modules may only come from registries, since they have to be signed.
func (f *Fetcher) CheckPush() error {
	if !f.Signers.Needed() {
		return nil
	}
	return errs.New(errs.SignatureRequired, "this daemon takes signed modules only, which it reads from a registry itself: "+
		"publish the module, sign the artifact with cosign, and have the daemon fetch it (--daemon-pulls)")
}

// Fetch reads a module from a registry and stores it.
func (f *Fetcher) Fetch(ctx context.Context, req Request) (*Result, error) {
	ref, err := oci.ParseReference(req.Reference)
	if err != nil {
		return nil, errs.Invalid(errs.Field{Path: "reference", Description: err.Error()})
	}
	place := find(*f.places.Load(), ref.Registry(), ref.Repository())
	if place == nil {
		return nil, errs.New(errs.RegistryDenied, "this daemon may not read from %s/%s: the operator can allow it with --registry", ref.Registry(), ref.Repository())
	}
	end, err := f.turns.take(ctx, ref.Registry())
	if err != nil {
		return nil, err
	}
	defer end()
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, unavailable("the registry took more than %v", maxTime))
	defer cancel()
	result, err := f.fetch(ctx, ref, place.plain, req)
	if err != nil {
		f.Log.Debug("a module was not fetched", zap.String("reference", ref.String()), zap.Error(err))
		return nil, meant(err)
	}
	if !result.Existed { // who asks for what is there could ask for ever
		f.Log.Info("fetched a module", zap.String("module", result.Module.Digest), zap.String("artifact", result.Artifact))
	}
	return result, nil
}

func (f *Fetcher) fetch(ctx context.Context, ref oci.Reference, plain bool, req Request) (*Result, error) {
	find, keys, err := f.files()
	if err != nil {
		return nil, err
	}
	client := oci.New(oci.Options{
		Registry: ref.Registry(), PlainHTTP: plain, Credentials: find, MaxBytes: f.MaxBytes, UserAgent: f.UserAgent,
	})
	defer client.Close()
	artifact, err := client.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	var signer string
	if len(keys) > 0 {
		key, err := client.Verify(ctx, artifact, keys)
		if err != nil {
			return nil, err
		}
		signer = key.ID()
	}
	if req.Name == "" {
		req.Name = ref.Name()[:min(len(ref.Name()), maxName)]
	}
	m, existed, err := f.store(ctx, client, artifact, signer, req)
	if err != nil {
		return nil, err
	}
	return &Result{Module: m, Existed: existed, Artifact: artifact.Reference.String()}, nil
}

// files reads the credentials and the keys.
func (f *Fetcher) files() (oci.Credentials, []oci.Key, error) {
	find, err := f.settings.credentials()
	keys, keyErr := f.Signers.read()
	err = errors.Join(err, keyErr)
	switch failed := err != nil; {
	case failed == f.failing.Swap(failed):
	case failed:
		f.Log.Error("the files for registries cannot be read: no module is fetched", zap.Error(err))
	default:
		f.Log.Info("the files for registries can be read again")
	}
	if err != nil { // which names files of the operator's
		return nil, nil, unavailable("the daemon can't read its credentials for registries, or its keys for signatures: its log says why")
	}
	return find, keys, nil
}

// store copies what the store lacks of a module, and notes where it is from and who has signed it.
func (f *Fetcher) store(ctx context.Context, client *oci.Client, a *oci.Artifact, signer string, req Request) (*api.Module, bool, error) {
	push, err := f.Push(ctx, api.PushRequest{
		Digest: a.Digest, SizeBytes: uint64(a.Size), Tag: req.Tag, Name: req.Name,
		Artifact: a.Reference.String(), Signer: signer,
		// What one registry has sent, and no client, a later fetch goes on with.
		Sender: "registry " + a.Reference.Registry(),
	})
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = push.Close() }() // what arrived is kept, so that a later fetch can resume
	if at := push.Offset(); at < uint64(a.Size) {
		if err := client.Copy(ctx, a, int64(at), push); err != nil {
			if e, ok := errors.AsType[*oci.Error](err); ok && e.Kind == oci.Untrue {
				_ = push.Discard() // what a failed one leaves is refused by the next fetch
			}
			return nil, false, err
		}
	}
	return push.Commit(ctx)
}

// classes are those of a registry's errors.
var classes = map[oci.Kind]errs.Class{
	oci.NotFound: errs.ModuleNotFound, oci.Denied: errs.RegistryDenied, oci.NotModule: errs.ModuleInvalid,
	oci.TooLarge: errs.ModuleTooLarge, oci.Untrue: errs.RegistryFault, oci.Plain: errs.RegistryFault, oci.Unsigned: errs.SignatureRequired,
}

// meant makes an error for clients.
func meant(err error) error {
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	e, ok := errors.AsType[*oci.Error](err)
	if !ok {
		return err
	}
	class, ok := classes[e.Kind]
	if !ok {
		return unavailable("%v", err)
	}
	if e.Kind == oci.Plain {
		err = fmt.Errorf("%w: the operator can allow it without, with http:// before its name in --registry", err)
	}
	return errs.Module(class, "oci://"+e.Ref, "%v", err)
}

// unavailable makes an error of a registry that may work later.
func unavailable(format string, args ...any) *errs.Error {
	e := errs.New(errs.Unavailable, format, args...)
	e.Retry = retryDelay
	return e
}
