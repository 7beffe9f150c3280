package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// operations are what stands before the colons of lines.
func operations(lines []string) (operations []string) {
	for _, line := range lines {
		operation, _, _ := strings.Cut(line, ": ")
		operations = append(operations, operation)
	}
	return operations
}

// Datagrams of every size come and go whole: empty ones too, and those that are too large are refused. What a buffer has no
// room for is lost, and the guest is told.
func TestDatagramSizes(t *testing.T) {
	c := newCtl(t, sockets(t))
	at := testkit.EchoesDatagrams(t)
	var lines []string
	for _, connected := range []bool{false, true} {
		fd := 3
		send := fmt.Sprintf("sendto %d %s", fd, at)
		lines = append(lines, fmt.Sprintf("open udp4: ok %d", fd))
		if connected {
			fd = 4
			send = fmt.Sprintf("send %d", fd)
			lines[len(lines)-1] = "open udp4: ok 4"
			lines = append(lines, fmt.Sprintf("connect %d %s: ok", fd, at))
		}
		for _, size := range []int{0, 1, 64, 1472, 1473, 9000, 65506, 65507} {
			read := fmt.Sprintf("%d bytes", size)
			if size <= 64 {
				read = strings.Repeat("x", size)
			}
			received := strings.TrimSpace("ok " + read)
			lines = append(lines,
				fmt.Sprintf("%s x*%d: ok %d", send, size, size), fmt.Sprintf("recvfrom %d 65535: %s", fd, received),
				fmt.Sprintf("%s x*%d: ok %d", send, size, size), fmt.Sprintf("recv %d 70000: %s", fd, received))
		}
		for _, size := range []int{65508, 65535, 65536, 100_000} {
			lines = append(lines, fmt.Sprintf("%s x*%d: msgsize 0", send, size))
		}
		lines = append(lines,
			send+" x*1000: ok 1000", fmt.Sprintf("recv %d 10: ok xxxxxxxxxx truncated", fd),
			send+" x*1000: ok 1000", fmt.Sprintf("recvfrom %d 10: ok xxxxxxxxxx truncated", fd),
			send+" x*5: ok 5", fmt.Sprintf("recv %d 0: ok truncated", fd), // which drops it
			send+" x*3: ok 3", fmt.Sprintf("recvfrom %d 9: ok xxx", fd),
			send+" x*2: ok 2", fmt.Sprintf("read %d 0: ok", fd), // which does not
			fmt.Sprintf("read %d 9: ok xx", fd))
		if connected {
			lines = append(lines, "write 4: ok 0", "recv 4 9: ok", "write 4 x*65508: msgsize 0")
		}
	}
	lines = append(lines, "nonblock 4: ok", "recv 4 9: again", "recv 4 0: again") // nothing is left
	c.must(t, append([]string{"submit", "--id", "sizes", "--dial", "udp:" + at, socketsFile(t)}, operations(lines)...)...)
	if end := c.daemon.WaitFor(t, "sizes"); end.GetState() != succeeded {
		t.Errorf("it ended as %v", end)
	}
	c.lines(t, "sizes", lines...)
}
