package integration

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	reading    = reactorv1.OpKind_OP_KIND_READ
	writing    = reactorv1.OpKind_OP_KIND_WRITE
	connecting = reactorv1.OpKind_OP_KIND_CONNECT
	acceptance = reactorv1.OpKind_OP_KIND_ACCEPT
	handshake  = reactorv1.OpKind_OP_KIND_HANDSHAKE
)

// What a guest has opened by itself through a grant is lost with it: whoever waits is told at once, every later operation
// fails with the same errno, and nothing can be opened again.
func TestRevokeSockets(t *testing.T) {
	c := newCtl(t, sockets(t))
	guest := socketsFile(t)
	silent, ended := testkit.NeverAnswers(t)
	unread, answersNobody, port := testkit.NeverReads(t), deaf(t), testkit.FreeAddress(t)
	_, datagrams := testkit.Datagrams(t)
	for _, tt := range []struct {
		name, flag, revoke string
		waits              reactorv1.OpKind
		lines              []string // operation: result
	}{
		{"read", "--dial=" + silent, "dial:" + silent, reading, []string{
			"open tcp4: ok 3", "connect 3 " + silent + ": ok", "read 3 10: notcapable",
			"read 3 10: notcapable", "recv 3 0: notcapable", "write 3 x: notcapable 0", "send 3 x: notcapable 0", "shutdown 3 1: notcapable",
			"peer 3: notcapable...", "local 3: notcapable...", "get 3 2: notcapable 0", "set 3 7 1: notcapable", "nonblock 3: notcapable",
			"poll 3 r: notcapable", "poll 3 w: notcapable", "connect 3 " + silent + ": notcapable", "close 3: ok",
			"open tcp4: ok 3", "connect 3 " + silent + ": notcapable", "connect 3 127.0.0.1:1: acces",
		}},
		{"receive, renumbered", "--dial=" + silent, "dial:" + silent, reading, []string{
			"open tcp4: ok 3", "open tcp4: ok 4", "connect 3 " + silent + ": ok", "renumber 3 4: ok", "recv 4 10: notcapable", "recv 3 10: badf",
			"read 4 1: notcapable", "renumber 4 0: ok", "read 0 1: notcapable",
		}},
		{"poll", "--dial=" + silent, "dial:" + silent, reading, []string{
			"open tcp4: ok 3", "connect 3 " + silent + ": ok", "poll 3 r: notcapable", "read 3 10: notcapable",
		}},
		{"poll without blocking", "--dial=" + silent, "dial:" + silent, reading, []string{
			"open tcp4: ok 3", "connect 3 " + silent + ": ok", "nonblock 3: ok", "read 3 1: again", "poll 3 r: notcapable", "read 3 10: notcapable",
		}},
		{"write", "--dial=" + unread, "dial:" + unread, writing, []string{
			"open tcp4: ok 3", "connect 3 " + unread + ": ok", "until write 3 x*60000: notcapable 0", "close 3: ok",
		}},
		{"poll to write", "--dial=" + unread, "dial:" + unread, writing, []string{
			"open tcp4: ok 3", "connect 3 " + unread + ": ok", "nonblock 3: ok", "until write 3 x*60000: again 0", "poll 3 w: notcapable",
		}},
		{"connect", "--dial=" + answersNobody, "dial:" + answersNobody, connecting, []string{
			"open tcp4: ok 3", "connect 3 " + answersNobody + ": notcapable", "connect 3 " + answersNobody + ": notcapable", "close 3: ok",
		}},
		{"poll to connect", "--dial=" + answersNobody, "dial:" + answersNobody, connecting, []string{
			"open tcp4: ok 3", "nonblock 3: ok", "connect 3 " + answersNobody + ": inprogress", "poll 3 w: notcapable", "get 3 2: notcapable 0",
		}},
		{"datagrams", "--dial=udp:" + datagrams, "dial:udp:" + datagrams, reading, []string{
			"open udp4: ok 3", "sendto 3 " + datagrams + " hello: ok 5", "recvfrom 3 10: notcapable", "recvfrom 3 0: notcapable",
			"sendto 3 " + datagrams + " hello: notcapable 0", "close 3: ok", "open udp4: ok 3", "sendto 3 " + datagrams + " hello: notcapable 0",
		}},
		{"connected datagrams", "--dial=udp:" + datagrams, "dial:udp:" + datagrams, reading, []string{
			"open udp4: ok 3", "connect 3 " + datagrams + ": ok", "send 3 hello: ok 5", "poll 3 r: notcapable", "recv 3 10: notcapable",
			"write 3 x: notcapable 0", "open udp4: ok 4", "connect 4 " + datagrams + ": notcapable",
		}},
		{"accept", "--listen=web=" + port, "listen:web=" + port, acceptance, []string{
			"close 3: ok", "open tcp4: ok 3", "bind 3 " + port + ": ok", "listen 3: ok", "accept 3: notcapable 0", "accept 3: notcapable 0",
			"close 3: ok", "open tcp4: ok 3", "bind 3 " + port + ": notcapable",
		}},
		{"poll to accept", "--listen=web=" + port, "listen:web=" + port, acceptance, []string{
			"close 3: ok", "open tcp4: ok 3", "bind 3 " + port + ": ok", "listen 3: ok", "poll 3 r: notcapable", "listen 3: notcapable",
		}},
		{"datagrams of a listener", "--listen=udp:127.0.0.1:0", "listen:udp:127.0.0.1:0", reading, []string{
			"recvfrom 3 10: notcapable", "send 3 x: notcapable 0",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := strings.NewReplacer(" ", "-", ",", "").Replace(tt.name)
			c.must(t, append([]string{"submit", "--id", id, tt.flag, guest}, operations(tt.lines)...)...)
			op := c.waitsFor(t, id, tt.waits)
			if op.GetGrant() == "" {
				t.Errorf("the operation does not tell its grant: %v", op)
			}
			c.must(t, "revoke", id, tt.revoke)
			if end := c.daemon.WaitFor(t, id); end.GetState() != succeeded {
				t.Errorf("it ended as %v", end)
			}
			c.lines(t, id, tt.lines...)
		})
	}
	for range 4 { // whoever was connected has been told
		if err := <-ended; err != nil {
			t.Errorf("the peer: %v", err)
		}
	}
}

