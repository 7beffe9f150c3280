package attack

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestNoFilesOfTheKernel: a guest that was granted procfs or sysfs reads nothing there, the daemon's
// memory and environment least of all, and changes nothing.
func TestNoFilesOfTheKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("file systems of Linux")
	}
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, testkit.GoGuest(t, "../testdata/guests/files"))
	process := []string{"mem", "environ", "maps", "cmdline", "auxv", "fd", "fd/0", "fd/3", "task", "ns/net", "exe", "cwd", "root/etc/passwd"}
	for _, tt := range []struct {
		grant, below string
		readOnly     bool
		names        []string
	}{
		{"/proc", "self", true, process},
		{"/proc", "self", false, process},
		{"/proc", "thread-self", false, process},
		{"/proc", fmt.Sprint(d.PID), false, process},
		{"/proc", fmt.Sprintf("self/task/%d", d.PID), false, process},
		{"/proc/self", ".", false, process},
		{"/proc", ".", false, []string{".", "version", "kcore", "kmsg", "sysrq-trigger", "sys/kernel/core_pattern"}},
		{"/sys", ".", false, []string{".", "kernel/notes", "kernel/uevent_seqnum", "fs/cgroup/cgroup.procs"}},
		{"/dev", "fd", false, []string{"0", "1", "3"}},
	} {
		t.Run(fmt.Sprintf("%s %s read-only=%v", tt.grant, tt.below, tt.readOnly), func(t *testing.T) {
			id := d.Submit(t, &reactorv1.WorkloadSpec{
				Module: module,
				Args:   append([]string{"peek", "/granted/" + tt.below}, tt.names...),
				Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{
					HostPath: tt.grant, GuestPath: "/granted", ReadOnly: tt.readOnly,
				}}}},
			})
			if s := d.WaitFor(t, id); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
				text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
				t.Errorf("status is %v: %s", s, text)
			}
		})
	}
}
