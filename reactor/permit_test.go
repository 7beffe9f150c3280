package reactor

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/policy"
)

// permitFixture is a tree of folders:
//
//	allowed/sub            may be granted
//	allowed/out -> ../other
//	in -> allowed/sub
//	other
//	state/data             is the daemon's
//	todata -> state/data
//	run/socket             is the daemon's
type permitFixture struct {
	t    *testing.T
	root string
}

func newPermitFixture(t *testing.T) permitFixture {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := permitFixture{t, root}
	for _, dir := range []string{"allowed/sub", "other", "state/data/store", "run"} {
		f.must(os.MkdirAll(f.path(dir), 0o700))
	}
	for link, to := range map[string]string{"allowed/out": "../other", "in": "allowed/sub", "todata": "state/data", "loop": "loop"} {
		f.must(os.Symlink(to, f.path(link)))
	}
	for _, file := range []string{"run/socket", "allowed/file"} {
		f.must(os.WriteFile(f.path(file), nil, 0o600))
	}
	return f
}

func (f permitFixture) path(name string) string { return filepath.Join(f.root, name) }

func (f permitFixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f permitFixture) permit(dirs ...string) *permit {
	f.t.Helper()
	cfg := Config{DataDir: f.path("state/data"), Private: []string{f.path("run/socket")}}
	for _, dir := range dirs {
		d, err := policy.ParseDir(dir)
		f.must(err)
		cfg.Allow.Dirs = append(cfg.Allow.Dirs, d)
	}
	p, err := newPermit(cfg, nil)
	f.must(err)
	return p
}

func TestPermitDir(t *testing.T) {
	f := newPermitFixture(t)
	for _, tt := range []struct {
		allow, path string
		want        string // a part of the refusal; empty: it is permitted
	}{
		{"allowed", "allowed", ""},
		{"allowed", "allowed/sub", ""},
		{"allowed", "in", ""},
		{"allowed", "other", "--allow-dir"},
		{"allowed", "allowed/out", "--allow-dir"},
		{"allowed", "allowed/../other", "--allow-dir"},
		{"allowed", "allowed/sub/../../other", "--allow-dir"},
		{"allowed", "allowed/sub/..", ""},
		{"allowed", "allowed/file", "not a folder"},
		{"allowed", "allowed/none", "no such folder"},
		{"in", "allowed/sub", ""}, // what the operator named is a link itself
		{"in", "allowed", "--allow-dir"},

		// what is not allowed is not even told of
		{"allowed", "none", "--allow-dir"},
		{"allowed", "run/socket", "--allow-dir"},
		{"allowed", "loop", "--allow-dir"},

		// never the daemon's own
		{"", "state/data", "the daemon's own"},
		{"", "state/data/store", "the daemon's own"},
		{"", "state", "the daemon's own"},
		{"", "todata", "the daemon's own"},
		{"", "todata/store", "the daemon's own"},
		{"", "in/../../state", "the daemon's own"},
		{"", "run", "the daemon's own"},
		{"", "", "--data-dir"},
		{"", "other", ""},
	} {
		permit := f.permit(f.path(tt.allow))
		if tt.allow == "" {
			permit = f.permit("/")
		}
		resolved, err := permit.Dir(f.root + "/" + tt.path) // not cleaned
		if tt.want == "" && (err != nil || strings.Contains(resolved, "..")) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("allowed %q, %q: %q, %v; want %q", tt.allow, tt.path, resolved, err, tt.want)
		}
	}
	if _, err := f.permit("/").Dir("/"); err == nil {
		t.Error("all folders together were permitted, the daemon's data among them")
	}
}

