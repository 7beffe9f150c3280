package integration

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// A component of WASI 0.3 serves at a granted listener. Operators see what it waits for, by which grant, and what it has moved, and
// take the grant away.
func TestServeWithAsyncSockets(t *testing.T) {
	c := newCtl(t, asyncSockets(t))
	guest := componentFile("steps")
	if out, want := c.must(t, "module", "inspect", guest), "sockets (--listen), dialling (--dial), names (--resolve, or --dial with the name)"; !strings.Contains(out, want) {
		t.Errorf("no %q in %s", want, out)
	}
	at := testkit.FreeAddress(t)
	c.must(t, "submit", "--id", "server", "--listen", "web="+at, guest, "tcp", "bind "+at, "listen", "drop socket", "accept", "receive", "send",
		"read 100", "write pong", "drop writer", "sent", "read 1", "received", "drop reader", "drop received", "drop sent", "drop socket", "accept")
	if op := c.waitsFor(t, "server", acceptance); op.GetTarget() != at || op.GetGrant() == "" {
		t.Errorf("it accepts by %v", op)
	}
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if op := c.waitsFor(t, "server", reading); op.GetTarget() != conn.LocalAddr().String() || op.GetGrant() == "" {
		t.Errorf("it reads by %v", op)
	}
	_, _ = io.WriteString(conn, "ping")
	if got, err := io.ReadAll(conn); err != nil || string(got) != "pong" {
		t.Errorf("the client gets %q, %v", got, err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	c.waitsFor(t, "server", acceptance)
	c.must(t, "revoke", "server", "listen:web")
	end := c.daemon.WaitFor(t, "server")
	c.lines(t, "server", "tcp: ok", "bind: ok", "listen: ok", "accept: ok", "read: ping", "write: ok", "sent: ok", "read: end", "received: ok", "accept: end")
	if sent, received := end.GetUsage().GetSentBytes(), end.GetUsage().GetReceivedBytes(); end.GetState() != succeeded || sent != 4 || received != 4 {
		t.Errorf("it ended as %v", end)
	}
}

// A component of WASI 0.3 dials what it was granted, and is told which flag it lacks for the rest.
func TestDialWithAsyncSockets(t *testing.T) {
	c := newCtl(t, asyncSockets(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	guest, at := componentFile("steps"), l.Addr().String()
	steps := []string{guest, "tcp", "connect " + at, "receive", "send", "write text", "drop writer", "read 100", "read 100", "received"}
	if got, want := c.must(t, append([]string{"run", "--dial", at}, steps...)...),
		"tcp: ok\nconnect: ok\nwrite: ok\nread: text\nread: end\nreceived: ok"; got != want {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
	out, errs, status := c.run(t, "", "run", "--id", "refused", "--grants", "report", guest, "tcp", "connect "+at, "udp", "put "+at+" text")
	if want := "tcp: ok\nconnect: access-denied\nudp: ok\nput: access-denied\n"; out != want || status != 0 {
		t.Errorf("status %d, %s, it prints\n%s\nwant\n%s", status, errs, out, want)
	}
	_, proposal, _ := strings.Cut(c.must(t, "grants", "refused"), "enough for that: ")
	for _, want := range []string{"--dial " + at, "--dial udp:" + at} {
		if !strings.Contains(proposal, want) {
			t.Errorf("no %q in %s", want, proposal)
		}
	}
}

func asyncSockets(t *testing.T) []byte {
	t.Helper()
	binary, err := os.ReadFile(componentFile("steps"))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
