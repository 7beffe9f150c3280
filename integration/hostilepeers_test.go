package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// listenAddress is where a workload listens, once it does.
func (c ctl) listenAddress(t *testing.T, id string) (address string) {
	t.Helper()
	until(t, id+" listens", func() bool {
		for _, at := range c.daemon.Status(t, id).GetListenAddresses() {
			address = at
		}
		return address != ""
	})
	return address
}

// Guests and peers that are hostile to each other cost the daemon little memory, and do no harm to a guest beside them.
func TestHostilePeers(t *testing.T) {
	const most = 64 << 20 // that the daemon may grow by
	c := newCtl(t, sockets(t))
	guest := socketsFile(t)
	c.must(t, "run", guest, "get 1 1") // so that it is compiled
	bounded := func(t *testing.T, body func()) {
		t.Helper()
		before := c.daemon.Stats(t).GetResidentBytes()
		meanwhile(t, c.daemon, body)
		if after := c.daemon.Stats(t).GetResidentBytes(); after > before+most {
			t.Errorf("the daemon grew by %d MiB", (after-before)>>20)
		}
	}

	t.Run("a guest that never reads", func(t *testing.T) {
		endless := testkit.Serve(t, func(c net.Conn) {
			for b := make([]byte, 1<<16); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		})
		bounded(t, func() {
			args := []string{"submit", "--id", "deaf", "--dial", endless, guest}
			for fd := 3; fd < 35; fd++ {
				args = append(args, "open tcp4", fmt.Sprintf("connect %d %s", fd, endless))
			}
			c.must(t, append(args, "sleep 3600000")...)
			c.waitsFor(t, "deaf", reactorv1.OpKind_OP_KIND_TIMER)
		})
		c.must(t, "cancel", "deaf")
		if u := c.daemon.WaitFor(t, "deaf").GetUsage(); u.GetReceivedBytes() != 0 {
			t.Errorf("it has received %d bytes", u.GetReceivedBytes())
		}
	})

	t.Run("floods of single bytes", func(t *testing.T) {
		silent, _ := testkit.NeverAnswers(t)
		drips := testkit.Serve(t, func(c net.Conn) {
			for range 20_000 {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		})
		_, datagrams := testkit.Datagrams(t)
		bounded(t, func() {
			c.script(t, "stream", []string{"--sent-bytes=50000", "--dial=" + silent}, []string{"open tcp4: ok 3", "connect 3 " + silent + ": ok", "until write 3 x: dquot 0"})
			c.script(t, "datagram", []string{"--sent-bytes=50000", "--dial=udp:" + datagrams}, []string{"open udp4: ok 3", "until sendto 3 " + datagrams + " x: dquot 0"})
			c.script(t, "dripped", []string{"--dial=" + drips}, []string{"open tcp4: ok 3", "connect 3 " + drips + ": ok", "drain 3: ok 20000"})
		})
	})

	t.Run("datagrams of strangers", func(t *testing.T) {
		echo := testkit.EchoesDatagrams(t)
		c.must(t, "submit", "--id", "heard", "--dial", "udp:"+echo, guest, "open udp4", "sendto 3 "+echo+" hello", "local 3", "recvfrom 3 9", "recvfrom 3 9", "local 3")
		c.waitsFor(t, "heard", reading) // for what comes after the echo
		port := ""
		until(t, "it has told its address", func() bool {
			_, after, ok := strings.Cut(output(t, c.daemon, "heard"), "local 3: ok 0.0.0.0:")
			port, _, _ = strings.Cut(after, "\n")
			return ok
		})
		bounded(t, func() {
			conn, err := net.Dial("udp4", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for range 20_000 {
				_, _ = conn.Write([]byte("evil"))
			}
		})
		c.must(t, "revoke", "heard", "--all")
		c.daemon.WaitFor(t, "heard")
		c.lines(t, "heard", "open udp4: ok 3", "sendto 3 "+echo+" hello: ok 5", "local 3: ok 0.0.0.0:"+port, "recvfrom 3 9: ok hello", "recvfrom 3 9: notcapable", "local 3: notcapable...")
	})

	t.Run("storms of connections", func(t *testing.T) {
		silent, _ := testkit.NeverAnswers(t)
		c.must(t, "submit", "--id", "busy", "--listen", "127.0.0.1:0", guest, "sleep 3600000")
		address := c.listenAddress(t, "busy")
		bounded(t, func() {
			c.must(t, "submit", "--id", "dials", "--connections", "4", "--dial", silent, guest, "storm "+silent+" 2000")
			for range 2000 { // nobody accepts them
				conn, err := net.Dial("tcp4", address)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			c.daemon.WaitFor(t, "dials")
			c.lines(t, "dials", "storm "+silent+" 2000: ok 2000")
		})
		c.must(t, "cancel", "busy")
	})
}

// Connections that send a byte now and then do not keep a server from others, as long as it may have as many.
func TestSlowPeers(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newCtl(t, example(t, "http"))
	c.must(t, "submit", "--id", "web", "--listen", "127.0.0.1:0", exampleFile(t, "http"))
	address := c.listenAddress(t, "web")
	var slow []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		slow = append(slow, conn)
	}
	const request = "GET /hello/Ada HTTP/1.1\r\n"
	for i := range request {
		for _, conn := range slow {
			if _, err := conn.Write([]byte{request[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if i%8 != 0 {
			continue
		}
		resp, err := http.Get("http://" + address + "/hello/Ada")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "Hello, Ada!\n" {
			t.Errorf("it answers %q, %v", body, err)
		}
	}
	c.must(t, "cancel", "web")
}
