package attack

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// stuck mounts a file system whose server answers nothing but that it is there, and returns where, and what
// ends it.
func stuck(t *testing.T) (dir string, end func()) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil || os.Getuid() != 0 {
		t.Skip("only root can mount, and only with FUSE: ", err)
	}
	dir = t.TempDir()
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("stuck", dir, "fuse.stuck", 0, options); err != nil {
		_ = unix.Close(fd)
		t.Skip("FUSE can't be mounted: ", err)
	}
	end = sync.OnceFunc(func() {
		_ = unix.Unmount(dir, unix.MNT_DETACH|unix.MNT_FORCE)
		_ = unix.Close(fd)
	})
	t.Cleanup(end)
	go func() {
		const opInit, headBytes, initBytes = 26, 16, 64 // see fuse(4) and linux/fuse.h
		request := make([]byte, 1<<20)
		for {
			n, err := unix.Read(fd, request)
			if err != nil || n < headBytes {
				return
			}
			if binary.NativeEndian.Uint32(request[4:]) != opInit {
				continue
			}
			answer := make([]byte, headBytes+initBytes)
			binary.NativeEndian.PutUint32(answer, uint32(len(answer)))
			copy(answer[8:headBytes], request[8:headBytes])             // which request
			binary.NativeEndian.PutUint32(answer[headBytes:], 7)        // major version
			binary.NativeEndian.PutUint32(answer[headBytes+4:], 31)     // minor version
			binary.NativeEndian.PutUint32(answer[headBytes+20:], 1<<16) // bytes of a write at most
			if _, err := unix.Write(fd, answer); err != nil {
				return
			}
		}
	}()
	return dir, end
}

// TestGrantOfDeadFileSystem: however many clients ask for folders of a file system that does not answer, and
// leave, they hold a few threads; each hears that it does not; others are served, and the daemon ends when it
// is told to.
func TestGrantOfDeadFileSystem(t *testing.T) {
	long(t)
	dead, end := stuck(t)
	d := testkit.Start(t, t.TempDir(), "--grace-period", "1s")
	defer end() // or the daemon's process can't be gone
	module := d.Push(t, examples.Sleeper)
	submit := func(client testkit.Client, dir string, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := client.Workloads.SubmitWorkload(ctx, &reactorv1.SubmitWorkloadRequest{Spec: &reactorv1.WorkloadSpec{
			Module: module,
			Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{HostPath: dir, GuestPath: "/granted"}}}},
		}})
		return err
	}
	before := threadsOf(t, d)
	var clients sync.WaitGroup
	for range 40 {
		client := d.Another(t)
		for range 5 {
			clients.Go(func() { _ = submit(client, dead+"/x", 300*time.Millisecond) })
		}
	}
	clients.Wait()
	if now := threadsOf(t, d); now > before+20 {
		t.Errorf("it has %d threads, %d before", now, before)
	}
	begin := time.Now()
	st := status.Convert(submit(d.Client, dead+"/x", time.Minute))
	if st.Code() != codes.Unavailable || !strings.Contains(st.Message(), dead+"/x") || !retries(st) || time.Since(begin) > 10*time.Second {
		t.Errorf("after %v: %v %v", time.Since(begin), st, st.Details())
	}
	begin = time.Now()
	if err := submit(d.Client, t.TempDir(), time.Minute); err != nil || time.Since(begin) > 2*time.Second {
		t.Errorf("another folder: %v after %v", err, time.Since(begin))
	}
	d.Signal(syscall.SIGTERM)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(d.Log(), `"stopped"`); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not end:\n%s", d.Log())
		}
	}
}

func threadsOf(t *testing.T, d *testkit.Daemon) int {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", d.PID))
	if err != nil {
		t.Fatal(err)
	}
	return len(threads)
}

// retries tells whether a status says when to try again.
func retries(st *status.Status) bool {
	for _, detail := range st.Details() {
		if _, ok := detail.(*errdetails.RetryInfo); ok {
			return true
		}
	}
	return false
}
