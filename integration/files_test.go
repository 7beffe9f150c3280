package integration

import (
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestFiles runs programs that use files in the ways of other hosts and of POSIX.
func TestFiles(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := d.Push(t, testkit.GoGuest(t, "testdata/guests/files"))
	for _, tt := range []struct {
		verb, dir string
	}{
		{"root", t.TempDir()},
		{"devices", "/dev"},
	} {
		t.Run(tt.verb, func(t *testing.T) {
			id := d.Submit(t, &reactorv1.WorkloadSpec{
				Module: module,
				Args:   []string{tt.verb, "/granted"},
				Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
					Directory: &reactorv1.DirectoryGrant{HostPath: tt.dir, GuestPath: "/granted"},
				}}},
			})
			if s := d.WaitFor(t, id); s.GetState() != succeeded {
				text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: id})
				t.Errorf("status is %v: %s", s, text)
			}
		})
	}
}
