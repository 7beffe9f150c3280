package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func listenGrant(address string) []*reactorv1.Grant {
	return []*reactorv1.Grant{{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: address}}}}
}

// listensAt waits until a workload listens.
func listensAt(t *testing.T, d *testkit.Daemon, id string) (address string) {
	t.Helper()
	until(t, "it listens", func() bool {
		addresses := d.Status(t, id).GetListenAddresses()
		if len(addresses) > 0 {
			address = addresses[0]
		}
		return address != ""
	})
	return address
}

// TestDatabasePool: a pool of package database/sql with its driver as it is loses its connections when the server dies, and
// opens new ones to the next.
func TestDatabasePool(t *testing.T) {
	t.Parallel()
	const example = "../examples/sql-pool"
	server := filepath.Join(t.TempDir(), "server")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", server, "./server")
	build.Dir = example
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address := testkit.FreeAddress(t)
	serve := func(name string) (stop func()) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), server, address, name)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err) // it prints where it listens
		}
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}

	d := testkit.Start(t, t.TempDir(), "--allow-connect=127.0.0.1:*")
	module := d.Push(t, testkit.GoGuest(t, example))
	stop := serve("one")
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{address, "1000000"}, Grants: dialGrant(address)})
	prints := func(text string) {
		t.Helper()
		until(t, "it prints "+text, func() bool {
			all, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
			return strings.Contains(all, text)
		})
	}
	prints("one has had 4 connections\n") // one for each of its goroutines
	stop()
	prints("connect: Connection refused\n")
	stop = serve("two")
	defer stop()
	prints("two has had 4 connections\n")
	d.Cancel(t, id)

	id = d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{address, "4"}})
	status := d.WaitFor(t, id)
	text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
	if want := fmt.Sprintf("connect: Permission denied: the workload needs --dial %s\n", address); status.GetExitCode() != 1 || !strings.Contains(text, want) {
		t.Errorf("without the grant: %v, and it printed %q, want %q", status, text, want)
	}
}

// TestTokio: a server on Tokio as it is serves many clients side by side, on a granted listener.
func TestTokio(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--allow-listen=127.0.0.1:*")
	binary, err := os.ReadFile("../examples/rust-tokio/echo.wasm")
	if err != nil {
		t.Fatal(err)
	}
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, binary), Grants: listenGrant("127.0.0.1:0")})
	address := listensAt(t, d, id)
	const clients = 100
	var connected, all sync.WaitGroup
	connected.Add(clients)
	for i := range clients {
		all.Go(func() {
			c, err := net.Dial("tcp", address)
			connected.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			connected.Wait() // so that all are served at once
			lines := bufio.NewReader(c)
			for j := range 3 {
				want := fmt.Sprintf("client %d, line %d\n", i, j)
				if _, err := io.WriteString(c, want); err != nil {
					t.Error(err)
				}
				if got, err := lines.ReadString('\n'); got != want {
					t.Errorf("it sends back %q, %v; want %q", got, err, want)
				}
			}
		})
	}
	all.Wait()
	if s := d.Status(t, id); s.GetEndTime() != nil {
		text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
		t.Errorf("%v, and it printed %q", s, text)
	}
}

// TestWasmEdgeCrate: a server and a client over the crate wasmedge_wasi_socket as it is. The server binds by itself, and the
// client looks up a name.
func TestWasmEdgeCrate(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--allow-listen=127.0.0.1:*", "--allow-connect=127.0.0.1:*", "--allow-connect=localhost:*")
	binary, err := os.ReadFile("../examples/rust-wasmedge/echo.wasm")
	if err != nil {
		t.Fatal(err)
	}
	module := d.Push(t, binary)
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"serve", "127.0.0.1:0"}, Grants: listenGrant("127.0.0.1:0")})
	_, port, _ := net.SplitHostPort(listensAt(t, d, id))
	for _, tt := range []struct{ to, granted, want string }{
		{"127.0.0.1", "127.0.0.1", "hello"},
		{"localhost", "localhost", "hello"},
		{"localhost", "127.0.0.1", "Permission denied"},
	} {
		client := d.Submit(t, &reactorv1.WorkloadSpec{
			Module: module, Args: []string{"dial", tt.to + ":" + port}, Stdin: []byte("hello"), Grants: dialGrant(tt.granted + ":" + port),
		})
		d.WaitFor(t, client)
		if text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: client}); !strings.Contains(text, tt.want) {
			t.Errorf("to %s with --dial %s it prints %q; want %q", tt.to, tt.granted, text, tt.want)
		}
	}
}

// TestModuleNeeds: what a module may want of grants is shown with their flags.
func TestModuleNeeds(t *testing.T) {
	c := newCtl(t)
	c.must(t, "module", "push", "--tag", "crate", "../examples/rust-wasmedge/echo.wasm")
	out := c.must(t, "module", "inspect", "crate")
	if want := "sockets (--listen, --connect), dialling (--dial), names (--resolve, or --dial with the name)"; !strings.Contains(out, want) {
		t.Errorf("it needs no %q:\n%s", want, out)
	}
}
