package permit

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
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/policy"
)

// fixture is a tree of folders:
//
//	allowed/sub            may be granted
//	allowed/out -> ../other
//	in -> allowed/sub
//	other
//	state/data             is the daemon's
//	todata -> state/data
//	run/socket             is the daemon's
type fixture struct {
	t    *testing.T
	root string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{t, root}
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

func (f fixture) path(name string) string { return filepath.Join(f.root, name) }

func (f fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f fixture) permit(dirs ...string) *Permit {
	f.t.Helper()
	var allow policy.Policy
	for _, dir := range dirs {
		d, err := policy.ParseDir(dir)
		f.must(err)
		allow.Dirs = append(allow.Dirs, d)
	}
	p, err := New(allow, []string{f.path("state/data"), f.path("run/socket")}, nil, vfs.NewMounts())
	f.must(err)
	return p
}

func TestDir(t *testing.T) {
	f := newFixture(t)
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

func TestConnectTellsWhere(t *testing.T) {
	p := &Permit{}
	p.SetPolicy(policy.Policy{})
	err := p.Connect("db.example.org", netip.MustParseAddrPort("10.0.0.1:5432"))
	if err == nil || !strings.Contains(err.Error(), "10.0.0.1:5432") || !strings.Contains(err.Error(), "--allow-connect") {
		t.Errorf("%v", err)
	}
}

// What a granted folder adds to a submission.
func BenchmarkDir(b *testing.B) {
	data, dir := b.TempDir(), b.TempDir()
	p, err := New(policy.Anything(), []string{data}, nil, vfs.NewMounts())
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
	p := &Permit{lookups: lookup.New(files, vfs.NewMounts(), time.Millisecond)}
	p.SetPolicy(policy.Policy{})
	if err := p.Check(t.Context(), grants); errs.ClassOf(err) != errs.GrantDenied {
		t.Errorf("nothing is allowed: %v", err)
	}
	p.SetPolicy(policy.Anything())
	e, ok := errors.AsType[*errs.Error](p.Check(t.Context(), grants))
	if !ok || e.Class != errs.Unavailable || e.Retry == 0 || !strings.Contains(e.Message, `"/mnt/dead"`) || !strings.Contains(e.Message, "file system") {
		t.Errorf("it does not answer: %v", e)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	p.lookups = lookup.New(files, vfs.NewMounts(), time.Hour)
	if err := p.Check(gone, grants); !errors.Is(err, context.Canceled) {
		t.Errorf("the client is gone: %v", err)
	}
}
