package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// A server whose clients use up the descriptors that it may have goes on: those that are not accepted yet are served when
// others have gone. The daemon's log says what is short.
func TestServerOutlivesShortageOfDescriptors(t *testing.T) {
	c := newCtlOf(t, testkit.StartWithDescriptors(t, testkit.DataDir(t, example(t, "http")), 200))
	c.must(t, "submit", "--id", "web", "--listen", "127.0.0.1:0", exampleFile(t, "http"))
	address := c.listenAddress(t, "web")
	const line = "guests lack file descriptors"
	var idle []net.Conn
	for range 150 { // three quarters of 200 are for all guests, and a third of these for one
		conn, err := net.Dial("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		idle = append(idle, conn)
	}
	late := idle[len(idle)-1]
	if _, err := io.WriteString(late, "GET /hello/Ada HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "the log tells of it", func() bool { return strings.Contains(c.daemon.Log(), line) })
	for _, conn := range idle[:len(idle)-1] {
		conn.Close()
	}
	resp, err := http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil {
		t.Fatalf("the client that had to wait: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the client that had to wait gets %s", resp.Status)
	}
	if n := strings.Count(c.daemon.Log(), line); n != 1 {
		t.Errorf("%d lines tell of it:\n%s", n, c.daemon.Log())
	}
	if out := output(t, c.daemon, "web"); !strings.Contains(out, "Accept error") {
		t.Errorf("the server was not refused any connection:\n%s", out)
	}
	c.must(t, "cancel", "web")
}
