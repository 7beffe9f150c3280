package attack

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// nobody is a user without any rights.
const nobody = 65534

// ctlAs runs reactorctl as another user, which only root can.
func ctlAs(t *testing.T, uid uint32, args ...string) (string, int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	binary := filepath.Join(t.TempDir(), "reactorctl") // where the other can get at it
	for dir := filepath.Dir(binary); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(testkit.Binary(t, "reactorctl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=/nonexistent"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// Another user of the machine cannot open the daemon's socket; nor, if its mode and its folder's are
// changed, call.
func TestAnotherUserAtTheSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "r") //nolint:usetesting // its folders' names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	testkit.StartGuarded(t, t.TempDir(), nil, "--listen=unix://"+socket)
	if out, status := ctlAs(t, nobody, "status", "--addr", "unix://"+socket); status != 125 || !strings.Contains(out, "permission denied") {
		t.Errorf("status %d\n%s", status, out)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o777, socket: 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if out, status := ctlAs(t, nobody, "status", "--addr", "unix://"+socket); status != 125 || !strings.Contains(out, "this socket serves only user 0") {
		t.Errorf("with mode 0777: status %d\n%s", status, out)
	}
}

// Nor can another user read the token, or call over TCP without it.
func TestAnotherUserOverTCP(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	d := testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	for path, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, "token"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s is %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if out, status := ctlAs(t, nobody, "status", "--addr", d.Address); status != 125 || !strings.Contains(out, "requires the daemon's token") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// Every call but a health check needs the token: those of every service, reflection, and methods that
// there are not.
func TestEveryCallNeedsTheToken(t *testing.T) {
	d := testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0")
	conn := d.Conn()
	refused := func(what string, err error) {
		t.Helper()
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, service := range []grpc.ServiceDesc{reactorv1.ModuleService_ServiceDesc, reactorv1.WorkloadService_ServiceDesc, reactorv1.NodeService_ServiceDesc} {
		for _, m := range service.Methods {
			refused(m.MethodName, conn.Invoke(t.Context(), "/"+service.ServiceName+"/"+m.MethodName, &reactorv1.GetNodeRequest{}, &reactorv1.GetNodeResponse{}))
		}
		for _, s := range service.Streams {
			refused(s.StreamName, firstAnswer(t.Context(), conn, "/"+service.ServiceName+"/"+s.StreamName))
		}
	}
	refused("reflection", firstAnswer(t.Context(), conn, reflectionv1.ServerReflection_ServerReflectionInfo_FullMethodName))
	refused("no method", firstAnswer(t.Context(), conn, "/no.Such/Method"))
	refused("the list of health", firstAnswer(t.Context(), conn, "/grpc.health.v1.Health/List"))
}

func firstAnswer(ctx context.Context, conn *grpc.ClientConn, method string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	return stream.RecvMsg(&reactorv1.GetNodeResponse{})
}

// What is almost the token, or the token in a strange place, is not the token.
func TestStrangeTokens(t *testing.T) {
	dir := t.TempDir()
	d := testkit.StartGuarded(t, dir, nil, "--listen=127.0.0.1:0")
	text, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(text))
	for _, tt := range []struct {
		name string
		md   metadata.MD
		want codes.Code
	}{
		{"right", metadata.Pairs("authorization", "Bearer "+token), codes.OK},
		{"prefix", metadata.Pairs("authorization", "Bearer "+token[:len(token)-1]), codes.Unauthenticated},
		{"longer", metadata.Pairs("authorization", "Bearer "+token+"A"), codes.Unauthenticated},
		{"other case", metadata.Pairs("authorization", "Bearer "+strings.ToUpper(token)), codes.Unauthenticated},
		{"no scheme", metadata.Pairs("authorization", token), codes.Unauthenticated},
		{"basic", metadata.Pairs("authorization", "Basic "+token), codes.Unauthenticated},
		{"wrong, then right", metadata.Pairs("authorization", "Bearer x", "authorization", "Bearer "+token), codes.Unauthenticated},
		{"right, then wrong", metadata.Pairs("authorization", "Bearer "+token, "authorization", "Bearer x"), codes.Unauthenticated},
		{"in one header", metadata.Pairs("authorization", "Bearer x, Bearer "+token), codes.Unauthenticated},
		{"another header", metadata.Pairs("proxy-authorization", "Bearer "+token), codes.Unauthenticated},
		{"binary header", metadata.Pairs("authorization-bin", "Bearer "+token), codes.Unauthenticated},
		{"the hash's worth of rubbish", metadata.Pairs("authorization", "Bearer "+strings.Repeat("x", 4000)), codes.Unauthenticated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.Node.GetNode(metadata.NewOutgoingContext(t.Context(), tt.md), &reactorv1.GetNodeRequest{})
			if status.Code(err) != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
