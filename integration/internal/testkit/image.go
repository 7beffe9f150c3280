package testkit

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// ImageUser is the user of the container's image.
const ImageUser = 65532

// Image is what deploy/Dockerfile describes, as far as that can be tried without a container: its binaries in a root folder of their
// own, as its user, with its environment.
type Image struct {
	Root string
	Env  []string
}

// NewImage makes the image in a folder that exists. dockerfile is the path of the Dockerfile. It skips the test unless root runs it.
func NewImage(t testing.TB, root, dockerfile string) *Image {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can change the root folder of a process")
	}
	if err := os.Chmod(root, 0o755); err != nil { //nolint:gosec // another user is to enter it
		t.Fatal(err)
	}
	i := &Image{Root: root, Env: imageEnvironment(t, dockerfile)}
	i.Folder(t, "usr/bin")
	for _, name := range []string{"reactord", "reactorctl"} {
		binary, err := os.ReadFile(Binary(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "usr/bin", name), binary, 0o755); err != nil { //nolint:gosec // it is a program
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile(filepath.Join(filepath.Dir(dockerfile), "image.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(i.Folder(t, "etc/reactord"), "reactord.yaml"), settings, 0o644); err != nil { //nolint:gosec // another user is to read it
		t.Fatal(err)
	}
	for _, dir := range []string{"run/reactord", "var/lib/reactord", "tmp"} {
		i.Own(t, i.Folder(t, dir))
	}
	return i
}

// Folder makes a folder of the image, and returns its path outside.
func (i *Image) Folder(t testing.TB, inside string) string {
	t.Helper()
	path := filepath.Join(i.Root, inside)
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // another user is to enter it
		t.Fatal(err)
	}
	return path
}

// Own gives a file or folder to the image's user.
func (i *Image) Own(t testing.TB, path string) {
	t.Helper()
	if err := os.Chown(path, ImageUser, ImageUser); err != nil {
		t.Fatal(err)
	}
}

// Command is a command of the image, which ends with ctx.
func (i *Image) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/usr/bin/"+name, args...) //nolint:gosec // it is ours
	cmd.Dir, cmd.Env = "/", i.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.Root, Credential: &syscall.Credential{Uid: ImageUser, Gid: ImageUser}}
	return cmd
}

// imageEnvironment returns the environment that the Dockerfile sets.
func imageEnvironment(t testing.TB, dockerfile string) (environment []string) {
	t.Helper()
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "\nENV ")
	if !ok {
		t.Fatal("the Dockerfile has no environment")
	}
	block, _, _ = strings.Cut(block, "\nVOLUME")
	environment = regexp.MustCompile(`\S+=\S+`).FindAllString(block, -1)
	if len(environment) < 4 {
		t.Fatalf("the environment is only %q", environment)
	}
	return environment
}
