package integration

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// script runs operations on sockets to the end, and compares what came of each.
func (c ctl) script(t *testing.T, id string, flags []string, lines []string) {
	t.Helper()
	args := append([]string{"submit", "--id", id}, flags...)
	c.must(t, append(append(args, socketsFile(t)), operations(lines)...)...)
	if end := c.daemon.WaitFor(t, id); end.GetState() != succeeded {
		t.Errorf("it ended as %v", end)
	}
	c.lines(t, id, lines...)
}

// A guest gets by no way to what it was not granted.
func TestNoEscapeFromGrants(t *testing.T) {
	c := newCtl(t, sockets(t))
	granted, _ := testkit.NeverAnswers(t)
	other, _ := testkit.NeverAnswers(t)
	_, datagrams := testkit.Datagrams(t)
	_, otherDatagrams := testkit.Datagrams(t)
	_, port, _ := net.SplitHostPort(granted)
	_, otherPort, _ := net.SplitHostPort(other)
	_, udpPort, _ := net.SplitHostPort(datagrams)

	t.Run("addresses", func(t *testing.T) {
		lines := []string{"open tcp4: ok 3", "open tcp6: ok 4", "open udp4: ok 5", "open udp6: ok 6"}
		for _, host := range []string{"127.0.0.2", "0.0.0.0", "127.255.255.255", "10.0.0.1", "169.254.169.254", "255.255.255.255", "224.0.0.1", "198.41.0.4"} {
			lines = append(lines, "connect 3 "+host+":"+port+": acces", "connect 5 "+host+":"+udpPort+": acces", "sendto 5 "+host+":"+udpPort+" x: acces 0")
		}
		for _, host := range []string{
			"::1", "::", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::1", "::ffff:0:127.0.0.1", "fe80::5efe:127.0.0.1", "ff02::1", "fd00:ec2::254",
		} {
			at := net.JoinHostPort(host, port)
			lines = append(lines, "connect 4 "+at+": acces", "connect 6 "+net.JoinHostPort(host, udpPort)+": acces", "sendto 6 "+net.JoinHostPort(host, udpPort)+" x: acces 0")
		}
		lines = append(lines,
			"connect 4 [::ffff:127.0.0.1]:"+port+": afnosupport", // such a socket is of IPv6 only
			"connect 3 127.0.0.1:"+otherPort+": acces", "connect 3 127.0.0.1:0: acces",
			"connect 5 127.0.0.1:"+port+": acces", // the grant is of TCP
			"connect 3 127.0.0.1:"+udpPort+": acces",
			"connect 3 "+granted+": ok", "connect 3 "+other+": isconn", "sendto 3 "+other+" x: ok 1") // a stream has its peer
		c.script(t, "addresses", []string{"--dial=" + granted, "--dial=udp:" + datagrams}, lines)
	})

	t.Run("datagrams", func(t *testing.T) {
		c.script(t, "datagrams", []string{"--dial=udp:" + datagrams}, []string{
			"open udp4: ok 3", "connect 3 " + datagrams + ": ok",
			"sendto 3 " + otherDatagrams + " x: acces 0", "connect 3 " + otherDatagrams + ": acces", "set 3 4 1: ok", // broadcast
			"sendto 3 255.255.255.255:" + udpPort + " x: acces 0", "sendto 3 127.255.255.255:" + udpPort + " x: acces 0", "sendto 3 224.0.0.1:" + udpPort + " x: acces 0",
			"send 3 x: ok 1", "peer 3: ok " + datagrams, "bind 3 " + otherDatagrams + ": acces", "bind 3 127.0.0.1:0: acces", "bind 3 0.0.0.0:" + udpPort + ": acces",
			"accept 3: notsup 0", "listen 3: notsup",
		})
	})

	t.Run("names", func(t *testing.T) {
		lines := []string{}
		for _, name := range []string{"LOCALHOST", "localhost.", "LocalHost."} {
			lines = append(lines, "resolve "+name+": ok 127.0.0.1...")
		}
		for _, name := range []string{
			"127.1", "0177.0.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "localhost%lo", "fe80::1%lo", "[::1]", "localhost..",
			"x*255", "x*1024", "x*1025", "x*65536", "a_b.-c", "127。0。0。1.", "①②⑦.1", "①②⑦.⓪.⓪.①", "*.example", "localhost:" + port, "localhost/", "..",
		} {
			lines = append(lines, "resolve "+name+": no-name")
		}
		// what is an address leads there, and may be connected to as granted; one name may be granted, and not what is like it
		lines = append(lines, "resolve: no-name", "resolve 127.0.0.1: ok 127.0.0.1", "resolve ::ffff:127.0.0.1: ok 127.0.0.1", "resolve 169.254.169.254: ok 169.254.169.254",
			"resolve locaⅼhost: ok 127.0.0.1...", "resolve localhost.localdomain: acces", "resolve localhost.evil.example: acces", "resolve xn--lcalhost-54a: acces",
			"open tcp4: ok 3", "connect 3 "+granted+": ok", "open tcp4: ok 4", "connect 4 "+other+": acces")
		c.script(t, "names", []string{"--dial=localhost:" + port}, lines)
	})

	t.Run("listening", func(t *testing.T) {
		at := testkit.FreeAddress(t)
		_, free, _ := net.SplitHostPort(at)
		c.script(t, "listening", []string{"--listen=web=" + at}, []string{
			"close 3: ok", "open tcp4: ok 3", "open tcp6: ok 4", "bind 3 0.0.0.0:" + free + ": acces", "bind 3 127.0.0.1:0: acces", "bind 3 127.0.0.2:" + free + ": acces",
			"bind 4 [::]:" + free + ": acces", "bind 4 [::1]:" + free + ": acces", "listen 3: acces", "bind 3 0.0.0.0:0: ok", "listen 3: acces", "accept 3: inval 0",
			"close 3: ok", "open tcp4: ok 3", "bind 3 " + at + ": ok", "set 3 0 1: ok", "listen 3: ok", "connect 3 " + at + ": isconn",
			"open tcp4: ok 5", "bind 5 " + at + ": addrinuse", "connect 5 " + at + ": acces",
		})
	})

	t.Run("ports", func(t *testing.T) {
		free, udpAt := testkit.Datagrams(t)
		_ = free.Close()
		c.script(t, "ports", []string{"--listen=0.0.0.0:0", "--listen=udp:" + udpAt}, []string{
			// what was granted is bound already
			"listen 3: ok", "bind 3 0.0.0.0:0: inval", "bind 4 " + udpAt + ": inval",
			// a grant for a port that the daemon chooses is for one
			"open tcp4: ok 5", "bind 5 0.0.0.0:0: ok", "listen 5: ok", "open tcp4: ok 6", "bind 6 0.0.0.0:0: ok", "listen 6: addrinuse",
			// without a grant there is none
			"open udp4: ok 7", "bind 7 0.0.0.0:0: ok", "local 7: ok 0.0.0.0:0", "bind 7 0.0.0.0:0: inval",
		})
	})

	t.Run("descriptors", func(t *testing.T) {
		c.must(t, "submit", "--id", "holder", "--connect", "db="+granted, socketsFile(t), "read 3 1")
		c.waitsFor(t, "holder", reading)
		lines := []string{"open tcp4: ok 3"}
		for _, fd := range []string{"4", "5", "6", "7", "8", "9", "10", "100", "65535", "2147483647", "4294967295", "-1"} {
			lines = append(lines, "write "+fd+" x: badf 0", "send "+fd+" x: badf 0", "read "+fd+" 1: badf", "renumber "+fd+" 3: badf", "renumber 3 "+fd+": badf", "peer "+fd+": badf...")
		}
		lines = append(lines, "renumber 3 0: ok", "connect 0 "+granted+": acces", "write 0 x: notconn 0", "peer 0: notconn...")
		c.script(t, "guesser", nil, lines)
		c.must(t, "cancel", "holder")
	})
}

