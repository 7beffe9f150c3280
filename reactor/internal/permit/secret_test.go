package permit

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lookup"
	"github.com/reactord/reactord/reactor/policy"
)

func secrets(t *testing.T, allowed ...string) (p policy.Policy) {
	t.Helper()
	for _, text := range allowed {
		r, err := policy.ParseReferences(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Secrets = append(p.Secrets, r)
	}
	return p
}

func TestSecret(t *testing.T) {
	f := newFixture(t)
	const most = maxSecretBytes
	for name, text := range map[string]string{
		"allowed/plain": "a secret", "allowed/line": "a secret\n", "allowed/lines": "a\nb\n\n", "allowed/empty": "", "other/file": "x",
		"allowed/most": strings.Repeat("x", most), "allowed/more": strings.Repeat("x", most+1), "state/data/token": "x",
	} {
		f.must(os.WriteFile(f.path(name), []byte(text), 0o600))
	}
	f.must(os.Symlink("../other/file", f.path("allowed/escape")))
	f.must(os.Symlink("plain", f.path("allowed/link")))
	f.must(syscall.Mkfifo(f.path("allowed/fifo"), 0o600))
	t.Setenv("ALLOWED_ONE", "of the environment\n")
	t.Setenv("ALLOWED_MORE", strings.Repeat("x", most+1))
	t.Setenv("OTHER", "x")

	p, err := New(secrets(t, "file:"+f.path("allowed/*"), "file:"+f.path("state"), "env:ALLOWED_*"), []string{f.path("state/data")}, nil, vfs.NewMounts())
	if err != nil {
		t.Fatal(err)
	}
	none, err := New(policy.Anything(), nil, nil, vfs.NewMounts())
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return "file:" + f.path(name) }
	for _, tt := range []struct{ ref, want, fault string }{
		{file("allowed/plain"), "a secret", ""},
		{file("allowed/line"), "a secret", ""},
		{file("allowed/lines"), "a\nb\n", ""},
		{file("allowed/empty"), "", ""},
		{file("allowed/link"), "a secret", ""},
		{file("allowed/../allowed/plain"), "a secret", ""},
		{file("allowed/most"), strings.Repeat("x", most), ""},
		{file("allowed/more"), "", "it is larger than 64 KiB"},
		{file("allowed/escape"), "", policy.ErrSecret.Error()},
		{file("allowed/../other/file"), "", policy.ErrSecret.Error()},
		{file("other/file"), "", policy.ErrSecret.Error()},
		{file("other/none"), "", policy.ErrSecret.Error()},
		{file("allowed/none"), "", "there is no such file on the daemon's machine"},
		{file("allowed/plain/x"), "", "there is no such file on the daemon's machine"},
		{file("allowed/sub"), "", "it is not a file"},
		{file("allowed/fifo"), "", "it is not a file"},
		{file("state/data/token"), "", "the daemon's own"},
		{"env:ALLOWED_ONE", "of the environment\n", ""},
		{"env:ALLOWED_MORE", "", "it is larger than 64 KiB"},
		{"env:ALLOWED_NONE", "", "the daemon has no such variable"},
		{"env:OTHER", "", policy.ErrSecret.Error()},
		{"env:NONE", "", policy.ErrSecret.Error()},
		{"nonsense", "", "is not file:/PATH or env:NAME"},
	} {
		got, err := p.Secret(capability.Reference(tt.ref))
		if string(got) != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %.20q, %v; want %.20q, %s", tt.ref, got, err, tt.want, tt.fault)
		}
		// What is refused for its size is found when it is read, and all else at the submission.
		err = p.Check(t.Context(), []grant.Grant{grant.Secret{Name: "A", Ref: tt.ref}})
		if tooLarge := tt.ref == file("allowed/more"); (err == nil) != (tt.fault == "" || tooLarge) {
			t.Errorf("%s, when it is submitted: %v", tt.ref, err)
		}
		if _, err := none.Secret(capability.Reference(tt.ref)); err == nil {
			t.Errorf("%s is given where secrets are not allowed", tt.ref)
		}
		if err := none.Check(t.Context(), []grant.Grant{grant.Secret{Name: "A", Ref: tt.ref}}); err == nil {
			t.Errorf("%s may be granted where secrets are not allowed", tt.ref)
		}
	}
}

// TestSecretThatIsReplaced: a file that is put where another was looked up is not read.
func TestSecretThatIsReplaced(t *testing.T) {
	f := newFixture(t)
	p, err := New(secrets(t, "file:"+f.path("allowed")), nil, nil, vfs.NewMounts())
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.secretFile(lookup.Host{}, f.path("allowed/file"))
	if err != nil {
		t.Fatal(err)
	}
	f.must(os.WriteFile(f.path("other/file"), []byte("x"), 0o600))
	f.must(os.Rename(f.path("allowed"), f.path("former")))
	f.must(os.Symlink("other", f.path("allowed")))
	if value, err := readSecret(found); err == nil {
		t.Errorf("%q was read", value)
	}
}