// The refusal of a submission names the field, and is the same for all kinds of grants.
func TestRefusedGrants(t *testing.T) {
	one, err := policy.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, func(c *Config) {
		c.Allow = policy.Policy{Listen: []policy.Address{one}, Connect: []policy.Address{one}}
	})
	push(t, r, "hello")
	for _, tt := range []struct {
		grant       grant.Grant
		field, says string
	}{
		{grant.Directory{HostPath: t.TempDir(), GuestPath: "/"}, "directory.host_path", "--allow-dir"},
		{grant.Listener{Address: "127.0.0.1:81"}, "listener.address", "--allow-listen"},
		{grant.Listener{Address: ":80"}, "listener.address", "--allow-listen"},
		{grant.Connection{Address: "127.0.0.2:80"}, "connection.address", "--allow-connect"},
	} {
		_, _, err := r.SubmitWorkload(t.Context(), api.SubmitRequest{Spec: api.Spec{Module: "hello", Grants: []grant.Grant{tt.grant}}})
		e, ok := err.(*errs.Error)
		if !ok || e.Class != errs.GrantDenied || !strings.Contains(e.Message, tt.says) || e.Fields[0].Path != "spec.grants[0]."+tt.field {
			t.Errorf("%v: %v", tt.grant, err)
		}
	}
}

// What a name leads to is looked at when it is connected to, and listened at.
func TestGrantsByName(t *testing.T) {
	other, err := policy.ParseAddress("192.0.2.0/24:*")
	if err != nil {
		t.Fatal(err)
	}
	list := []policy.Address{other}
	r := open(t, func(c *Config) { c.Allow = policy.Policy{Listen: list, Connect: list} })
	push(t, r, "hello")
	for id, g := range map[string]grant.Grant{"listen": grant.Listener{Address: "localhost:9"}, "connect": grant.Connection{Address: "localhost:9"}} {
		w := run(t, r, id, api.Spec{Module: "hello", Grants: []grant.Grant{g}})
		if w.Status.Reason != api.ReasonGrantDenied || !strings.Contains(w.Status.Message, "--allow-") {
			t.Errorf("%v: %v, %q", g, w.Status.Reason, w.Status.Message)
		}
	}
}

func TestPermitConnectTellsWhere(t *testing.T) {
	p := &permit{}
	err := p.Connect("db.example.org", netip.MustParseAddrPort("10.0.0.1:5432"))
	if err == nil || !strings.Contains(err.Error(), "10.0.0.1:5432") || !strings.Contains(err.Error(), "--allow-connect") {
		t.Errorf("%v", err)
	}
}

// What a granted folder adds to a submission.
func BenchmarkPermitDir(b *testing.B) {
	data, dir := b.TempDir(), b.TempDir()
	p, err := newPermit(Config{DataDir: data, Allow: policy.Anything()}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Dir(dir); err != nil {
			b.Fatal(err)
		}
	}
}

// dead is files that never answer, until healed is closed.
type dead struct{ healed chan struct{} }

func (d dead) Lstat(string) (fs.FileInfo, error) {
	<-d.healed
	return nil, fs.ErrNotExist
}

func (d dead) Readlink(string) (string, error) { panic("there is no link") }

// A submission that grants a folder of a file system that does not answer is refused for now; one that may
// have no folder at all never asks the file system.
func TestFolderThatDoesNotAnswer(t *testing.T) {
	files := dead{make(chan struct{})}
	defer close(files.healed)
	grants := []grant.Grant{grant.Directory{HostPath: "/mnt/dead", GuestPath: "/"}}
	p := &permit{lookups: lookup.New(files, vfs.NewMounts(), time.Millisecond)}
	if err := p.check(t.Context(), grants); errs.ClassOf(err) != errs.GrantDenied {
		t.Errorf("nothing is allowed: %v", err)
	}
	p.allow = policy.Anything()
	e, ok := errors.AsType[*errs.Error](p.check(t.Context(), grants))
	if !ok || e.Class != errs.Unavailable || e.Retry == 0 || !strings.Contains(e.Message, `"/mnt/dead"`) || !strings.Contains(e.Message, "file system") {
		t.Errorf("it does not answer: %v", e)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	p.lookups = lookup.New(files, vfs.NewMounts(), time.Hour)
	if err := p.check(gone, grants); !errors.Is(err, context.Canceled) {
		t.Errorf("the client is gone: %v", err)
	}
}
