package integration

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// What a workload may have of sockets and bytes holds over whichever sockets these are.
func TestNetworkBudgets(t *testing.T) {
	t.Parallel()
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, sockets(t)), "--allow-secret=file:/"))
	silent, _ := testkit.NeverAnswers(t)
	echo := testkit.EchoesDatagrams(t)
	_, port, _ := net.SplitHostPort(testkit.Echoes(t))
	for _, tt := range []struct {
		name, flags string
		lines       []string
	}{
		{"sockets", "--connections=2 --dial=" + silent, []string{
			"open tcp4: ok 3", "open udp4: ok 4", "open tcp4: mfile 0", "open udp6: mfile 0", "connect 3 " + silent + ": ok", "close 4: ok", "open tcp6: ok 4", "open udp6: mfile 0",
		}},
		{"sockets of grants", "--connections=1 --connect=" + silent, []string{"open tcp4: mfile 0", "write 3 x: ok 1", "close 3: ok", "open udp4: ok 3"}},
		{"datagrams sent", "--sent-bytes=10 --dial=udp:" + echo, []string{
			"open udp4: ok 3", "sendto 3 " + echo + " x*6: ok 6", "recv 3 9: ok xxxxxx", "sendto 3 " + echo + " x*5: dquot 0", "open udp4: ok 4",
			"connect 4 " + echo + ": ok", "write 4 x*4: ok 4", "read 4 9: ok xxxx", "write 4 x: dquot 0", "sendto 3 " + echo + " x: dquot 0", "sendto 3 " + echo + ": ok 0",
		}},
		{"datagrams received", "--received-bytes=10 --dial=udp:" + echo, []string{
			"open udp4: ok 3", "sendto 3 " + echo + " x*6: ok 6", "recv 3 9: ok xxxxxx", "sendto 3 " + echo + " x*6: ok 6", "recv 3 9: ok xxxxxx",
			"sendto 3 " + echo + " x: ok 1", "recv 3 9: dquot", "poll 3 r: ok",
		}},
		{"streams sent", "--sent-bytes=10 --dial=127.0.0.1:" + port, []string{
			"open tcp4: ok 3", "connect 3 127.0.0.1:" + port + ": ok", "write 3 x*6: ok 6", "write 3 x*6: ok 4", "write 3 x: dquot 0", "poll 3 w: ok", "send 3 x: dquot 0",
			"open tcp4: ok 4", "connect 4 127.0.0.1:" + port + ": ok", "send 4 x: dquot 0",
		}},
		{"streams received", "--received-bytes=4 --dial=127.0.0.1:" + port, []string{
			"open tcp4: ok 3", "connect 3 127.0.0.1:" + port + ": ok", "write 3 x*6: ok 6", "read 3 9: ok xxxx", "read 3 9: dquot", "poll 3 r: ok", "recv 3 9: dquot",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.script(t, strings.ReplaceAll(tt.name, " ", "-"), strings.Fields(tt.flags), tt.lines)
		})
	}

	t.Run("accepted", func(t *testing.T) {
		c.must(t, "submit", "--id", "accepts", "--connections=2", "--sent-bytes=5", "--listen", "127.0.0.1:0", socketsFile(t),
			"poll 3 r", "accept 3", "poll 3 r", "accept 3", "write 4 x*9", "close 4", "accept 3", "write 4 x", "poll 4 r", "read 4 1")
		var address string
		until(t, "it listens", func() bool {
			for _, at := range c.daemon.Status(t, "accepts").GetListenAddresses() {
				address = at
			}
			return address != ""
		})
		for range 2 {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		c.daemon.WaitFor(t, "accepts")
		c.lines(t, "accepts", "poll 3 r: ok", "accept 3: ok 4", "poll 3 r: ok", "accept 3: mfile 0", "write 4 x*9: ok 5", "close 4: ok", "accept 3: ok 4",
			"write 4 x: dquot 0", "poll 4 r: ok hangup", "read 4 1: ok")
	})

	t.Run("TLS", func(t *testing.T) {
		authority, dir := testkit.NewAuthority(t), t.TempDir()
		cert, key := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
		authority.Issue("db.test", cert, key)
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		address := greeter(t, &tls.Config{Certificates: []tls.Certificate{pair}}) // answers a line with more than ten bytes
		c.must(t, "submit", "--id", "secured", "--sent-bytes=6", "--received-bytes=10", "--connect", "db="+address+",tls,ca=file:"+authority.File, toolFile(t), "talk", "db", "hello")
		s := c.daemon.WaitFor(t, "secured")
		if u := s.GetUsage(); s.GetState() != failed || u.GetSentBytes() != 6 || u.GetReceivedBytes() != 10 {
			t.Errorf("it has sent %d bytes and received %d: %v", u.GetSentBytes(), u.GetReceivedBytes(), s)
		}
		if want := "shortly before, receiving more was refused: the limit is 10 bytes in all (--received-bytes)"; !strings.Contains(s.GetMessage(), want) {
			t.Errorf("it ended with %q, which does not say %q", s.GetMessage(), want)
		}
		status := strings.Join(strings.Fields(c.must(t, "status", "secured")), " ")
		if !strings.Contains(status, "network sent 6 B of 6 B, received 10 B of 10 B") || strings.Count(status, "received 10 B") != 1 {
			t.Errorf("its status is %s", status)
		}
	})

	t.Run("workloads", func(t *testing.T) {
		c.must(t, "submit", "--id", "server", "--listen", "workload", "--received-bytes=3", socketsFile(t), "poll 3 r", "accept 3", "read 4 9", "read 4 9")
		c.script(t, "client", []string{"--connect=workload:server", "--sent-bytes=5"}, []string{"write 3 x*9: ok 5", "write 3 x: dquot 0", "read 3 1: ok"})
		c.daemon.WaitFor(t, "server")
		c.lines(t, "server", "poll 3 r: ok", "accept 3: ok 4", "read 4 9: ok xxx", "read 4 9: dquot")
	})
}

