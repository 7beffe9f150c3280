package integration

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// shouts is a server that sends back what comes in upper case, until its peer has ended its half.
func shouts(t *testing.T) (address string) {
	t.Helper()
	return testkit.Serve(t, func(c net.Conn) {
		for buf := make([]byte, 64<<10); ; {
			n, err := c.Read(buf)
			if _, wrong := c.Write(bytes.ToUpper(buf[:n])); err != nil || wrong != nil {
				return
			}
		}
	})
}

// says is a server that sends something and hangs up.
func says(t *testing.T, text string) (address string) {
	t.Helper()
	return testkit.Serve(t, func(c net.Conn) { _, _ = io.WriteString(c, text) })
}

// talks is a server that sends something now and then until its peer has gone, and tells that.
func talks(t *testing.T) (address string, gone <-chan struct{}) {
	t.Helper()
	ends := make(chan struct{}, 1)
	return testkit.Serve(t, func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "."); err != nil {
				ends <- struct{}{}
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}), ends
}

// A function reads and writes the connections that its call names, whether or not that is a workload, and can make no other.
func TestCallConnection(t *testing.T) {
	c := newCtlOf(t, testkit.StartGuarded(t, t.TempDir(), nil, "--listen=127.0.0.1:0", "--insecure-no-auth", "--allow-connect=127.0.0.1:*"))
	db, other := shouts(t), says(t, "other")
	_, port, err := net.SplitHostPort(other)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 3<<20)
	const no = "a component gets an open connection as an argument of a call, which names it, and none does: " +
		"grant the address to dial instead, and let the component connect"
	for _, tt := range []struct {
		call, stdin string
		grants      []string // of connections, unless they are flags
		status      int
		out, err    string
	}{
		{"proxy(@db, -)", "select 1", []string{"db=" + db}, 0, "SELECT 1", ""},
		{"proxy(@db, -)", "", []string{"db=" + db}, 0, "", ""},
		{"proxy(@db, [97])", "", []string{"db=" + db}, 0, "A", ""},
		{"proxy(@db, -)", long, []string{"db=" + db}, 0, strings.ToUpper(long), ""},
		{"proxy(@connection, -)", "unnamed", []string{db}, 0, "UNNAMED", ""},
		{"proxy(@db, @other)", "", []string{"db=" + db, "other=" + other}, 0, "OTHER", ""},
		{"count(@db)", "", []string{"db=" + says(t, long)}, 0, "3145728\n", ""},
		{`ask(@db, "select 1")`, "", []string{"db=" + db}, 0, "ok(\"SELECT 1\")\n", ""},
		{"elsewhere(@db, " + port + ")", "", []string{"db=" + db}, 0, "(\"access-denied\", \"invalid-state\")\n", ""},
		{"drop(@db, @other)", "", []string{"other=" + other, "db=" + db}, 0, "", ""},

		{"count(@db)", "", nil, 125, "", "args[0]: open db: no such file or directory"},
		{"count([1])", "", []string{"db=" + db}, 125, "", "grant 1: " + no},
		{"drop(@db, @other)", "", []string{"db=" + db}, 125, "", "args[1]: no connection is granted under the name \"other\" (--connect other=HOST:PORT)"},
		{"proxy(@db, @db)", "", []string{"db=" + db}, 125, "", "args[1]: the connection \"db\" is an argument already, and has one owner"},
		{"drop(@db, @db)", "", []string{"db=" + db}, 125, "", "args[1]: the connection \"db\" is an argument already, and has one owner"},
		{"proxy(@db, -)", "", []string{"db=" + db, "db=" + other}, 125, "", "grant 2: two connections are granted under the name \"db\": give each a name of its own"},
		{"proxy(-, -)", "", []string{"db=" + db}, 125, "", "args[0]: expected a connection: @NAME, of a connection that is granted under the name at column 7, found '-'"},
		{"proxy(@db, -)", "", []string{"db=" + db, "--dial=" + other}, 125, "", "a call that is no workload is granted connections and links only (--connect, --link), and proxy takes or returns a stream or a future: leave out the others; see `reactorctl call --help`"},
		{"proxy(@db, -)", "", []string{"db=10.0.0.1:80"}, 125, "", "connection to \"10.0.0.1:80\": the operator does not allow it: --allow-connect has to cover it"},
		{`ask(@db, "")`, "", []string{"db=10.0.0.1:80"}, 125, "", "connection to \"10.0.0.1:80\": the operator does not allow it: --allow-connect has to cover it"},
	} {
		args := []string{"call", componentFile("wire"), tt.call}
		for _, g := range tt.grants {
			if !strings.HasPrefix(g, "--") {
				g = "--connect=" + g
			}
			args = append(args, g)
		}
		if tt.err != "" {
			tt.err = "reactorctl: " + tt.err + "\n"
		}
		out, errs, status := c.run(t, tt.stdin, args...)
		if status != tt.status || out != tt.out || errs != tt.err {
			t.Errorf("%s %s: status %d, %.100q, %q", tt.call, tt.grants, status, out, errs)
		}
	}
}

