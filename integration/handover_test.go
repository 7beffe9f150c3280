package integration

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestHandedOver: a guest finds an open connection by its name and talks over it: one that the daemon has dialled, with
// and without TLS, or one that it has accepted. The guest sees neither keys nor TLS.
func TestHandedOver(t *testing.T) {
	dir := t.TempDir()
	authority, other := testkit.NewAuthority(t), testkit.NewAuthority(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	authority.Issue("db.test", path("server.pem"), path("server.key"))
	authority.Issue("client.test", path("client.pem"), path("client.key"))
	key, err := os.ReadFile(path("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HANDED_OVER_KEY", string(key))
	pair, err := tls.LoadX509KeyPair(path("server.pem"), path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	plain := greeter(t, nil)
	secured := greeter(t, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"greet/1"}})
	mutual := greeter(t, &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: authority.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		MaxVersion: tls.VersionTLS12, // from 1.3 on a client learns only later that it was refused
	})
	d := testkit.Start(t, testkit.DataDir(t, tool(t)), "--allow-secret=file:/", "--allow-secret=env:HANDED_*")
	c := newCtlOf(t, d)
	guest := path("tool.wasm")
	if err := os.WriteFile(guest, tool(t), 0o600); err != nil {
		t.Fatal(err)
	}
	ca, foreign := "file:"+authority.File, "file:"+other.File
	for _, tt := range []struct{ flag, answer, fault string }{
		{"db=" + plain, `"" of "" with "": HELLO`, ""},
		{"db=" + secured + ",tls,ca=" + ca, `"" of "" with "": HELLO`, ""},
		{"db=" + secured + ",tls,ca=" + ca + ",server-name=db.test,alpn=greet/1", `"db.test" of "" with "greet/1": HELLO`, ""},
		{"db=" + mutual + ",tls,server-name=db.test,ca=" + ca + ",cert=file:" + path("client.pem") + ",key=env:HANDED_OVER_KEY", `"db.test" of "client.test" with "": HELLO`, ""},
		{"db=" + secured + ",tls,ca=" + foreign, "", "which is not trusted"},
		{"db=" + secured + ",tls,server-name=other.test,ca=" + ca, "", `not for other.test`},
		{"db=" + mutual + ",tls,ca=" + ca, "", "the server refused"},
		{"db=" + plain + ",tls,ca=" + ca, "", "does not speak TLS"},
		{"db=" + secured + ",tls,ca=file:" + path("client.key"), "", "no certificate in PEM"},
		{"other=" + plain, "", "no connection is called db"},
	} {
		out, errs, status := c.run(t, "", "run", "--connect="+tt.flag, guest, "talk", "db", "hello")
		if tt.fault == "" && (status != 0 || strings.TrimSpace(out) != tt.answer) {
			t.Errorf("%s: status %d, %q, want %q\n%s", tt.flag, status, out, tt.answer, errs)
		}
		if tt.fault != "" && (status == 0 || !strings.Contains(errs, tt.fault)) {
			t.Errorf("%s: status %d, want %q\n%s", tt.flag, status, tt.fault, errs)
		}
	}
	if strings.Contains(d.Log(), string(key[40:80])) {
		t.Error("the log has the key")
	}

	id := strings.TrimSpace(c.must(t, "submit", "--quiet", "--dir="+dir+":/data", "--connect=db=127.0.0.1:0,accept", guest, "talk", "db", "hello"))
	conn, err := net.Dial("tcp", accepting(t, d, id))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("the guest says %q, %v", line, err)
	}
	if _, err := conn.Write([]byte("welcome\n")); err != nil {
		t.Error(err)
	}
	if s := d.WaitFor(t, id); s.GetState() != succeeded {
		t.Errorf("it ended with %v", s)
	} else if sent, received := s.GetUsage().GetSentBytes(), s.GetUsage().GetReceivedBytes(); sent != 6 || received != 8 {
		t.Errorf("it has sent %d bytes and received %d, want 6 and 8", sent, received)
	}
	if got := output(t, d, id); got != "welcome\n" {
		t.Errorf("it has heard %q", got)
	}
}

// greeter serves connections, each with one answer to one line, that tells what TLS knows. It returns its address.
func greeter(t *testing.T, config *tls.Config) string {
	t.Helper()
	return testkit.Serve(t, func(c net.Conn) { greet(c, config) })
}

func greet(conn net.Conn, config *tls.Config) {
	var state tls.ConnectionState
	if config != nil {
		secured := tls.Server(conn, config)
		if secured.Handshake() != nil {
			conn.Close()
			return
		}
		conn, state = secured, secured.ConnectionState()
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	client := ""
	if len(state.PeerCertificates) > 0 {
		client = state.PeerCertificates[0].Subject.CommonName
	}
	fmt.Fprintf(conn, "%q of %q with %q: %s", state.ServerName, client, state.NegotiatedProtocol, strings.ToUpper(line))
}

// accepting returns the address at which the daemon waits for a connection for a workload.
func accepting(t *testing.T, d *testkit.Daemon, id string) (address string) {
	t.Helper()
	until(t, "the daemon waits for a connection", func() bool {
		resp, err := d.Workloads.ListOps(t.Context(), &reactorv1.ListOpsRequest{WorkloadId: id})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range resp.GetOps() {
			if op.GetKind() == reactorv1.OpKind_OP_KIND_ACCEPT {
				address = op.GetTarget()
			}
		}
		return address != ""
	})
	return address
}

// TestTrafficIsBounded: a guest sends and receives no more than its limits allow, and its status says how much that was.
func TestTrafficIsBounded(t *testing.T) {
	d := testkit.Start(t, testkit.DataDir(t, tool(t)))
	module := d.Push(t, tool(t))
	for _, tt := range []struct {
		name           string
		limits         *reactorv1.Limits
		sent, received uint64
		state          reactorv1.WorkloadState
	}{
		{"enough", &reactorv1.Limits{SentBytes: 6, ReceivedBytes: 100, BytesPerSecond: 1 << 20}, 6, 24, succeeded},
		{"too little to send", &reactorv1.Limits{SentBytes: 5}, 5, 0, failed},
		{"too little to receive", &reactorv1.Limits{ReceivedBytes: 10}, 6, 10, failed},
	} {
		id := d.Submit(t, &reactorv1.WorkloadSpec{
			Module: module, Args: []string{"talk", "db", "hello"}, Limits: tt.limits,
			Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: greeter(t, nil), Name: "db"}}}},
		})
		s := d.WaitFor(t, id)
		u := s.GetUsage()
		if s.GetState() != tt.state || u.GetSentBytes() != tt.sent || u.GetReceivedBytes() != tt.received {
			t.Errorf("%s: %v: %s; sent %d, received %d; want %d, %d", tt.name, s.GetState(), output(t, d, id), u.GetSentBytes(), u.GetReceivedBytes(), tt.sent, tt.received)
		}
	}
}