// A workload that is connected to one with larger grants has nothing of them but what that one sends it.
func TestNoEscapeThroughPeers(t *testing.T) {
	c := newCtl(t, sockets(t))
	granted, _ := testkit.NeverAnswers(t)
	c.must(t, "submit", "--id", "larger", "--listen", "workload", "--dial", granted, socketsFile(t),
		"open tcp4", "connect 4 "+granted, "poll 3 r", "accept 3", "read 5 9", "read 5 9")
	c.script(t, "smaller", []string{"--connect=workload:larger"}, []string{
		"write 3 hello: ok 5", "connect 3 " + granted + ": isconn", "bind 3 127.0.0.1:0: inval", "listen 3: inval", "accept 3: inval 0", "sendto 3 " + granted + " x: ok 1",
		"peer 3: notconn...", "read 4 1: badf", "open tcp4: ok 4", "connect 4 " + granted + ": acces", "get 3 13: ok 0", "get 3 99: noprotoopt 0", "get 3 -1: noprotoopt 0",
	})
	c.daemon.WaitFor(t, "larger")
	c.lines(t, "larger", "open tcp4: ok 4", "connect 4 "+granted+": ok", "poll 3 r: ok", "accept 3: ok 5", "read 5 9: ok hello...", "read 5 9: ok...")
}

// No grant leads to the daemon's own API, through which a guest could submit what has larger grants.
func TestNoEscapeThroughDaemon(t *testing.T) {
	c := newCtlOf(t, testkit.Start(t, testkit.DataDir(t, tool(t)), "--listen=0.0.0.0:0", "--insecure-no-tls"))
	var own []string // the ports
	for _, at := range regexp.MustCompile(`"(?:127\.0\.0\.1|0\.0\.0\.0|\[::\]):([1-9]\d*)"`).FindAllStringSubmatch(c.daemon.Log(), -1) {
		own = append(own, at[1])
	}
	if len(own) != 2 {
		t.Fatalf("the daemon listens at ports %q", own)
	}
	flags, lines := []string{}, []string{"resolve localhost: ok 127.0.0.1...", "open tcp4: ok 3", "open tcp6: ok 4"}
	for _, port := range own {
		flags = append(flags, "--dial=127.0.0.0/8:"+port, "--dial=0.0.0.0/8:"+port, "--dial=localhost:"+port)
		for _, only := range []string{"127.0.0.1:", "0.0.0.0:", "[::]:", "[::ffff:127.0.0.1]:"} {
			_, errs, status := c.run(t, "", "run", "--dial="+only+port, toolFile(t), "hello")
			if status == 0 || !strings.Contains(errs, "dialling \""+only+port+"\": the daemon itself serves there") {
				t.Errorf("--dial %s: status %d: %s", only+port, status, errs)
			}
		}
		lines = append(lines, "connect 3 127.0.0.1:"+port+": acces", "connect 3 0.0.0.0:"+port+": acces")
		_, err := c.daemon.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
			Module: c.daemon.Push(t, tool(t)), Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: "127.0.0.1:" + port}}}},
		}})
		refusal{codes.FailedPrecondition, "GRANT_DENIED", "the daemon itself serves there", "spec.grants[0].connection.address"}.check(t, err)
		_, errs, status := c.run(t, "", "run", "--connect=localhost:"+port, toolFile(t), "hello")
		if status == 0 || !strings.Contains(errs, "the daemon itself serves there") {
			t.Errorf("status %d: %s", status, errs)
		}
	}
	c.script(t, "caller", flags, lines)
}
