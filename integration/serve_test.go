package integration

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func TestFirstLineAndDataFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	d := testkit.Start(t, dir)
	var line struct {
		Listen  []string
		DataDir string `json:"data_dir"`
		Version string
	}
	first, _, _ := strings.Cut(d.Log(), "\n")
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Fatalf("%v: %s", err, first)
	}
	if len(line.Listen) != 1 || line.Listen[0] != d.Address || line.DataDir != dir || line.Version == "" {
		t.Errorf("the first line is %s", first)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		t.Errorf("the data folder's mode is %o, want 700", mode)
	}
	node, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{})
	if err != nil || int(node.GetNode().GetProcessId()) != d.PID || node.GetNode().GetDataDir() != dir {
		t.Errorf("the node is %v, %v", node, err)
	}
}

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "api.sock")
	d := testkit.Start(t, t.TempDir(), "--listen=unix://"+socket)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v; want mode 600", info.Mode(), err)
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := reactorv1.NewNodeServiceClient(conn).GetNode(t.Context(), &reactorv1.GetNodeRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	d.Stop()
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket is still there")
	}
}

func TestReflection(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	conn, err := grpc.NewClient(d.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	services := make(map[string]bool)
	for _, s := range resp.GetListServicesResponse().GetService() {
		services[s.GetName()] = true
	}
	for _, want := range []string{"reactor.v1.ModuleService", "reactor.v1.WorkloadService", "reactor.v1.NodeService", "grpc.health.v1.Health"} {
		if !services[want] {
			t.Errorf("%s is not there: %v", want, services)
		}
	}
}

// What is insecure is said loudly, once for each way in which it is.
func TestInsecureIsWarnedOf(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--listen=0.0.0.0:0", "--insecure-no-tls")
	for _, want := range []string{"NO AUTHENTICATION", "NO ENCRYPTION"} {
		until(t, "the log says "+want, func() bool { return strings.Contains(d.Log(), want) })
		if log := d.Log(); !strings.Contains(log, `"level":"warn"`) || strings.Count(log, want) != 1 {
			t.Errorf("the log does not say %s once:\n%s", want, log)
		}
	}
}

// A daemon that cannot start says why, and exits with 1.
func TestCannotStart(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	for _, tt := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"address in use", []string{"--listen=" + d.Address, "--data-dir=" + t.TempDir()}, "address already in use"},
		{"folder in use", []string{"--listen=127.0.0.1:0", "--data-dir=" + dataDir(t, d)}, dataDir(t, d)},
		{"faulty configuration", []string{"--queue=many", "--max-memory=lots"}, "2 faults"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), tt.flags...).CombinedOutput()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v, and it says %q; want status 1 and %q", err, out, tt.want)
			}
		})
	}
}

func dataDir(t *testing.T, d *testkit.Daemon) string {
	t.Helper()
	node, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return node.GetNode().GetDataDir()
}
