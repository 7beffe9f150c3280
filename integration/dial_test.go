package integration

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func dialGrant(pattern string) []*reactorv1.Grant {
	return []*reactorv1.Grant{{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: pattern}}}}
}

// TestDialling: guests in three languages open connections by themselves, within their grants.
func TestDialling(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--allow-connect=127.0.0.1:*", "--allow-connect=localhost:*")
	_, port, _ := net.SplitHostPort(testkit.Echoes(t))
	for _, guest := range []struct{ name, host string }{{"c-dial", "127.0.0.1"}, {"c-dial", "localhost"}, {"rust-dial", "127.0.0.1"}} {
		t.Run(guest.name+" "+guest.host, func(t *testing.T) {
			binary, err := os.ReadFile("../examples/" + guest.name + "/dial.wasm")
			if err != nil {
				t.Fatal(err)
			}
			module := d.Push(t, binary)
			spec := &reactorv1.WorkloadSpec{
				Module: module, Args: []string{guest.host, port}, Stdin: []byte("hello"),
				Grants: dialGrant(guest.host + ":" + port),
			}
			id := d.Submit(t, spec)
			status := d.WaitFor(t, id)
			text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
			if status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED || text != "hello" {
				t.Errorf("%v, and it printed %q", status, text)
			}
			spec.Grants = dialGrant("127.0.0.1:1")
			id = d.Submit(t, spec)
			status = d.WaitFor(t, id)
			text, _ = d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
			if status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_FAILED || !strings.Contains(strings.ToLower(text), "permission denied") {
				t.Errorf("without the grant: %v, and it printed %q", status, text)
			}
		})
	}
}

// TestDiallingPool: a pool of connections of Go's net/http replaces those that the server has closed.
func TestDiallingPool(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, testkit.DataDir(t, example(t, "http-dial")), "--allow-connect=127.0.0.1:*", "--allow-connect=localhost:*")
	var requests, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1)%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		_, _ = io.WriteString(w, "page\n")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, example(t, "http-dial")), Args: []string{server.URL, "6"},
		Grants: dialGrant(strings.TrimPrefix(server.URL, "http://")),
	})
	status := d.WaitFor(t, id)
	text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
	if status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED || text != strings.Repeat("page\n", 6) {
		t.Errorf("%v, and it printed %q", status, text)
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("6 requests took %d connections, want one for each 2", n)
	}
}

// TestBindingByItself: a server that opens its listener by itself gets the one that was granted, and nothing else.
func TestBindingByItself(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--allow-listen=*:*")
	binary, err := os.ReadFile("../examples/c-serve/serve.wasm")
	if err != nil {
		t.Fatal(err)
	}
	module := d.Push(t, binary)
	_, port, _ := net.SplitHostPort(testkit.FreeAddress(t))
	for _, tt := range []struct{ name, granted, host, port string }{
		{"one address", "127.0.0.1:" + port, "127.0.0.1", port},
		{"every address", ":" + port, "0.0.0.0", port},
		{"a port that the daemon chooses", "127.0.0.1:0", "127.0.0.1", "0"},
		{"any port of every address", "0.0.0.0:0", "0.0.0.0", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := d.Submit(t, &reactorv1.WorkloadSpec{
				Module: module, Args: []string{tt.host, tt.port},
				Grants: listenGrant(tt.granted),
			})
			_, listens, err := net.SplitHostPort(listensAt(t, d, id))
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", "127.0.0.1:"+listens)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "hello"); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
				text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
				t.Errorf("it sends back %q, %v; the guest printed %q", got, err, text)
			}
			d.Cancel(t, id)
			d.WaitFor(t, id)
		})
	}
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"127.0.0.1", port}})
	d.WaitFor(t, id)
	if text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id}); text != "bind: Permission denied\n" {
		t.Errorf("without the grant it prints %q", text)
	}
}
