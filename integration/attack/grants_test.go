package attack

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func folder(path string) *reactorv1.Grant {
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: path, GuestPath: "/d", ReadOnly: true}}}
}

func connection(address string) *reactorv1.Grant {
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: address}}}
}

func listener(address string) *reactorv1.Grant {
	return &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}}
}

// startGranting starts a daemon that serves whoever calls over TCP, and allows what flags say.
func startGranting(t *testing.T, dir string, flags ...string) *testkit.Daemon {
	t.Helper()
	return testkit.StartGuarded(t, dir, nil, append([]string{"--listen=127.0.0.1:0", "--insecure-no-auth", "--grace-period=none"}, flags...)...)
}

// tryGrant submits a guest that ends at once, and returns why that was refused.
func tryGrant(t *testing.T, d *testkit.Daemon, g *reactorv1.Grant) error {
	t.Helper()
	_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
		Module: d.Push(t, examples.Sleeper), Args: []string{"1", "1"}, Grants: []*reactorv1.Grant{g},
	}})
	return err
}

func checkGrant(t *testing.T, d *testkit.Daemon, what string, g *reactorv1.Grant, setting string) {
	t.Helper()
	err := tryGrant(t, d, g)
	if setting == "" && err != nil || setting != "" && (status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), setting)) {
		t.Errorf("%s: %v, want %q", what, err, setting)
	}
}

// Over TCP nothing is granted that the operator did not allow, also when there is a socket beside it; at
// a socket alone whatever the user may open.
func TestGrantsByDefault(t *testing.T) {
	socket := func() string {
		dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return "--listen=unix://" + filepath.Join(dir, "s")
	}
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	for _, tt := range []struct {
		name    string
		flags   []string
		allowed bool
	}{
		{"socket", []string{socket()}, true},
		{"TCP", []string{"--listen=127.0.0.1:0", "--insecure-no-auth"}, false},
		{"both", []string{socket(), "--listen=127.0.0.1:0"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := testkit.StartGuarded(t, t.TempDir(), nil, tt.flags...)
			for _, g := range []struct {
				grant   *reactorv1.Grant
				setting string
			}{
				{folder(t.TempDir()), "--allow-dir"},
				{listener("127.0.0.1:0"), "--allow-listen"},
				{connection(echo.Addr().String()), "--allow-connect"},
			} {
				if tt.allowed {
					g.setting = ""
				}
				checkGrant(t, d, g.grant.String(), g.grant, g.setting)
			}
		})
	}
}

// No way of writing a path leads out of what is allowed, nor to what is the daemon's own.
func TestGrantsOfFolders(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	allowed, other, data := filepath.Join(root, "allowed"), filepath.Join(root, "other"), filepath.Join(root, "data")
	for _, dir := range []string{filepath.Join(allowed, "sub"), other, data} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"allowed/out": other, "allowed/up": "..", "in": "allowed/sub", "todata": "data"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	strict := startGranting(t, t.TempDir(), "--allow-dir="+allowed)
	for path, setting := range map[string]string{
		allowed: "", allowed + "/sub": "", root + "/in": "", allowed + "/sub/..": "",
		allowed + "/../other": "--allow-dir", allowed + "/out": "--allow-dir", allowed + "/up": "--allow-dir",
		allowed + "/up/other": "--allow-dir", allowed + "/sub/../../other": "--allow-dir",
		root: "--allow-dir", "/": "--allow-dir", "/proc/self/root" + other: "--allow-dir", "/proc/self/cwd": "--allow-dir",
	} {
		checkGrant(t, strict, path, folder(path), setting)
	}
	loose := startGranting(t, data, "--allow-dir=/")
	for path, setting := range map[string]string{
		other: "", allowed: "",
		data: "own", data + "/store": "own", root: "--data-dir", filepath.Dir(root): "--data-dir", "/": "--data-dir",
		root + "/todata": "own", root + "/todata/store": "own", allowed + "/up": "--data-dir", allowed + "/up/data": "own",
		"/proc/self/root": "--data-dir", "/proc/self/root" + data: "own",
	} {
		checkGrant(t, loose, path, folder(path), setting)
	}
}

// A link that is made to lead elsewhere between the submission and the start gains nothing.
func TestSwappedLink(t *testing.T) {
	root := t.TempDir()
	allowed, secret, link := filepath.Join(root, "allowed"), filepath.Join(root, "secret"), filepath.Join(root, "allowed", "link")
	for _, dir := range []string{allowed, secret, filepath.Join(allowed, "sub")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("sub", link); err != nil {
		t.Fatal(err)
	}
	d := startGranting(t, t.TempDir(), "--allow-dir="+allowed, "--max-live=1")
	module := d.Push(t, examples.Sleeper)
	first := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "3600000"}})
	second := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "1"}, Grants: []*reactorv1.Grant{folder(link)}})
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	d.Cancel(t, first)
	if s := d.WaitFor(t, second); s.GetReason() != reactorv1.EndReason_END_REASON_GRANT_DENIED || !strings.Contains(s.GetMessage(), "--allow-dir") {
		t.Errorf("it ended with %v: %s", s.GetReason(), s.GetMessage())
	}
}

// What was accepted when more was allowed is not started when less is.
func TestStricterAfterRestart(t *testing.T) {
	dir, granted := t.TempDir(), t.TempDir()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	d := startGranting(t, dir, "--allow-dir=/", "--allow-listen=127.0.0.1:*", "--allow-connect=127.0.0.1:*")
	module := d.Push(t, examples.Sleeper)
	want := map[string]string{}
	for setting, g := range map[string]*reactorv1.Grant{
		"--allow-dir": folder(granted), "--allow-listen": listener("127.0.0.1:0"), "--allow-connect": connection(echo.Addr().String()),
	} {
		id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "3600000"}, Grants: []*reactorv1.Grant{g}})
		want[id] = setting
	}
	d.Stop()
	d = startGranting(t, dir)
	for id, setting := range want {
		if s := d.WaitFor(t, id); s.GetReason() != reactorv1.EndReason_END_REASON_GRANT_DENIED || !strings.Contains(s.GetMessage(), setting) {
			t.Errorf("%s: it ended with %v: %s", setting, s.GetReason(), s.GetMessage())
		}
	}
}