// What was accepted through a listener goes with it.
func TestRevokeAccepted(t *testing.T) {
	c := newCtl(t, sockets(t))
	c.must(t, "submit", "--id", "server", "--listen", "web=127.0.0.1:0", socketsFile(t), "poll 3 r", "accept 3", "read 4 5", "read 4 5", "accept 3")
	var address string
	until(t, "it listens", func() bool {
		for _, at := range c.daemon.Status(t, "server").GetListenAddresses() {
			address = at
		}
		return address != ""
	})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c.waitsFor(t, "server", reading)
	c.must(t, "revoke", "server", "listen:web")
	c.daemon.WaitFor(t, "server")
	c.lines(t, "server", "poll 3 r: ok", "accept 3: ok 4", "read 4 5: notcapable", "read 4 5: notcapable", "accept 3: notcapable 0")
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the peer reads %d bytes, %v", n, err)
	}
	if late, err := net.Dial("tcp", address); err == nil {
		late.Close()
		t.Error("it still listens")
	}
}

// A grant that is revoked while the daemon still opens what it grants: the guest starts without it.
func TestRevokeBeforeItIsOpen(t *testing.T) {
	c := newCtl(t, sockets(t))
	guest := socketsFile(t)
	mute, _ := testkit.NeverAnswers(t)
	answersNobody := deaf(t)
	for _, tt := range []struct {
		id, flag, revoke string
		waits            reactorv1.OpKind
	}{
		{"connection", "--connect=db=" + answersNobody, "connect:db", connecting},
		{"handshake", "--connect=db=" + mute + ",tls", "connect:db", handshake},
		{"acceptance", "--connect=db=127.0.0.1:0,accept", "connect:db", acceptance},
		{"workload", "--connect=db=workload:nobody", "connect:db", connecting},
	} {
		t.Run(tt.id, func(t *testing.T) {
			c.must(t, "submit", "--id", tt.id, tt.flag, guest, "read 3 1", "poll 3 r", "close 3")
			if op := c.waitsFor(t, tt.id, tt.waits); op.GetGrant() == "" {
				t.Errorf("the operation does not tell its grant: %v", op)
			}
			c.must(t, "revoke", tt.id, tt.revoke)
			if end := c.daemon.WaitFor(t, tt.id); end.GetState() != succeeded || end.GetAttempts() != 1 {
				t.Errorf("it ended as %v", end)
			}
			c.lines(t, tt.id, "read 3 1: notcapable", "poll 3 r: notcapable", "close 3: ok")
		})
	}
}

