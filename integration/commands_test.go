package integration

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func componentGuest(t *testing.T, name string) []byte {
	t.Helper()
	binary, err := os.ReadFile("testdata/components/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// TestCommands: commands of WASI 0.2 have what programs of preview 1 have, under the same grants.
func TestCommands(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "f"), []byte("contents\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: folder, GuestPath: "/data"}}}}
	readOnly := []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
		Directory: &reactorv1.DirectoryGrant{HostPath: folder, GuestPath: "/data", ReadOnly: true},
	}}}
	stream, datagrams := testkit.Echoes(t), testkit.EchoesDatagrams(t)
	udp := dialGrant(datagrams)
	udp[0].GetDial().Protocol = reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP
	elsewhere := dialGrant("127.0.0.1:1")
	elsewhere[0].GetDial().Protocol = reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP
	free := testkit.FreeAddress(t)
	resolve := func(pattern string) []*reactorv1.Grant {
		return []*reactorv1.Grant{{Grant: &reactorv1.Grant_Resolve{Resolve: &reactorv1.ResolveGrant{Pattern: pattern}}}}
	}
	c, rust := d.Push(t, componentGuest(t, "c-command")), d.Push(t, componentGuest(t, "rust-command"))
	const succeeded, exited, trapped = reactorv1.EndReason_END_REASON_UNSPECIFIED, reactorv1.EndReason_END_REASON_EXIT, reactorv1.EndReason_END_REASON_TRAP
	for _, tt := range []struct {
		name   string
		module string
		args   []string
		grants []*reactorv1.Grant
		stdin  string
		want   string // in what it prints
		reason reactorv1.EndReason
	}{
		{"arguments in C", c, []string{"args", "a b", "ü"}, nil, "", "args\na b\nü\n", succeeded},
		{"variables in C", c, []string{"env", "GREETING"}, nil, "", "hello\n", succeeded},
		{"a file in C", c, []string{"cat", "/data/f"}, data, "", "contents\n", succeeded},
		{"a folder in C", c, []string{"ls", "/data"}, data, "", "f\n", succeeded},
		{"no grant of a folder in C", c, []string{"cat", "/data/f"}, nil, "", "/data/f: ", exited},
		{"standard input in C", c, []string{"stdin"}, nil, "a\nb", "a\nb", succeeded},
		{"arguments", rust, []string{"args", "a b"}, nil, "", `["args", "a b"]`, succeeded},
		{"variables", rust, []string{"env"}, nil, "", "GREETING=hello\n", succeeded},
		{"standard input", rust, []string{"lines"}, nil, "a\nb", "1: a\n2: b\n", succeeded},
		{"standard streams", rust, []string{"copy"}, nil, strings.Repeat("x", 100_000), "100000 bytes\n", succeeded},
		{"writing", rust, []string{"write", "/data/g", "text"}, data, "", "", succeeded},
		{"reading what was written", rust, []string{"cat", "/data/g"}, data, "", "text", succeeded},
		{"appending", rust, []string{"append", "/data/g", "s"}, data, "", "", succeeded},
		{"attributes", rust, []string{"stat", "/data/g"}, data, "", "5 file\n", succeeded},
		{"writing where it may read", rust, []string{"write", "/data/h", "text"}, readOnly, "", "Read-only file system", trapped},
		{"a path that leads out", rust, []string{"cat", "/data/../../etc/passwd"}, data, "", "", trapped},
		{"renaming", rust, []string{"rename", "/data/g", "/data/h"}, data, "", "", succeeded},
		{"removing", rust, []string{"remove", "/data/h"}, data, "", "", succeeded},
		{"time", rust, []string{"sleep", "5"}, nil, "", "slept true\n", succeeded},
		{"random bytes", rust, []string{"random"}, nil, "", "32 true\n", succeeded},
		{"a connection", rust, []string{"connect", stream, "hello"}, dialGrant(stream), "", "hello\n", succeeded},
		{"no grant of a connection", rust, []string{"connect", stream, "hello"}, dialGrant("127.0.0.1:1"), "", "access-denied", trapped},
		{"a datagram", rust, []string{"udp", datagrams, "hello"}, udp, "", "hello\n", succeeded},
		{"no grant of datagrams", rust, []string{"udp", datagrams, "hello"}, nil, "", "access-denied", trapped},
		{"a grant of datagrams to elsewhere", rust, []string{"udp", datagrams, "hello"}, elsewhere, "", "access-denied", trapped},
		{"a grant of connections is none of datagrams", rust, []string{"udp", datagrams, "hello"}, dialGrant(datagrams), "", "access-denied", trapped},
		{"no grant of a listener", rust, []string{"listen", free, "1"}, nil, "", "access-denied", trapped},
		{"a grant to connect is none to listen", rust, []string{"listen", free, "1"}, dialGrant(free), "", "access-denied", trapped},
		{"a listener of another address", rust, []string{"listen", "127.0.0.1:1", "1"}, listenGrant(free), "", "access-denied", trapped},
		{"a name", rust, []string{"resolve", "localhost"}, resolve("localhost"), "", "127.0.0.1\n", succeeded},
		{"a name that a grant to connect has", rust, []string{"resolve", "localhost"}, dialGrant("localhost:80"), "", "127.0.0.1\n", succeeded},
		{"no grant of names", rust, []string{"resolve", "localhost"}, nil, "", "access-denied", trapped},
		{"a grant of another name", rust, []string{"resolve", "localhost"}, resolve("example.org"), "", "access-denied", trapped},
		{"what is no name", rust, []string{"resolve", "a b"}, resolve("*"), "", "invalid-argument", trapped},
		{"a status", rust, []string{"exit", "1"}, nil, "", "", exited},
		{"a panic", rust, []string{"panic"}, nil, "", "as asked", trapped},
		{"too much memory", rust, []string{"grow"}, nil, "", "", trapped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := d.Submit(t, &reactorv1.WorkloadSpec{
				Module: tt.module, Args: tt.args, Grants: tt.grants, Stdin: []byte(tt.stdin),
				Env: map[string]string{"GREETING": "hello"}, Limits: &reactorv1.Limits{MemoryBytes: 32 << 20},
			})
			status := d.WaitFor(t, id)
			text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
			failed := status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED
			if failed != (tt.reason != succeeded) || failed && status.GetReason() != tt.reason || !strings.Contains(text, tt.want) {
				t.Errorf("%v, and it printed %.1000q", status, text)
			}
		})
	}
}

