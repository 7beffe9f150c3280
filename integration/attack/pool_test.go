package attack

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// mute listens on an address where a connection is neither made nor refused: its queue is full.
func mute(t *testing.T) (address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at.(*syscall.SockaddrInet4).Port}).String()
	failed := 0
	for range 16 {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			continue
		}
		if failed++; failed == 3 { // once it may be this process that was not there in time
			return address
		}
	}
	t.Skip("this system's queues don't fill")
	return ""
}

// TestOpeningGrantsIsSeen: a workload whose grants take long to open tells what it waits for.
func TestOpeningGrantsIsSeen(t *testing.T) {
	address := mute(t)
	d := testkit.Start(t, t.TempDir())
	id := d.Submit(t, &reactorv1.WorkloadSpec{
		Module: d.Push(t, examples.Sleeper),
		Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: address}}}},
	})
	var waits []*reactorv1.Op
	for deadline := time.Now().Add(testkit.Patience); len(waits) == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		waits = d.Status(t, id).GetWaitingFor()
	}
	if len(waits) == 0 || waits[0].GetKind() != reactorv1.OpKind_OP_KIND_CONNECT || waits[0].GetTarget() != address {
		t.Errorf("it waits for %v, want the connection", waits)
	}
	d.Cancel(t, id)
}

// frozen returns a folder on a file system of its own, and what freezes it: what writes to it then hangs.
func frozen(t *testing.T) (dir string, freeze func()) {
	t.Helper()
	for _, tool := range []string{"mkfs.ext4", "fsfreeze", "mount"} {
		if _, err := exec.LookPath(tool); err != nil || os.Getuid() != 0 {
			t.Skip("only root can freeze a file system, with fsfreeze")
		}
	}
	image := filepath.Join(t.TempDir(), "image")
	dir = t.TempDir()
	run := func(name string, args ...string) error {
		return exec.CommandContext(context.WithoutCancel(t.Context()), name, args...).Run()
	}
	for _, command := range [][]string{
		{"truncate", "-s", "64M", image}, {"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, dir},
	} {
		if err := run(command[0], command[1:]...); err != nil {
			t.Skip("no file system can be mounted: ", err)
		}
	}
	t.Cleanup(func() { _ = run("umount", "-l", dir) })
	return dir, func() {
		if err := run("fsfreeze", "-f", dir); err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = run("fsfreeze", "-u", dir) })
	}
}

// TestDeadFileSystem: however many guests hang in a file system that is dead, files elsewhere are there for
// others, and the daemon ends when it is told to, and says what hung.
func TestDeadFileSystem(t *testing.T) {
	long(t)
	dead, freeze := frozen(t)
	d := testkit.Start(t, t.TempDir(), "--grace-period", "1s")
	module := d.Push(t, testkit.GoGuest(t, "../testdata/guests/files"))
	spec := func(dir string) *reactorv1.WorkloadSpec {
		return &reactorv1.WorkloadSpec{
			Module: module, Args: []string{"root", "/granted"},
			Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: dir, GuestPath: "/granted"}}}},
		}
	}
	freeze()
	hung := d.SubmitMany(t, spec(dead), 100)
	time.Sleep(time.Second)
	begin := time.Now()
	if s := d.Run(t, spec(t.TempDir())); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED || time.Since(begin) > 5*time.Second {
		t.Errorf("a guest elsewhere ended with %v after %v", s, time.Since(begin))
	}
	d.Cancel(t, hung...)
	d.Signal(syscall.SIGTERM)
	for deadline := time.Now().Add(40 * time.Second); !strings.Contains(d.Log(), "did not shut down cleanly"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not end:\n%s", d.Log())
		}
	}
	if !strings.Contains(d.Log(), "file /granted") {
		t.Errorf("it does not say what hung:\n%s", d.Log())
	}
}
