package kubernetes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
)

const (
	imageUser = testkit.ImageUser
	patience  = 2 * time.Minute
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// paths are files in a folder that stand for those of a pod.
type paths struct{ *strings.Replacer }

// newPaths makes the token and the certificate in a folder.
func newPaths(t *testing.T, dir string) paths {
	t.Helper()
	for _, sub := range []string{"tls", "token", "metrics-token", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	authority := testkit.NewAuthority(t)
	authority.Issue("reactord", filepath.Join(dir, "tls/tls.crt"), filepath.Join(dir, "tls/tls.key"))
	ca, err := os.ReadFile(authority.File)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tls/ca.crt"), string(ca), 0o600)
	write(t, filepath.Join(dir, "token/token"), strings.Repeat("x", 40), 0o600)
	write(t, filepath.Join(dir, "metrics-token/token"), strings.Repeat("y", 40), 0o600)
	return paths{strings.NewReplacer("/etc/reactord", dir, "/var/lib/reactord", filepath.Join(dir, "data"), "/run/reactord", dir)}
}

// inside returns a text that names the pod's files with those of the folder.
func (p paths) inside(text string) string { return p.Replace(text) }