// The rate is held by waiting, of streams and of datagrams, in both directions.
func TestNetworkRate(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newCtl(t, sockets(t))
	source := testkit.Serve(t, func(c net.Conn) { _, _ = c.Write(make([]byte, 60_000)) })
	silent, _ := testkit.NeverAnswers(t)
	_, datagrams := testkit.Datagrams(t)
	const rate, amount = 40_000, 60_000
	for name, tt := range map[string]struct {
		dial  string
		lines []string
	}{
		"sending":   {silent, []string{"open tcp4: ok 3", "connect 3 " + silent + ": ok", "write 3 x*60000: ok 60000"}},
		"datagrams": {"udp:" + datagrams, []string{"open udp4: ok 3", "sendto 3 " + datagrams + " x*30000: ok 30000", "sendto 3 " + datagrams + " x*30000: ok 30000", "sendto 3 " + datagrams + " x: ok 1"}},
		"receiving": {source, []string{"open tcp4: ok 3", "connect 3 " + source + ": ok", "drain 3: ok 60000"}},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			args := []string{"submit", "--id", name, "--bytes-per-second=40000", "--dial", tt.dial, socketsFile(t)}
			c.must(t, append(args, operations(tt.lines)...)...)
			s := c.daemon.WaitFor(t, name)
			if took, least := time.Since(begin), time.Second*(amount-rate/10)/rate*9/10; took < least {
				t.Errorf("%d bytes took %v, want %v at least", amount, took, least)
			}
			waited := slices.ContainsFunc(s.GetUsage().GetWaits(), func(w *reactorv1.WaitUsage) bool { return w.GetKind() == reactorv1.OpKind_OP_KIND_RATE })
			if s.GetState() != succeeded || !waited {
				t.Errorf("it ended as %v, and waited for the rate: %t", s, waited)
			}
			c.lines(t, name, tt.lines...)
		})
	}
}

// An attempt that goes on after a restart may send only what those before have left.
func TestNetworkBudgetAfterRestart(t *testing.T) {
	dir := testkit.DataDir(t, sockets(t))
	c := newCtlOf(t, testkit.Start(t, dir))
	silent, _ := testkit.NeverAnswers(t)
	c.must(t, "submit", "--id", "sends", "--sent-bytes=8", "--connect", silent, socketsFile(t), "write 3 hello", "write 3 x", "read 3 1")
	c.waitsFor(t, "sends", reading)
	c.daemon.Stop()
	c = newCtlOf(t, testkit.Start(t, dir))
	c.waitsFor(t, "sends", reading)
	c.must(t, "revoke", "sends", "--all")
	s := c.daemon.WaitFor(t, "sends")
	c.lastLines(t, "sends", "write 3 hello: ok 2", "write 3 x: dquot 0", "read 3 1: notcapable")
	if u := s.GetUsage(); u.GetSentBytes() != 8 || s.GetAttempts() != 2 {
		t.Errorf("it has sent %d bytes in %d attempts", u.GetSentBytes(), s.GetAttempts())
	}
}