// The other ends of a connection with TLS and of one to a workload meet its end when it is revoked.
func TestRevokeHandedOver(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, sockets(t)), "--allow-secret=file:/"))
	guest, dir := socketsFile(t), t.TempDir()
	authority := testkit.NewAuthority(t)
	cert, key := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
	authority.Issue("db.test", cert, key)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	address := testkit.Serve(t, func(conn net.Conn) {
		_, err := io.Copy(io.Discard, tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}))
		ended <- err
	})
	c.must(t, "submit", "--id", "secured", "--connect", "db="+address+",tls,ca=file:"+authority.File, guest, "write 3 hello", "read 3 1", "write 3 x")
	c.waitsFor(t, "secured", reading)
	c.must(t, "revoke", "secured", "connect:db")
	c.daemon.WaitFor(t, "secured")
	c.lines(t, "secured", "write 3 hello: ok 5", "read 3 1: notcapable", "write 3 x: notcapable 0")
	if err := <-ended; err != nil {
		t.Errorf("the peer: %v", err)
	}

	c.must(t, "submit", "--id", "server", "--listen", "workload", guest, "poll 3 r", "accept 3", "read 4 9", "read 4 9")
	c.must(t, "submit", "--id", "client", "--connect", "workload:server", guest, "write 3 hello", "read 3 1", "write 3 x")
	c.waitsFor(t, "client", reading)
	c.must(t, "revoke", "client", "connect:workload:server")
	c.daemon.WaitFor(t, "client")
	c.daemon.WaitFor(t, "server")
	c.lines(t, "client", "write 3 hello: ok 5", "read 3 1: notcapable", "write 3 x: notcapable 0")
	c.lines(t, "server", "poll 3 r: ok", "accept 3: ok 4", "read 4 9: ok hello", "read 4 9: ok")
}

// What was revoked stays so in further attempts, and learn mode does not propose it.
func TestRevokedDialAfterRestart(t *testing.T) {
	dir := testkit.DataDir(t, sockets(t))
	c := newCtlOf(t, testkit.Start(t, dir))
	kept, _ := testkit.NeverAnswers(t)
	lost, _ := testkit.NeverAnswers(t)
	c.must(t, "submit", "--id", "dials", "--grants", "report", "--dial", kept, "--dial", lost, socketsFile(t),
		"open tcp4", "connect 3 "+lost, "open tcp4", "connect 4 127.0.0.1:1", "open tcp4", "connect 5 "+kept, "read 5 1")
	c.waitsFor(t, "dials", reading)
	c.must(t, "revoke", "dials", "dial:"+lost)
	c.daemon.Signal(syscall.SIGKILL)
	c.daemon.Wait()

	c = newCtlOf(t, testkit.Start(t, dir))
	c.waitsFor(t, "dials", reading)
	table := c.must(t, "grants", "dials")
	if !strings.Contains(table, "--dial 127.0.0.1:1") || strings.Contains(table, "--dial "+lost) {
		t.Errorf("the grants are\n%s", table)
	}
	c.must(t, "revoke", "dials", "--all")
	c.daemon.WaitFor(t, "dials")
	c.lastLines(t, "dials", "open tcp4: ok 3", "connect 3 "+lost+": notcapable", "open tcp4: ok 4", "connect 4 127.0.0.1:1: acces",
		"open tcp4: ok 5", "connect 5 "+kept+": ok", "read 5 1: notcapable")
}

// What is open through each grant is counted, whoever opened it.
func TestOpenSocketsOfGrants(t *testing.T) {
	c := newCtl(t, sockets(t))
	dialled, _ := testkit.NeverAnswers(t)
	connected, _ := testkit.NeverAnswers(t)
	unused, _ := testkit.NeverAnswers(t)
	datagrams := testkit.EchoesDatagrams(t)
	c.must(t, "submit", "--id", "opens", "--dial", dialled, "--dial", "udp:"+datagrams, "--dial", unused,
		"--listen", "127.0.0.1:0", "--connect", connected, socketsFile(t), // 3 and 4
		"open tcp4", "connect 5 "+dialled, "open tcp4", "connect 6 "+dialled, "open tcp4", "connect 7 "+dialled, "close 7",
		"open udp4", "sendto 7 "+datagrams+" x", "poll 3 r", "accept 3", "read 8 1", "close 5", "close 8", "read 6 1")
	client, err := net.Dial("tcp4", c.listenAddress(t, "opens"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	open := func() (open []uint64) {
		var grants struct {
			Grants []struct{ Descriptors uint64 }
		}
		if err := json.Unmarshal([]byte(c.must(t, "grants", "opens", "-o", "json")), &grants); err != nil {
			t.Fatal(err)
		}
		for _, g := range grants.Grants {
			open = append(open, g.Descriptors)
		}
		return open
	}
	for _, want := range [][]uint64{{2, 1, 2, 1, 0}, {1, 1, 1, 1, 0}} {
		until(t, fmt.Sprintf("%d are open by the grants", want), func() bool { return slices.Equal(open(), want) })
		_, _ = client.Write([]byte("x"))
	}
	c.must(t, "cancel", "opens")
}