// A call without a workload takes connections by the API, also one with TLS and one to a workload, and no other grants.
func TestCallFunctionConnection(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, sockets(t)))
	c := newCtlOf(t, d)
	module := pushComponent(t, d, "wire")
	ask := func(grants ...*reactorv1.Grant) (*reactorv1.CallFunctionResponse, error) {
		return d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
			Module: module, Grants: grants, Call: &reactorv1.FunctionCall{Export: "ask", Args: []*reactorv1.Value{
				{Kind: &reactorv1.Value_Connection{Connection: "db"}}, {Kind: &reactorv1.Value_Text{Text: "hello"}},
			}},
		}})
	}
	connection := func(address string) *reactorv1.Grant {
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Name: "db", Address: address}}}
	}
	c.must(t, "submit", "--id", "server", "--listen", "workload", socketsFile(t), "poll 3 r", "accept 3", "write 4 welcome", "shutdown 4 2", "read 4 9", "read 4 9")
	for address, want := range map[string]string{shouts(t): "HELLO", "workload:server": "welcome"} {
		r, err := ask(connection(address))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.GetStatus().GetResult().GetVariant(); got.GetCase() != "ok" || got.GetValue().GetText() != want {
			t.Errorf("%s: %v", address, r)
		}
	}
	d.WaitFor(t, "server")
	c.lines(t, "server", "poll 3 r: ok", "accept 3: ok 4", "write 4 welcome: ok 7", "shutdown 4 2: ok", "read 4 9: ok hello", "read 4 9: ok")
	_, err := ask(connection("127.0.0.1:1"), &reactorv1.Grant{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{Pattern: "127.0.0.1:1"}}})
	if want := "spec.grants[1]: it is for workloads: submit one with this call, and of a call without one only connections that are arguments and links are granted"; status.Convert(err).Message() != want {
		t.Errorf("with another grant: %v", err)
	}
}

// What a workload has by a connection ends when its grant is revoked. One whose connection is not there yet fails.
func TestRevokeCallConnection(t *testing.T) {
	c := newCtl(t)
	address, gone := talks(t)
	submit := func(id, address string) {
		c.must(t, "submit", "--id", id, "--connect", "db="+address, "--call", `ask(@db, "hello")`, componentFile("wire"))
	}
	submit("used", address)
	if op := c.waitsFor(t, "used", reading); op.GetTarget() != address || op.GetGrant() != "--connect db="+address {
		t.Errorf("it waits for %v", op)
	}
	if status := c.must(t, "status", "used"); !strings.Contains(status, `ask(@db, "hello")`) {
		t.Errorf("status prints %s", status)
	}
	c.must(t, "revoke", "used", "connect:db")
	<-gone
	if got := c.daemon.WaitFor(t, "used").GetResult().GetVariant(); got.GetCase() != "error" || got.GetValue().GetText() != "access-denied" {
		t.Errorf("it returned %v", got)
	}
	address = deaf(t)
	submit("awaited", address)
	c.waitsFor(t, "awaited", connecting)
	c.must(t, "revoke", "awaited", "connect:db")
	want := "connection to \"" + address + "\": it was revoked before the function that it is an argument of was called"
	if end := c.daemon.WaitFor(t, "awaited"); end.GetReason() != reactorv1.EndReason_END_REASON_GRANT_DENIED || end.GetMessage() != want {
		t.Errorf("it ended with %v", end)
	}
}

// A connection is closed when its call has ended, by itself or since the client has gone.
func TestCallConnectionEnds(t *testing.T) {
	c := newCtl(t)
	_, errs, code := c.run(t, "", "call", componentFile("wire"), "count(@db)", "--connect=db="+testkit.FreeAddress(t))
	if !strings.Contains(errs, "connection refused") || code != 125 {
		t.Errorf("if nobody listens: status %d, %s", code, errs)
	}
	for _, call := range []string{"count(@db)", "proxy(@db, @/dev/zero)"} {
		address, gone := talks(t)
		cmd := c.command(t, "call", componentFile("wire"), call, "--connect=db="+address)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		<-gone
	}
}
