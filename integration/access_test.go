package integration

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// shortDir is a folder whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// environment is that of a user without settings, whose home is home.
func environment(home string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GOCACHE=" + os.Getenv("GOCACHE")}, more...)
}

// A daemon without settings and a reactorctl without settings find each other, wherever the socket is.
func TestDefaultSocket(t *testing.T) {
	reactorctl := testkit.Binary(t, "reactorctl") // built before $HOME is another
	for _, tt := range []struct {
		name    string
		runtime bool // there is an $XDG_RUNTIME_DIR
		client  bool // and reactorctl is told of it
		want    string
	}{
		{"runtime folder", true, true, "run/reactord/reactord.sock"},
		{"no runtime folder", false, false, ".local/state/reactord/reactord.sock"},
		{"only the client has one", false, true, ".local/state/reactord/reactord.sock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := shortDir(t)
			runtime := filepath.Join(home, "run")
			if err := os.Mkdir(runtime, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("HOME", home)
			t.Setenv("XDG_STATE_HOME", "")
			t.Setenv("XDG_RUNTIME_DIR", "")
			if tt.runtime {
				t.Setenv("XDG_RUNTIME_DIR", runtime)
			}
			d := testkit.StartGuarded(t, t.TempDir(), nil)
			socket := filepath.Join(home, tt.want)
			if d.Address != "unix://"+socket {
				t.Errorf("it listens at %s, want %s", d.Address, socket)
			}
			for path, want := range map[string]os.FileMode{socket: 0o600 | os.ModeSocket, filepath.Dir(socket): 0o700 | os.ModeDir} {
				if info, err := os.Stat(path); err != nil || info.Mode() != want {
					t.Errorf("%s is %v, %v; want %v", path, info.Mode(), err, want)
				}
			}
			cmd := exec.Command(reactorctl, "status")
			cmd.Env = environment(home)
			if tt.client {
				cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+runtime)
			}
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "pending") {
				t.Errorf("reactorctl: %v\n%s", err, out)
			}
		})
	}
}

func TestNothingAtDefaultSocket(t *testing.T) {
	home := shortDir(t)
	cmd := exec.Command(testkit.Binary(t, "reactorctl"), "status")
	cmd.Env = environment(home)
	out, _ := cmd.CombinedOutput()
	if status := cmd.ProcessState.ExitCode(); status != 125 || !strings.Contains(string(out), "start one with `reactord`, or name another with --addr") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// A second daemon is told who has the socket.
func TestSocketInUse(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	d := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=unix://"+socket)
	out, _ := exec.Command(testkit.Binary(t, "reactord"), "--listen=unix://"+socket, "--data-dir="+t.TempDir()).CombinedOutput()
	if want := "address already in use: process "; !strings.Contains(string(out), want) {
		t.Errorf("it says %s", out)
	}
	// One that was killed is no hindrance.
	d.Kill()
	testkit.StartGuarded(t, t.TempDir(), nil, "--listen=unix://"+socket).Stop()
}

// bearer shows a daemon a token.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

// token is the token of the daemon that keeps its data in dir.
func token(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// Over TCP a token is needed, which is the same after a restart; health checks need none.
func TestToken(t *testing.T) {
	dir := t.TempDir()
	d := testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	ask := func(option ...grpc.CallOption) error {
		_, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{}, option...)
		return err
	}
	denied := refusal{codes.Unauthenticated, "UNAUTHENTICATED", "authorization: Bearer", ""}
	denied.check(t, ask())
	denied.says = "not the daemon's token"
	denied.check(t, ask(grpc.PerRPCCredentials(bearer("x"))))
	first := token(t, dir)
	if err := ask(grpc.PerRPCCredentials(bearer(first))); err != nil {
		t.Error(err)
	}
	if _, err := d.Health.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	d.Stop()
	d = testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	if again := token(t, dir); again != first {
		t.Error("the next start has another token")
	}
	if strings.Contains(d.Log(), first) {
		t.Error("the log tells the token")
	}
}

// reactorctl shows the token of the user's own daemon by itself, and another's when it is told where
// that is; what is wrong is said with what to do.
func TestCtlToken(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, ".local/state/reactord")
	d := testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	elsewhere := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(elsewhere, []byte(token(t, dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(wrong, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctl := func(home string, env []string, args ...string) (string, int) {
		cmd := exec.Command(testkit.Binary(t, "reactorctl"), args...)
		cmd.Env = environment(home, env...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	stranger := t.TempDir()
	for _, tt := range []struct {
		name   string
		home   string
		env    []string
		args   []string
		status int
		says   string
	}{
		{"the same user", home, nil, []string{"status", "--addr", d.Address}, 0, "pending"},
		{"another user", stranger, nil, []string{"status", "--addr", d.Address}, 125, "--token-file"},
		{"a file", stranger, nil, []string{"status", "--addr", d.Address, "--token-file", elsewhere}, 0, "pending"},
		{"a file that is not there", stranger, nil, []string{"status", "--addr", d.Address, "--token-file", "/none"}, 125, "/none"},
		{"a wrong one", home, nil, []string{"status", "--addr", d.Address, "--token-file", wrong}, 125, "not the daemon's token"},
		{"a variable", stranger, []string{"REACTORD_TOKEN=" + token(t, dir)}, []string{"status", "--addr", d.Address}, 0, "pending"},
		{"a file in a variable", stranger, []string{"REACTORD_TOKEN_FILE=" + elsewhere}, []string{"status", "--addr", d.Address}, 0, "pending"},
		{"setting a context", stranger, nil, []string{"context", "set", "lab", d.Address, "--token-file", elsewhere}, 0, ""},
		{"a context", stranger, nil, []string{"status", "--context", "lab"}, 0, "pending"},
		{"a context, and another's token", stranger, []string{"REACTORD_TOKEN=x"}, []string{"status", "--context", "lab"}, 0, "pending"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, status := ctl(tt.home, tt.env, tt.args...)
			if status != tt.status || !strings.Contains(out, tt.says) || strings.Contains(out, token(t, dir)) {
				t.Errorf("status %d, want %d and %q\n%s", status, tt.status, tt.says, out)
			}
		})
	}
}

// What would be open to more than it seems is refused before anything is done.
func TestRefusedAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct{ name, flag, want string }{
		{"not loopback", "--listen=0.0.0.0:0", "--insecure-no-tls"},
		{"all addresses", "--listen=:0", "--insecure-no-tls"},
		{"a name", "--listen=example.org:0", "--insecure-no-tls"},
		{"metrics", "--metrics=0.0.0.0:0", "--insecure-no-tls"},
		{"metrics at an address that is taken", "--metrics=" + taken.Addr().String(), "address already in use"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := exec.Command(testkit.Binary(t, "reactord"), "--listen=127.0.0.1:0", tt.flag, "--data-dir="+t.TempDir()).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v, and it says %s", err, out)
			}
		})
	}
}
