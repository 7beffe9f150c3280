package integration

import (
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// lines compares what the guest has printed. A line that is wanted may end with "...".
func (c ctl) lines(t *testing.T, id string, want ...string) {
	t.Helper()
	compareLines(t, id, strings.Split(strings.TrimSpace(output(t, c.daemon, id)), "\n"), want)
}

// lastLines is lines for a workload of several attempts: those before may have printed something, too.
func (c ctl) lastLines(t *testing.T, id string, want ...string) {
	t.Helper()
	got := strings.Split(strings.TrimSpace(output(t, c.daemon, id)), "\n")
	compareLines(t, id, got[max(len(got)-len(want), 0):], want)
}

func compareLines(t *testing.T, id string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		line, wanted := "", ""
		if i < len(got) {
			line = got[i]
		}
		if i < len(want) {
			wanted = want[i]
		}
		begin, open := strings.CutSuffix(wanted, "...")
		if line != wanted && (!open || !strings.HasPrefix(line, begin)) {
			t.Errorf("%s printed in line %d\n\t%s\nwant\n\t%s", id, i, line, wanted)
		}
	}
}

// waitsFor waits until a workload waits for an operation of a kind.
func (c ctl) waitsFor(t *testing.T, id string, kind reactorv1.OpKind) (op *reactorv1.Op) {
	t.Helper()
	until(t, id+" waits for "+kind.String(), func() bool {
		ops := c.daemon.Status(t, id).GetWaitingFor()
		i := slices.IndexFunc(ops, func(op *reactorv1.Op) bool { return op.GetKind() == kind })
		if i >= 0 {
			op = ops[i]
		}
		return i >= 0
	})
	return op
}

// deaf returns an address at which the system answers nobody: as many have connected as it keeps for a listener that
// does not accept.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // more than it keeps: the last ones are not made
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(c) })
		_ = unix.Connect(c, name)
	}
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*unix.SockaddrInet4).Port}).String()
}