// TestCommandServes: a command of WASI 0.2 accepts connections at the listener that it was granted.
func TestCommandServes(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	address := testkit.FreeAddress(t)
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, componentGuest(t, "rust-command")), Args: []string{"listen", address, "3"}, Grants: listenGrant(address),
	})
	listensAt(t, d, id)
	for range 3 {
		conn, err := net.Dial("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("hello", 20_000)
		go func() {
			_, _ = io.WriteString(conn, text)
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		if back, err := io.ReadAll(conn); err != nil || string(back) != text {
			t.Errorf("%d bytes came back, %v", len(back), err)
		}
		_ = conn.Close()
	}
	if status := d.WaitFor(t, id); status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
		t.Error(status)
	}
}

// TestCommandsEnd: a command that computes for ever does not keep others waiting, and ends by its timeout or when it is
// cancelled, as does one that waits.
func TestCommandsEnd(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, componentGuest(t, "rust-command"))
	spins := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"spin"}})
	waits := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"sleep", "3600000"}})
	late := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: module, Args: []string{"spin"}, Limits: &reactorv1.Limits{Timeout: durationpb.New(100 * time.Millisecond)},
	})
	if status := d.WaitFor(t, late); status.GetReason() != reactorv1.EndReason_END_REASON_DEADLINE {
		t.Error(status)
	}
	until(t, "it sleeps", func() bool { return len(d.Status(t, waits).GetWaitingFor()) > 0 })
	for _, id := range []string{spins, waits} {
		d.Cancel(t, id)
		if status := d.WaitFor(t, id); status.GetReason() != reactorv1.EndReason_END_REASON_CANCELLED {
			t.Error(status)
		}
	}
}
